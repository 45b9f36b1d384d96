/* Less work where every instruction is slow: .ci/run sets TN_TEST_QUICK with sanitizers. */
#ifndef TESTS_QUICK_H
#define TESTS_QUICK_H

#include <stdbool.h>
#include <stdlib.h>

static inline bool test_is_quick(void)
{
    return getenv("TN_TEST_QUICK") != NULL;
}

/* How many images, cases or steps: `usual`, or `quick` under TN_TEST_QUICK. For what takes the same
 * ways through the program either way. */
static inline int test_amount(int usual, int quick)
{
    return test_is_quick() ? quick : usual;
}

#endif
