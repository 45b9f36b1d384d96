libthinet_la_SOURCES += \
	src/engine/batch_norm_reset.c src/engine/batch_norm_reset.h \
	src/engine/choose.c src/engine/kernels.h src/engine/functions.h \
	src/engine/conv.c src/engine/conv_path.h src/engine/conv_transpose.c \
	src/engine/conv_geometry.c src/engine/conv_geometry.h \
	src/engine/correlation.c src/engine/correlation.h src/engine/row_block.h \
	src/engine/binary.c src/engine/dropout.c \
	src/engine/depthwise.c src/engine/depthwise_kernels.h \
	src/engine/evaluate.c src/engine/evaluate.h \
	src/engine/gemm.c \
	src/engine/linear.c src/engine/linear.h \
	src/engine/holdout.c src/engine/holdout.h \
	src/engine/instance_norm.c src/engine/layer_norm.c src/engine/lrn.c \
	src/engine/loss.c src/engine/loss.h \
	src/engine/machine.c src/engine/machine.h \
	src/engine/matmul.c \
	src/engine/move.c src/engine/move.h \
	src/engine/move_axes.c \
	src/engine/move_cut.c \
	src/engine/network.c src/engine/network.h \
	src/engine/norm.c \
	src/engine/peak.c src/engine/peak.h \
	src/engine/plan.c src/engine/plan.h src/engine/plan_memory.c src/engine/plan_portions.c src/engine/arena.c src/engine/arena.h \
	src/engine/prefetch.h src/engine/product.c src/engine/product.h \
	src/engine/pool.c \
	src/engine/reduce.c src/engine/resize.c src/engine/softmax.c \
	src/engine/schedule.c src/engine/schedule.h \
	src/engine/step.h src/engine/stretch.c src/engine/stretch.h \
	src/engine/tally.c src/engine/tally.h \
	src/engine/teacher.c src/engine/teacher.h \
	src/engine/train.c src/engine/train.h \
	src/engine/train_memory.c src/engine/train_memory.h \
	src/engine/update.c \
	src/engine/trial.c src/engine/trial.h \
	src/engine/unary.c src/engine/unary.h \
	src/engine/unfold.c src/engine/unfold.h src/engine/unfold_kernels.h src/engine/unfolded.c \
	src/engine/winograd.c src/engine/winograd.h src/engine/winograd_kernels.h \
	src/engine/winograd_plane.c src/engine/winograd_sums.c

# The same source once for each vector width; the program picks one when it starts (choose.c).
KERNEL_SOURCES = src/engine/kernels.c src/engine/functions_one.c src/engine/functions_two.c \
	src/engine/winograd_kernels.c src/engine/depthwise_kernels.c src/engine/unfold_kernels.c \
	src/engine/elementary.h src/engine/vector.h
KERNEL_CFLAGS = $(AM_CFLAGS) -ffp-contract=fast

noinst_LTLIBRARIES += libkernels_generic.la
libkernels_generic_la_SOURCES = $(KERNEL_SOURCES)
libkernels_generic_la_CPPFLAGS = $(AM_CPPFLAGS) -DTN_LANES=4 -DTN_KERNELS_NAME=generic
libkernels_generic_la_CFLAGS = $(KERNEL_CFLAGS)
libthinet_la_LIBADD += libkernels_generic.la

if X86_64
noinst_LTLIBRARIES += libkernels_avx2.la libkernels_avx512.la
libkernels_avx2_la_SOURCES = $(KERNEL_SOURCES)
libkernels_avx2_la_CPPFLAGS = $(AM_CPPFLAGS) -DTN_LANES=8 -DTN_KERNELS_NAME=avx2
libkernels_avx2_la_CFLAGS = $(KERNEL_CFLAGS) -mavx2 -mfma
libkernels_avx512_la_SOURCES = $(KERNEL_SOURCES)
libkernels_avx512_la_CPPFLAGS = $(AM_CPPFLAGS) -DTN_LANES=16 -DTN_KERNELS_NAME=avx512
libkernels_avx512_la_CFLAGS = $(KERNEL_CFLAGS) -mavx512f -mavx512vl -mavx512bw -mavx512dq -mfma \
	-mprefer-vector-width=512
libthinet_la_LIBADD += libkernels_avx2.la libkernels_avx512.la
endif
