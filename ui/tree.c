#include "tree.h"
#include "core/memory.h"
#include <stddef.h>

/* Everything below counts nodes: node 0 is the empty session, node i + 1 entry i. A node's parent
 * always has a smaller number. */

/* What ordering needs to know of the nodes. */
struct shape {
    int count;
    int *parent; /* [count] */
    int *newest; /* [count] the greatest node of those that follow it, itself among them */
    int *child;  /* [count] the child with the newest of all, 0: none */
    int *next;   /* [count] the next of a node's children, 0: none */
};

static int parent_of(const struct tn_snapshot_entry *entries, int index)
{
    int low = 0, high = index;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (entries[middle].id < entries[index].parent)
            low = middle + 1;
        else
            high = middle;
    }
    return low < index && entries[low].id == entries[index].parent ? low + 1 : 0;
}

/* Where lines of descent are walked up from their newest nodes, in ascending order of these, a
 * node's children come by in that order. */
static void list_children(struct shape *shape)
{
    for (int node = 1; node < shape->count; node++) {
        if (shape->newest[node] != node)
            continue;
        for (int at = node; at != 0 && shape->newest[at] == node; at = shape->parent[at]) {
            shape->next[at] = shape->child[shape->parent[at]];
            shape->child[shape->parent[at]] = at;
        }
    }
}

static bool find_shape(struct shape *shape, const struct tn_snapshot_entry *entries, int count)
{
    size_t nodes = (size_t)count + 1;
    int *block = tn_calloc(4 * nodes, sizeof *block);
    *shape = (struct shape){.count = count + 1, .parent = block};
    if (block == NULL)
        return false;
    shape->newest = block + nodes;
    shape->child = block + 2 * nodes;
    shape->next = block + 3 * nodes;
    for (int node = 1; node < shape->count; node++)
        shape->parent[node] = parent_of(entries, node - 1);
    for (int node = count; node >= 0; node--) {
        int *above = &shape->newest[shape->parent[node]];
        if (shape->newest[node] < node)
            shape->newest[node] = node;
        if (*above < shape->newest[node])
            *above = shape->newest[node];
    }
    list_children(shape);
    return true;
}

/* A node, then what follows it, branch by branch. `order` is filled from its end, so that children
 * come before their parents; `stack` has room for all nodes. */
static void order_branches(const struct shape *shape, int *order, int *stack)
{
    int depth = 0, left = shape->count;
    stack[depth++] = 0;
    while (depth > 0) {
        int node = stack[--depth];
        order[--left] = node;
        for (int child = shape->child[node]; child != 0; child = shape->next[child])
            stack[depth++] = child;
    }
}

static void order_newest(const struct shape *shape, int *order)
{
    for (int i = 0; i < shape->count; i++)
        order[i] = shape->count - 1 - i;
}

/* --- lanes --- */

enum { NOBODY = -1, NO_LANE = TREE_LANES };

struct lanes {
    int waits[TREE_LANES]; /* the node whose row ends the line, or NOBODY */
};

static int find_lane(const struct lanes *lanes, int node)
{
    int lane = 0;
    while (lane < TREE_LANES && lanes->waits[lane] != node)
        lane++;
    return lane;
}

static uint64_t lines_of(const struct lanes *lanes)
{
    uint64_t lines = 0;
    for (int lane = 0; lane < TREE_LANES; lane++)
        if (lanes->waits[lane] != NOBODY)
            lines |= UINT64_C(1) << lane;
    return lines;
}

/* The next row of children before parents: a node stands in the lane that waits for it, or opens
 * one, and then its parent is waited for: in the same lane where no other lane does that. */
