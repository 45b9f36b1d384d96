# Unit tests: tests/test_NAME.c tests what NAME does; each folder lists its own in tests/FOLDER.mk.
UNIT_TESTS =
UNIT_LDADD = libthinet.la $(CMOCKA_LIBS)
# Tests that configure gives a longest time, all but those that name an interpreter (pipeline.mk).
LOG_COMPILER = $(TEST_LIMIT)
# For --enable-sanitizers: what libraries are known to keep.
AM_TESTS_ENVIRONMENT = LSAN_OPTIONS=suppressions='$(abs_top_srcdir)/tests/lsan.txt':print_suppressions=0; export LSAN_OPTIONS;
EXTRA_DIST += tests/lsan.txt tests/quick.h

include tests/core.mk
include tests/model.mk
include tests/data.mk
include tests/engine.mk
include tests/prune.mk
include tests/plot.mk
include tests/session.mk
include tests/ui.mk
include tests/pipeline.mk

if HAVE_CMOCKA
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
endif
