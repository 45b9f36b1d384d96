UNIT_TESTS += tests/test_gram tests/test_path
tests_test_gram_SOURCES = tests/test_gram.c tests/random_samples.h
tests_test_gram_LDADD = $(UNIT_LDADD)
tests_test_path_SOURCES = tests/test_path.c tests/random_samples.h
tests_test_path_LDADD = $(UNIT_LDADD)
