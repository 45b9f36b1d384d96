UNIT_TESTS += tests/test_plot
tests_test_plot_SOURCES = tests/test_plot.c
tests_test_plot_LDADD = $(UNIT_LDADD)
