UNIT_TESTS += tests/test_core
tests_test_core_SOURCES = tests/test_core.c
tests_test_core_LDADD = $(UNIT_LDADD)
UNIT_TESTS += tests/test_mapping
tests_test_mapping_SOURCES = tests/test_mapping.c
tests_test_mapping_LDADD = $(UNIT_LDADD)