static struct tree_row lay_row(struct lanes *lanes, const struct shape *shape, int node)
{
    int lane = find_lane(lanes, node);
    lane = lane == NO_LANE ? find_lane(lanes, NOBODY) : lane;
    if (lane < TREE_LANES)
        lanes->waits[lane] = NOBODY;
    struct tree_row row = {.entry = node - 1, .lane = (uint8_t)lane, .from = (uint8_t)lane};
    row.lines = lines_of(lanes);
    if (node == 0)
        return row;
    int to = find_lane(lanes, shape->parent[node]);
    if (to < TREE_LANES)
        row.from = (uint8_t)to;
    else if (lane < TREE_LANES)
        lanes->waits[lane] = shape->parent[node];
    return row;
}

/* --- the tree --- */

void tree_free(struct tree *tree)
{
    tn_free(tree->rows);
    tn_free(tree->places);
    *tree = (struct tree){0};
}

static bool reserve(struct tree *tree, int count)
{
    tree_free(tree);
    tree->rows = tn_calloc((size_t)count, sizeof *tree->rows);
    tree->places = tn_calloc(2 * (size_t)count, sizeof *tree->places);
    if (tree->rows == NULL || tree->places == NULL) {
        tree_free(tree);
        return false;
    }
    tree->branches = tree->places + count;
    tree->count = count;
    return true;
}

/* `order` has children before their parents, rows that begin with the oldest are turned round. */
static void fill(struct tree *tree, const struct shape *shape, const int *order, bool turned)
{
    struct lanes lanes;
    for (int lane = 0; lane < TREE_LANES; lane++)
        lanes.waits[lane] = NOBODY;
    for (int i = 0; i < tree->count; i++) {
        int at = turned ? tree->count - 1 - i : i;
        tree->rows[at] = lay_row(&lanes, shape, order[i]);
        tree->places[order[i]] = at;
        if (tree->rows[at].lane >= tree->lanes)
            tree->lanes = tree->rows[at].lane + 1;
    }
}

static void find_branches(struct tree *tree, const struct shape *shape,
                          const struct tn_snapshot_entry *entries)
{
    tree->branches[0] = TREE_EMPTY;
    for (int node = 1; node < tree->count; node++)
        tree->branches[node] =
            entries[node - 1].branch != NULL ? node - 1 : tree->branches[shape->parent[node]];
}

bool tree_layout(struct tree *tree, const struct tn_snapshot_entry *entries, int count,
                 enum tree_order order)
{
    struct shape shape;
    int *rows = tn_calloc(2 * ((size_t)count + 1), sizeof *rows);
    bool fine = rows != NULL && reserve(tree, count + 1);
    fine = fine && find_shape(&shape, entries, count);
    if (fine) {
        if (order == TREE_NEWEST)
            order_newest(&shape, rows);
        else
            order_branches(&shape, rows, rows + count + 1);
        fill(tree, &shape, rows, order == TREE_BRANCHES);
        find_branches(tree, &shape, entries);
        tn_free(shape.parent);
    } else {
        tree_free(tree);
    }
    tn_free(rows);
    return fine;
}

/* --- drawing --- */

int tree_width(const struct tree *tree)
{
    return tree->lanes > 0 ? 2 * tree->lanes - 1 : 0;
}

void tree_draw(struct pane pane, int row, const struct tree_row *tree_row, enum style style,
               uint32_t sign, const struct glyphs *glyphs)
{
    int from = 2 * tree_row->from, to = 2 * tree_row->lane;
    int left = from < to ? from : to, right = from < to ? to : from;
    if (from != to)
        pane_fill(pane, row, left, right - left, STYLE_BORDER, glyphs->horizontal);
    for (int lane = 0; lane < TREE_LANES && 2 * lane < pane.columns; lane++)
        if (tree_row->lines >> lane & 1)
            pane_glyph(pane, row, 2 * lane, STYLE_BORDER,
                       2 * lane == from && from != to
                           ? from < to ? glyphs->tee_right : glyphs->tee_left
                           : glyphs->vertical);
    if (to < pane.columns) {
        pane_glyph(pane, row, to, style, sign);
        return;
    }
    pane_glyph(pane, row, pane.columns - 2, STYLE_DIM, glyphs->cut);
    pane_glyph(pane, row, pane.columns - 1, style, sign);
}
