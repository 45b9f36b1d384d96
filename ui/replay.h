/* A session played as it came about: frame by frame, an entry or an epoch each, by the command
 * frame. */
#ifndef UI_REPLAY_H
#define UI_REPLAY_H

#include "keymap.h"
#include "surface.h"
#include <stdbool.h>
#include <stdint.h>

struct screen;

struct replay_frame {
    int64_t entry;
    int index, epochs; /* of the entry from 0; -1: all of its epochs */
    double wait;       /* seconds it took to come from the frame before */
};

struct replay {
    bool on, playing;
    double speed;
    int count, at, entries;
    struct replay_frame *frames;
    double due; /* when the next frame is, by tn_clock_seconds */
};

/* Begin with the first entry, playing; the snapshot has all of them. Speed 0: as it was done. */
void replay_start(struct screen *screen, double speed);
void replay_free(struct replay *replay);
void replay_act(struct screen *screen, enum replay_key key);
/* Milliseconds until there is something to do, -1: nothing. */
int replay_timeout(const struct screen *screen);
/* Go on where it is time to. */
void replay_tick(struct screen *screen);
/* "playing", "paused" */
const char *replay_state(const struct screen *screen);
/* Where it is, in a line. */
void replay_draw(const struct screen *screen, struct pane line);

#endif
