/* Graphs of any operators with any arguments that shape inference lets pass: for tests of what must
 * not break on them. They need not make sense, nor run. */
#ifndef TN_TESTS_ODD_NET_H
#define TN_TESTS_ODD_NET_H

#include "model/graph.h"

/* The same graph for the same seed; the caller frees it. */
struct tn_graph *odd_net(uint64_t seed);

#endif
