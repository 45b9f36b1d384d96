# The workbench: everything of the program that draws, by itself for the tests.
noinst_LTLIBRARIES += libscreen.la
libscreen_la_SOURCES = \
	ui/actions.c ui/actions.h \
	ui/candidates.c ui/candidates.h \
	ui/bindings.h ui/bindings_look.c ui/bindings_prune.c ui/bindings_replay.c \
	ui/breakpoints.c ui/breakpoints.h \
	ui/chart.c ui/chart.h \
	ui/chooser.c ui/chooser.h \
	ui/columns.c ui/columns.h \
	ui/command_palette.c ui/command_palette.h ui/command_palette_find.c \
	ui/compare_table.c ui/compare_table.h \
	ui/comparison.c ui/comparison.h \
	ui/configuration.c ui/configuration.h \
	ui/curve_part.c ui/curve_part.h \
	ui/training.c ui/training.h \
	ui/format.c ui/format.h \
	ui/glyphs.c ui/glyphs.h \
	ui/help.c ui/help.h \
	ui/history.c ui/history.h \
	ui/intents.c ui/intents.h \
	ui/search.c ui/search.h \
	ui/keymap.c ui/keymap.h \
	ui/key_bytes.c ui/key_bytes.h \
	ui/keys.c ui/keys.h \
	ui/knee.c ui/knee.h \
	ui/layout.c ui/layout.h \
	ui/lines.c ui/lines.h \
	ui/marks.c ui/marks.h \
	ui/measures.c ui/measures.h \
	ui/mouse.c ui/mouse.h \
	ui/moves.c ui/moves.h \
	ui/overlay.c ui/overlay.h \
	ui/own_commands.c ui/own_commands.h \
	ui/palette.c ui/palette.h \
	ui/panel.c ui/panel.h \
	ui/pieces.c ui/pieces.h \
	ui/picture.c ui/picture.h \
	ui/pictures.c ui/pictures.h \
	ui/popup.c ui/popup.h \
	ui/prompt.c ui/prompt.h \
	ui/queue.c ui/queue.h \
	ui/raster.c ui/raster.h \
	ui/ratios_figures.c ui/ratios_figures.h \
	ui/ratios_table.c ui/ratios_table.h \
	ui/remap.c ui/remap.h \
	ui/replay.c ui/replay.h \
	ui/scatter.c ui/scatter.h \
	ui/screen.c ui/screen.h \
	ui/signals.c ui/signals.h \
	ui/state.c ui/state.h \
	ui/state_folder.c ui/state_folder.h \
	ui/surface.c ui/surface.h \
	ui/terminal.c ui/terminal.h \
	ui/text.c ui/text.h \
	ui/theme.c ui/theme.h \
	ui/time_table.c ui/time_table.h \
	ui/tour.c ui/tour.h ui/tour_steps.c \
	ui/tree.c ui/tree.h \
	ui/view.c ui/view.h \
	ui/view_compare.c ui/view_curves.c ui/view_filters.c ui/view_journal.c ui/view_ratios.c ui/view_steps.c \
	ui/view_time.c
