/* Networks drawn at random from blocks of every kind of coupling: for tests of pruning. */
#ifndef TN_TESTS_RANDOM_NET_H
#define TN_TESTS_RANDOM_NET_H

#include "model/graph.h"

/* The same network for the same seed; the caller frees it. */
struct tn_graph *random_net(uint64_t seed);

#endif
