UNIT_TESTS += tests/test_gram tests/test_path tests/test_groups tests/test_surgery \
	tests/test_sampling tests/test_method tests/test_exchange tests/test_filter_weights \
	tests/test_width tests/test_budget
tests_test_gram_SOURCES = tests/test_gram.c tests/random_samples.h
tests_test_gram_LDADD = $(UNIT_LDADD)
tests_test_path_SOURCES = tests/test_path.c tests/random_samples.h
tests_test_path_LDADD = $(UNIT_LDADD)
SMALL_NETS = tests/small_nets.c tests/small_nets.h tests/small_graph.c tests/small_graph.h
CUTTING = $(SMALL_NETS) tests/blocks.c tests/blocks.h tests/cutting.c tests/cutting.h
tests_test_groups_SOURCES = tests/test_groups.c $(SMALL_NETS)
tests_test_groups_LDADD = $(UNIT_LDADD)
tests_test_surgery_SOURCES = tests/test_surgery.c $(CUTTING)
tests_test_surgery_LDADD = $(UNIT_LDADD)
tests_test_sampling_SOURCES = tests/test_sampling.c $(SMALL_NETS)
tests_test_sampling_LDADD = $(UNIT_LDADD)
METHOD_SUPPORT = tests/method_support.h tests/random_samples.h
tests_test_method_SOURCES = tests/test_method.c $(METHOD_SUPPORT)
tests_test_method_LDADD = $(UNIT_LDADD)
tests_test_exchange_SOURCES = tests/test_exchange.c $(METHOD_SUPPORT)
tests_test_exchange_LDADD = $(UNIT_LDADD)
tests_test_filter_weights_SOURCES = tests/test_filter_weights.c $(METHOD_SUPPORT) $(SMALL_NETS)
tests_test_filter_weights_LDADD = $(UNIT_LDADD)
tests_test_width_SOURCES = tests/test_width.c tests/random_net.c tests/random_net.h tests/blocks.c tests/blocks.h $(SMALL_NETS)
tests_test_width_LDADD = $(UNIT_LDADD)
tests_test_budget_SOURCES = tests/test_budget.c $(SMALL_NETS)
tests_test_budget_LDADD = $(UNIT_LDADD)
UNIT_TESTS += tests/test_tap tests/test_arguments
tests_test_arguments_SOURCES = tests/test_arguments.c $(CUTTING)
tests_test_arguments_LDADD = $(UNIT_LDADD)
tests_test_tap_SOURCES = tests/test_tap.c tests/blocks.c tests/blocks.h $(SMALL_NETS)
tests_test_tap_LDADD = $(UNIT_LDADD)
UNIT_TESTS += tests/test_coupling_joins tests/test_coupling_moves tests/test_coupling_random \
	tests/test_coupling_limits
tests_test_coupling_limits_SOURCES = tests/test_coupling_limits.c $(CUTTING)
tests_test_coupling_limits_LDADD = $(UNIT_LDADD)
tests_test_coupling_joins_SOURCES = tests/test_coupling_joins.c $(CUTTING)
tests_test_coupling_joins_LDADD = $(UNIT_LDADD)
tests_test_coupling_moves_SOURCES = tests/test_coupling_moves.c $(CUTTING)
tests_test_coupling_moves_LDADD = $(UNIT_LDADD)
tests_test_coupling_random_SOURCES = tests/test_coupling_random.c tests/random_net.c tests/random_net.h \
	tests/odd_net.c tests/odd_net.h $(CUTTING)
tests_test_coupling_random_LDADD = $(UNIT_LDADD)
EXTRA_DIST += tests/check_selection.py
UNIT_TESTS += tests/test_refit tests/test_regression
tests_test_refit_SOURCES = tests/test_refit.c tests/small_data.c tests/small_data.h tests/blocks.c tests/blocks.h \
	$(SMALL_NETS)
tests_test_refit_LDADD = $(UNIT_LDADD)
tests_test_regression_SOURCES = tests/test_regression.c tests/random_samples.h
tests_test_regression_LDADD = $(UNIT_LDADD)
