bin_PROGRAMS += thinet-tui
thinet_tui_SOURCES = \
	ui/batch.c ui/batch.h \
	ui/main.c \
	ui/options.c ui/options.h \
	ui/replay_text.c ui/replay_text.h \
	ui/report.c ui/report.h \
	ui/report_compare.c ui/report_rows.c ui/report_rows.h \
	ui/verify.c ui/verify.h
thinet_tui_LDADD = libscreen.la libthinet.la $(LIBS_UI_LIBS)

include ui/screen.mk
