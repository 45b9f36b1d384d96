libthinet_la_SOURCES += \
	src/prune/blas.c src/prune/blas.h \
	src/prune/budget.c src/prune/budget.h \
	src/prune/flow.c src/prune/flow.h \
	src/prune/gram.c src/prune/gram.h \
	src/prune/groups.c src/prune/groups.h \
	src/prune/least_squares.c src/prune/least_squares.h \
	src/prune/path.c src/prune/path.h \
	src/prune/arguments.c \
	src/prune/operation.c src/prune/operation.h \
	src/prune/rules.c src/prune/rules.h \
	src/prune/rules_moves.c \
	src/prune/rules_numbers.c \
	src/prune/sampling.c src/prune/sampling.h \
	src/prune/surgery.c src/prune/surgery.h \
	src/prune/take.c src/prune/take.h \
	src/prune/tap.c src/prune/tap.h \
	src/prune/width.c src/prune/width.h \
	src/prune/width_plan.c
