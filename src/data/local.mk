libthinet_la_SOURCES += \
	src/data/choice.c src/data/choice.h \
	src/data/cifar.c \
	src/data/dataset.c src/data/dataset.h \
	src/data/decode.c src/data/decode.h \
	src/data/decode_jpeg.c \
	src/data/decode_png.c \
	src/data/folder.c \
	src/data/idx.c \
	src/data/loader.c src/data/loader.h \
	src/data/npy.c src/data/npy.h \
	src/data/preprocess.c src/data/preprocess.h \
	src/data/preset.c \
	src/data/resize.c \
	src/data/source.h
