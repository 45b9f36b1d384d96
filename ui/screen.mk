# All of the workbench: the program's, and those tests' that press keys.
SCREEN_SOURCES = \
	ui/actions.c ui/actions.h \
	ui/candidates.c ui/candidates.h \
	ui/chart.c ui/chart.h \
	ui/chooser.c ui/chooser.h \
	ui/command_palette.c ui/command_palette.h ui/command_palette_find.c \
	ui/format.c ui/format.h \
	ui/glyphs.c ui/glyphs.h \
	ui/help.c ui/help.h \
	ui/history.c ui/history.h \
	ui/intents.c ui/intents.h \
	ui/keymap.c ui/keymap.h \
	ui/keys.c ui/keys.h \
	ui/layout.c ui/layout.h \
	ui/lines.c ui/lines.h \
	ui/overlay.c ui/overlay.h \
	ui/own_commands.c ui/own_commands.h \
	ui/panel.c ui/panel.h \
	ui/popup.c ui/popup.h \
	ui/prompt.c ui/prompt.h \
	ui/remap.c ui/remap.h \
	ui/screen.c ui/screen.h \
	ui/signals.c ui/signals.h \
	ui/state.c ui/state.h \
	ui/surface.c ui/surface.h \
	ui/terminal.c ui/terminal.h \
	ui/text.c ui/text.h \
	ui/theme.c ui/theme.h \
	ui/tour.c ui/tour.h ui/tour_steps.c \
	ui/view.c ui/view.h \
	ui/view_compare.c ui/view_curves.c ui/view_filters.c ui/view_journal.c ui/view_ratios.c ui/view_steps.c \
	ui/view_time.c
