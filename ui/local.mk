bin_PROGRAMS += thinet-tui
thinet_tui_SOURCES = \
	ui/batch.c ui/batch.h \
	ui/configuration.c ui/configuration.h \
	ui/main.c \
	ui/options.c ui/options.h \
	ui/report.c ui/report.h \
	ui/state_folder.c ui/state_folder.h
thinet_tui_LDADD = libthinet.la $(LIBS_UI_LIBS)

include ui/screen.mk
thinet_tui_SOURCES += $(SCREEN_SOURCES)
