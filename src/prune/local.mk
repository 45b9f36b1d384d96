libthinet_la_SOURCES += \
	src/prune/activation.c src/prune/activation.h \
	src/prune/activity.c src/prune/activity.h \
	src/prune/blas.c src/prune/blas.h \
	src/prune/budget.c src/prune/budget.h \
	src/prune/draw.c src/prune/draw.h \
	src/prune/exchange.c src/prune/exchange.h \
	src/prune/factor.c src/prune/factor.h \
	src/prune/filter_weights.c src/prune/filter_weights.h \
	src/prune/flow.c src/prune/flow.h \
	src/prune/gram.c src/prune/gram.h \
	src/prune/groups.c src/prune/groups.h \
	src/prune/lasso.c src/prune/lasso.h \
	src/prune/latency.c src/prune/latency.h \
	src/prune/least_squares.c src/prune/least_squares.h \
	src/prune/method.c src/prune/method.h \
	src/prune/path.c src/prune/path.h \
	src/prune/patch.c src/prune/patch.h \
	src/prune/pursuit.c src/prune/pursuit.h \
	src/prune/rank.c src/prune/rank.h \
	src/prune/refit.c src/prune/refit.h \
	src/prune/refit_pass.c src/prune/refit_pass.h \
	src/prune/refit_site.c src/prune/refit_site.h \
	src/prune/regression.c src/prune/regression.h \
	src/prune/arguments.c \
	src/prune/operation.c src/prune/operation.h \
	src/prune/rules.c src/prune/rules.h \
	src/prune/rules_moves.c \
	src/prune/rules_numbers.c \
	src/prune/sampling.c src/prune/sampling.h \
	src/prune/site.c src/prune/site.h \
	src/prune/surgery.c src/prune/surgery.h \
	src/prune/tableau.c src/prune/tableau.h \
	src/prune/target.c src/prune/target.h \
	src/prune/taylor.c src/prune/taylor.h \
	src/prune/take.c src/prune/take.h \
	src/prune/tap.c src/prune/tap.h \
	src/prune/width.c src/prune/width.h \
	src/prune/width_plan.c
