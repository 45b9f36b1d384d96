libthinet_la_SOURCES += \
	src/model/attribute.c \
	src/model/builder.c src/model/builder.h \
	src/model/graph.c src/model/graph.h \
	src/model/order.c \
	src/model/parts.h \
	src/model/shape.c src/model/shape.h \
	src/model/slice.c src/model/slice.h \
	src/model/tensor.c src/model/tensor.h \
	src/model/window.c src/model/window.h \
	src/model/zoo.c src/model/zoo.h
