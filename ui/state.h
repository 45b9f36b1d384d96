/* What the workbench knows while it runs: the newest snapshot and status, and where the user is
 * looking. */
#ifndef UI_STATE_H
#define UI_STATE_H

#include "breakpoints.h"
#include "chart.h"
#include "command_palette.h"
#include "glyphs.h"
#include "intents.h"
#include "keymap.h"
#include "marks.h"
#include "popup.h"
#include "replay.h"
#include "session/command.h"
#include "session/worker.h"
#include "surface.h"
#include "tour.h"
#include "tree.h"
#include <stdbool.h>

enum focus { FOCUS_LAYERS, FOCUS_VIEW };

enum { LAYER_ALL = -1, ECHOES = 16, LINE = 512, MAX_VIEWS = 8 };

struct view_state {
    int cursor, scroll; /* rows */
    int order;          /* what `o` last chose */
    int anchor;         /* what the rows last followed: a layer and a place in it */
    int shown;          /* the anchor that the last frame scrolled to */
};

struct echo { /* a line that was submitted here, for when its result comes */
    uint64_t number;
    char line[LINE];
    const char *after;
};

struct spot { /* in the workbench */
    int view, layer;
    enum focus focus;
};

/* A second view where there is room for two. The keys are `view`'s; its rows and tabs are kept as
 * the screen's own are. */
struct beside {
    bool shown, left; /* by the last frame; left of `view` */
    int view;         /* never the same as `view` */
    struct pane rows, tabs;
};

struct chooser { /* of methods */
    bool all;    /* for all layers, not the selected one */
    int cursor, scroll;
    struct pane rows; /* where the last frame put them */
};

struct journal_list { /* the view Journal: its rows as they were last laid out */
    struct tree tree;
    uint64_t version; /* of the snapshot */
    int order;
    int count, command;       /* entries; columns of the longest command */
    int64_t at, head, newest; /* entries under the cursor, where the session stood, last; or 0 */
};

enum { QUEUE_ROWS = 100 };

struct queue_list { /* of commands that wait */
    struct tn_worker_queued rows[QUEUE_ROWS];
    int count, all; /* how many of them are here, and how many there are */
    int cursor, scroll;
    uint64_t number;  /* of the command under the cursor */
    struct pane list; /* where the last frame put them */
};

struct comparing {  /* in the view Compare; networks by the entry that made them */
    int64_t base;   /* the differences are to; 0: the first whose accuracy is known */
    int64_t at;     /* under the cursor */
    int shown;      /* table, scatter or both */
    bool by_params; /* the scatter's cost: parameters, not FLOPs */
    bool roomy;     /* the last frame had room for both */
};

/* Which curves the view Curves lays over each other. */
enum overlay { OVERLAY_OWN, OVERLAY_LS, OVERLAY_PLAIN, OVERLAYS };

/* What was asked of command `look`, for the pictures of the view Filters. */
struct looking {
    int64_t image;       /* wanted */
    uint64_t number;     /* of the last look; 0: none */
    int layer, filter;   /* it was of */
    int64_t asked, head; /* and of this image, at this entry of the journal */
    bool failed;
    char why[512];
    bool wanted; /* there is room for pictures */
};

struct screen {
    struct tn_worker *worker;
    const struct glyphs *glyphs;
    struct surface surface;
    struct tn_snapshot *snapshot;
    struct tn_worker_status status;
    struct intents intents;

    enum focus focus;
    int layer; /* selected: index into the snapshot's layers, or LAYER_ALL */
    int layer_scroll;
    int view; /* index into the table of views */
    struct view_state views[MAX_VIEWS];
    struct spot back; /* where a wide view leads back to */

    struct pane layer_rows, view_rows; /* where the last frame put them, for the mouse and paging */
    struct pane tabs;
    struct beside beside;

    char line[LINE]; /* the message line: the last command and what came of it */
    char result[LINE];
    const char *after; /* what can be done now, or NULL */
    bool failed;
    struct echo echoes[ECHOES]; /* a ring */
    int echo_next;
    uint64_t submitted; /* number of the last line */

    const struct popup_ops *popup; /* NULL: none is open */
    struct chooser chooser;
    struct queue_list queue;
    struct journal_list journal;
    struct command_palette command_palette;
    struct tour tour;
    struct replay replay;
    bool first_time; /* nobody has typed a command on this machine */
    struct comparing comparing;
    enum overlay overlay;
    int curves_zoom;               /* halvings of the axis */
    struct chart_axis curves_axis; /* where the last frame put it, for the mouse */
    uint64_t overlay_number;       /* of the command that computes its curves */
    int64_t proposal_dropped;      /* number of the last proposal that is not to be seen */
    uint64_t time_number;          /* of the last command that measures times here; 0: none */

    int measure; /* that the bars of the view Filters show */
    struct looking looking;
    struct marks marks;             /* on filters */
    struct breakpoints breakpoints; /* of the greedy walks */

    char search[128];
    bool help;
    int help_scroll;
    const struct tn_command *help_command; /* of which help tells; NULL: the keys */
    bool asking_quit, quit;

    bool bell;         /* long work that ends rings */
    bool ring;         /* now */
    char ending[LINE]; /* what ended, for the title, until the next key */
};

/* The selected layer, or NULL when it is "all" or there is none. */
const struct tn_snapshot_layer *screen_layer(const struct screen *screen);
/* Its name for a command: "all" for the first row, NULL when there is no layer at all. */
const char *screen_layer_name(const struct screen *screen);

/* Filters a layer will keep: as the snapshot says, or as the user asked since. */
int screen_keep(const struct screen *screen, int layer);
/* The relative errors at that point, without and with least squares; NAN before sampling. */
double screen_error(const struct screen *screen, int layer);
double screen_error_ls(const struct screen *screen, int layer);

/* Something runs, waits to run or rests. */
bool screen_busy(const struct screen *screen);
/* The same but for work in the background, which gives way to any command. */
bool screen_working(const struct screen *screen);

/* Submit a command line and show it. `after` (or NULL) is added to its result. Returns its number.
 */
uint64_t screen_submit(struct screen *screen, const char *line, const char *after);
/* Send what the ratio keys asked for: when nothing of it is in flight, or all of it now. */
void screen_send_intents(struct screen *screen, bool all);
/* A command was taken out of the queue, or asked to stop: nobody need wait for it. */
void screen_dropped(struct screen *screen, uint64_t number);
/* Say something that is no command's result. */
void screen_say(struct screen *screen, bool failed, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same of a text in which `NAME` stands for the key of the binding of that name. */
void screen_advise(struct screen *screen, bool failed, const char *text);

/* Take the newest snapshot and status from the worker. Work that took long and has ended is told by
 * screen->ring and screen->ending. */
void screen_update(struct screen *screen);

/* Select a layer (clamped); the view's rows begin anew. */
void screen_select(struct screen *screen, int layer);

/* The row of a list of `count` that is nearest to `row`. */
int list_row(int row, int count);
/* Keep a list's cursor in 0 .. count-1 and visible in `rows`. */
void list_follow(int *cursor, int *scroll, int count, int rows);

#endif
