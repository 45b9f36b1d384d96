UNIT_TESTS += tests/test_gram tests/test_path tests/test_groups tests/test_surgery \
	tests/test_sampling tests/test_width tests/test_budget
tests_test_gram_SOURCES = tests/test_gram.c tests/random_samples.h
tests_test_gram_LDADD = $(UNIT_LDADD)
tests_test_path_SOURCES = tests/test_path.c tests/random_samples.h
tests_test_path_LDADD = $(UNIT_LDADD)
SMALL_NETS = tests/small_nets.c tests/small_nets.h tests/small_graph.c tests/small_graph.h
tests_test_groups_SOURCES = tests/test_groups.c $(SMALL_NETS)
tests_test_groups_LDADD = $(UNIT_LDADD)
tests_test_surgery_SOURCES = tests/test_surgery.c $(SMALL_NETS)
tests_test_surgery_LDADD = $(UNIT_LDADD)
tests_test_sampling_SOURCES = tests/test_sampling.c $(SMALL_NETS)
tests_test_sampling_LDADD = $(UNIT_LDADD)
tests_test_width_SOURCES = tests/test_width.c tests/random_net.c tests/random_net.h tests/blocks.c tests/blocks.h $(SMALL_NETS)
tests_test_width_LDADD = $(UNIT_LDADD)
tests_test_budget_SOURCES = tests/test_budget.c $(SMALL_NETS)
tests_test_budget_LDADD = $(UNIT_LDADD)
CUTTING = $(SMALL_NETS) tests/blocks.c tests/blocks.h tests/cutting.c tests/cutting.h
UNIT_TESTS += tests/test_coupling_random
tests_test_coupling_random_SOURCES = tests/test_coupling_random.c tests/random_net.c tests/random_net.h \
	tests/odd_net.c tests/odd_net.h $(CUTTING)
tests_test_coupling_random_LDADD = $(UNIT_LDADD)
EXTRA_DIST += tests/check_selection.py
