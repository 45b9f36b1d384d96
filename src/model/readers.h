/* Who reads what: the nodes behind each value of a graph, found once for all. */
#ifndef TN_MODEL_READERS_H
#define TN_MODEL_READERS_H

#include "core/error.h"
#include "model/graph.h"

struct tn_readers {
    int *start; /* of each value's readers among the nodes, and one more for the end */
    int *nodes; /* in order; a node that reads a value twice is there once */
};

/* Nodes whose subgraphs read a value are among its readers. */
bool tn_readers_of(const struct tn_graph *graph, struct tn_readers *readers,
                   struct tn_error *error);
void tn_readers_free(struct tn_readers *readers);

int tn_reader_count(const struct tn_readers *readers, int value);
/* The first that reads it, or TN_NO_NODE. */
int tn_first_reader(const struct tn_readers *readers, int value);

#endif
