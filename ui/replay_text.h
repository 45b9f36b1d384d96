/* --replay --batch: the story of a session as text. */
#ifndef UI_REPLAY_TEXT_H
#define UI_REPLAY_TEXT_H

/* A line an entry to stdout. Returns the exit status. */
int ui_replay_text(const char *session);

#endif
