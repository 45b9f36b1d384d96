/* The journal's tree in rows, one an entry, with the lines that lead from each entry to the one it
 * followed: as `git log --graph` draws them. */
#ifndef UI_TREE_H
#define UI_TREE_H

#include "glyphs.h"
#include "session/snapshot.h"
#include "surface.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    TREE_EMPTY = -1, /* instead of an entry: the empty session, which all else follows */
    TREE_LANES = 48, /* lines beside each other; what goes beyond is drawn without one */
};

enum tree_order {
    TREE_BRANCHES, /* oldest first, each branch in one piece, the one with the newest entry last */
    TREE_NEWEST,   /* by number, newest first */
};

struct tree_row {
    int entry;      /* index into the entries, or TREE_EMPTY */
    uint8_t lane;   /* where it stands, from 0 */
    uint8_t from;   /* the lane it branches off; its own: it does not */
    uint64_t lines; /* a bit for each lane that goes on above and below */
};

struct tree {
    int count;             /* entries + 1 */
    struct tree_row *rows; /* [count] */
    int *places;           /* [count] entry + 1 -> its row */
    int *branches;         /* [count] entry + 1 -> the entry that named its branch, or TREE_EMPTY */
    int lanes;             /* that any row needs */
};

/* Lay entries (ascending by id) out, in place of what the tree held: time grows with their number
 * alone. An entry whose parent is not there follows the empty session. False: out of memory, the
 * tree is empty. */
bool tree_layout(struct tree *tree, const struct tn_snapshot_entry *entries, int count,
                 enum tree_order order);
void tree_free(struct tree *tree);

/* Columns for all lanes, two each but the last. */
int tree_width(const struct tree *tree);

/* Draw a row's lines and, in their place, the entry's sign. What has no room is cut; a sign that
 * has none stands at the end, behind an arrow. */
void tree_draw(struct pane pane, int row, const struct tree_row *tree_row, enum style style,
               uint32_t sign, const struct glyphs *glyphs);

#endif
