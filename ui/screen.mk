thinet_tui_SOURCES += \
	ui/screen.h
