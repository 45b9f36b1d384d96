/* Where the program keeps what it was not told to keep elsewhere: $XDG_STATE_HOME/thinet-tui. */
#ifndef UI_STATE_FOLDER_H
#define UI_STATE_FOLDER_H

/* Path of a file in the folder, which is made if it is not there; NULL where there is no home or no
 * memory. Released with tn_free. */
char *state_file(const char *name);

/* Path of a new file for a session that has no name yet: draft-DATE-TIME-PROCESS.thinet. */
char *state_draft(void);

#endif
