libthinet_la_SOURCES += \
	src/model/argument.c src/model/argument.h \
	src/model/attribute.c \
	src/model/axes.c src/model/axes.h \
	src/model/builder.c src/model/builder.h \
	src/model/cost.c \
	src/model/element.c src/model/element.h \
	src/model/evaluate.c src/model/evaluate.h \
	src/model/evaluate_arithmetic.c \
	src/model/evaluate_move.c \
	src/model/evaluate_parts.h \
	src/model/evaluate_reduce.c \
	src/model/fold.c src/model/fold_parts.h \
	src/model/fold_batch.c \
	src/model/head.c src/model/head.h \
	src/model/logits.c src/model/logits.h \
	src/model/graph.c src/model/graph.h \
	src/model/initialise.c src/model/initialise.h \
	src/model/layers.c src/model/layers.h \
	src/model/name_index.c src/model/name_index.h \
	src/model/onnx.h \
	src/model/onnx_attribute.c \
	src/model/onnx_parts.h \
	src/model/onnx_external.c \
	src/model/onnx_read.c \
	src/model/onnx_rest.c \
	src/model/onnx_tensor.c \
	src/model/onnx_wire.c src/model/onnx_wire.h \
	src/model/onnx_write.c src/model/onnx_write_parts.h \
	src/model/onnx_write_tensor.c \
	src/model/order.c \
	src/model/parts.h \
	src/model/readers.c src/model/readers.h \
	src/model/resize.c src/model/resize.h \
	src/model/shape.c src/model/shape.h \
	src/model/shape_arithmetic.c \
	src/model/shape_foreign.c \
	src/model/shape_form.c \
	src/model/shape_image.c \
	src/model/shape_matrix.c \
	src/model/shape_move.c \
	src/model/shape_norm.c \
	src/model/shape_parts.h \
	src/model/slice.c src/model/slice.h \
	src/model/tensor.c src/model/tensor.h \
	src/model/unshare.c \
	src/model/window.c src/model/window.h \
	src/model/zoo.c src/model/zoo.h \
	src/model/zoo_alexnet.c \
	src/model/zoo_cifar.c \
	src/model/zoo_families.h \
	src/model/zoo_resnet.c \
	src/model/zoo_vgg.c

# What protoc-c writes is built apart, without the project's warnings.
noinst_LTLIBRARIES += libonnx-messages.la
nodist_libonnx_messages_la_SOURCES = src/model/onnx.pb-c.c src/model/onnx.pb-c.h
libonnx_messages_la_CFLAGS = -std=c11 $(SANITIZE)
libthinet_la_LIBADD += libonnx-messages.la

BUILT_SOURCES += src/model/onnx.pb-c.h
CLEANFILES += src/model/onnx.pb-c.c src/model/onnx.pb-c.h
EXTRA_DIST += src/model/onnx.proto

src/model/onnx.pb-c.c: src/model/onnx.proto
	$(AM_V_GEN)$(MKDIR_P) src/model && \
	  $(PROTOC_C) --proto_path=$(top_srcdir)/src --c_out=src $(top_srcdir)/src/model/onnx.proto
src/model/onnx.pb-c.h: src/model/onnx.pb-c.c
src/model/onnx_attribute.lo src/model/onnx_external.lo src/model/onnx_read.lo \
  src/model/onnx_rest.lo src/model/onnx_tensor.lo src/model/onnx_wire.lo \
  src/model/onnx_write.lo src/model/onnx_write_tensor.lo: src/model/onnx.pb-c.h
