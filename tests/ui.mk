# Tests of the workbench: its parts that need no terminal, and the real program driven in tmux.
UNIT_TESTS += tests/test_ui_chart
tests_test_ui_chart_SOURCES = tests/test_ui_chart.c tests/ui_paper.h ui/chart.c ui/glyphs.c ui/surface.c ui/text.c
tests_test_ui_chart_LDADD = $(UNIT_LDADD)
UNIT_TESTS += tests/test_ui_text
tests_test_ui_text_SOURCES = tests/test_ui_text.c tests/ui_paper.h ui/format.c ui/glyphs.c ui/surface.c ui/text.c
tests_test_ui_text_LDADD = $(UNIT_LDADD)
UNIT_TESTS += tests/test_ui_keymap
tests_test_ui_keymap_SOURCES = tests/test_ui_keymap.c tests/ui_paper.h ui/glyphs.c ui/help.c ui/intents.c ui/keymap.c \
	ui/surface.c ui/text.c ui/theme.c
tests_test_ui_keymap_LDADD = $(UNIT_LDADD)
UNIT_TESTS += tests/test_ui_methods
tests_test_ui_methods_SOURCES = tests/test_ui_methods.c tests/ui_paper.h ui/chart.c ui/chooser.c ui/format.c ui/glyphs.c \
	ui/intents.c ui/keymap.c ui/overlay.c ui/state.c ui/surface.c ui/text.c ui/popup.c ui/view.c ui/view_compare.c ui/view_curves.c \
	ui/view_filters.c ui/view_journal.c ui/view_ratios.c ui/view_steps.c ui/view_time.c
tests_test_ui_methods_LDADD = $(UNIT_LDADD)
UNIT_TESTS += tests/test_ui_time
tests_test_ui_time_SOURCES = tests/test_ui_time.c tests/ui_paper.h ui/chart.c ui/format.c ui/glyphs.c ui/intents.c \
	ui/keymap.c ui/overlay.c ui/state.c ui/surface.c ui/text.c ui/popup.c ui/view.c ui/view_compare.c ui/view_curves.c ui/view_filters.c ui/view_journal.c ui/view_ratios.c \
	ui/view_steps.c ui/view_time.c
tests_test_ui_time_LDADD = $(UNIT_LDADD)
UNIT_TESTS += tests/test_ui_configuration
tests_test_ui_configuration_SOURCES = tests/test_ui_configuration.c tests/ui_paper.h ui/configuration.c ui/glyphs.c ui/help.c \
	ui/keymap.c ui/keys.c ui/own_commands.c ui/remap.c ui/surface.c ui/text.c ui/theme.c
tests_test_ui_configuration_LDADD = $(UNIT_LDADD)
UNIT_TESTS += tests/test_ui_command_palette
tests_test_ui_command_palette_SOURCES = tests/test_ui_command_palette.c tests/ui_paper.h ui/candidates.c ui/glyphs.c ui/keymap.c ui/keys.c \
	ui/own_commands.c ui/command_palette_find.c ui/remap.c ui/surface.c ui/text.c
tests_test_ui_command_palette_LDADD = $(UNIT_LDADD)
# The tour presses keys: it needs all of the screen.
UNIT_TESTS += tests/test_ui_tour
tests_test_ui_tour_SOURCES = tests/test_ui_tour.c tests/ui_paper.h ui/state_folder.c $(SCREEN_SOURCES)
tests_test_ui_tour_LDADD = $(UNIT_LDADD) $(LIBS_UI_LIBS)

SCREEN_TESTS = tests/screens/test_config.py tests/screens/test_draft.py tests/screens/test_palette.py \
	tests/screens/test_prompt.py tests/screens/test_tour.py tests/screens/test_time.py tests/screens/test_workbench.py \
	tests/screens/test_terminal.py
EXTRA_DIST += $(SCREEN_TESTS) tests/screens/tmux.py
if HAVE_PYTHON
TESTS += $(SCREEN_TESTS)
endif
