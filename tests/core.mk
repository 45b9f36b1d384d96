UNIT_TESTS += tests/test_core
tests_test_core_SOURCES = tests/test_core.c
tests_test_core_LDADD = $(UNIT_LDADD)
