UNIT_TESTS += tests/test_kernels tests/test_operators
tests_test_kernels_SOURCES = tests/test_kernels.c
tests_test_kernels_LDADD = $(UNIT_LDADD)
tests_test_operators_SOURCES = tests/test_operators.c tests/small_graph.c tests/small_graph.h
tests_test_operators_LDADD = $(UNIT_LDADD)
