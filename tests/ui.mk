# Tests of the workbench: its parts that need no terminal, and the real program driven in tmux.
UI_LDADD = libscreen.la libthinet.la $(LIBS_UI_LIBS) $(CMOCKA_LIBS)
UNIT_TESTS += tests/test_ui_chart
tests_test_ui_chart_SOURCES = tests/test_ui_chart.c tests/ui_paper.h
tests_test_ui_chart_LDADD = $(UI_LDADD)
UNIT_TESTS += tests/test_ui_compare
tests_test_ui_compare_SOURCES = tests/test_ui_compare.c tests/ui_paper.h
tests_test_ui_compare_LDADD = $(UI_LDADD)
UNIT_TESTS += tests/test_ui_keymap
tests_test_ui_keymap_SOURCES = tests/test_ui_keymap.c tests/ui_paper.h
tests_test_ui_keymap_LDADD = $(UI_LDADD)
UNIT_TESTS += tests/test_ui_methods
tests_test_ui_methods_SOURCES = tests/test_ui_methods.c tests/ui_paper.h
tests_test_ui_methods_LDADD = $(UI_LDADD)
UNIT_TESTS += tests/test_ui_journal
tests_test_ui_journal_SOURCES = tests/test_ui_journal.c tests/ui_paper.h
tests_test_ui_journal_LDADD = $(UI_LDADD)
UNIT_TESTS += tests/test_ui_tree
tests_test_ui_tree_SOURCES = tests/test_ui_tree.c tests/ui_paper.h
tests_test_ui_tree_LDADD = $(UI_LDADD)
UNIT_TESTS += tests/test_ui_ratios
tests_test_ui_ratios_SOURCES = tests/test_ui_ratios.c tests/ui_paper.h $(SESSION_SUPPORT)
tests_test_ui_ratios_LDADD = $(UI_LDADD)
UNIT_TESTS += tests/test_ui_text
tests_test_ui_text_SOURCES = tests/test_ui_text.c tests/ui_paper.h
tests_test_ui_text_LDADD = $(UI_LDADD)
UNIT_TESTS += tests/test_ui_theme
tests_test_ui_theme_SOURCES = tests/test_ui_theme.c
tests_test_ui_theme_LDADD = $(UI_LDADD)
UNIT_TESTS += tests/test_ui_time
tests_test_ui_time_SOURCES = tests/test_ui_time.c tests/ui_paper.h
tests_test_ui_time_LDADD = $(UI_LDADD)
UNIT_TESTS += tests/test_ui_picture
tests_test_ui_picture_SOURCES = tests/test_ui_picture.c tests/ui_paper.h
tests_test_ui_picture_LDADD = $(UI_LDADD)
UNIT_TESTS += tests/test_ui_configuration
tests_test_ui_configuration_SOURCES = tests/test_ui_configuration.c tests/ui_paper.h
tests_test_ui_configuration_LDADD = $(UI_LDADD)
UNIT_TESTS += tests/test_ui_command_palette
tests_test_ui_command_palette_SOURCES = tests/test_ui_command_palette.c tests/ui_paper.h
tests_test_ui_command_palette_LDADD = $(UI_LDADD)
UNIT_TESTS += tests/test_ui_tour
tests_test_ui_tour_SOURCES = tests/test_ui_tour.c tests/ui_paper.h
tests_test_ui_tour_LDADD = $(UI_LDADD)
UNIT_TESTS += tests/test_ui_filters
tests_test_ui_filters_SOURCES = tests/test_ui_filters.c tests/ui_paper.h
tests_test_ui_filters_LDADD = $(UI_LDADD)

include tests/golden.mk
SCREEN_TESTS = \
	tests/screens/test_bursts.py \
	tests/screens/test_cancel.py \
	tests/screens/test_compare.py \
	tests/screens/test_config.py \
	tests/screens/test_curves.py \
	tests/screens/test_draft.py \
	tests/screens/test_filters.py \
	tests/screens/test_first_minute.py \
	tests/screens/test_follow.py \
	tests/screens/test_golden.py \
	tests/screens/test_journal.py \
	tests/screens/test_keys.py \
	tests/screens/test_palette.py \
	tests/screens/test_picture.py \
	tests/screens/test_prompt.py \
	tests/screens/test_ratios.py \
	tests/screens/test_replay.py \
	tests/screens/test_terminal.py \
	tests/screens/test_time.py \
	tests/screens/test_tour.py \
	tests/screens/test_workbench.py
EXTRA_DIST += $(SCREEN_TESTS) tests/screens/tmux.py $(GOLDEN_SCREENS)
if HAVE_PYTHON
TESTS += $(SCREEN_TESTS)
endif
