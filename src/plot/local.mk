libthinet_la_SOURCES += \
	src/plot/canvas.c src/plot/canvas.h \
	src/plot/clean.c src/plot/clean.h \
	src/plot/draw.c src/plot/draw.h \
	src/plot/figure.c src/plot/figure.h \
	src/plot/labels.c src/plot/labels.h \
	src/plot/layout.c src/plot/layout.h \
	src/plot/range.c src/plot/range.h \
	src/plot/ticks.c src/plot/ticks.h \
	src/plot/write.c src/plot/write.h \
	src/plot/write_png.c src/plot/write_png.h
