libthinet_la_SOURCES += \
	src/core/available.c src/core/available.h \
	src/core/clock.c src/core/clock.h \
	src/core/digest.c src/core/digest.h \
	src/core/error.c src/core/error.h \
	src/core/file.c src/core/file.h \
	src/core/mapping.c src/core/mapping.h \
	src/core/median.c src/core/median.h \
	src/core/memory.c src/core/memory.h \
	src/core/normal.c src/core/normal.h \
	src/core/progress.c src/core/progress.h \
	src/core/random.c src/core/random.h \
	src/core/threads.c src/core/threads.h
