libthinet_la_SOURCES += \
	src/session/brief.c src/session/brief.h \
	src/session/command.c src/session/command.h src/session/commands.h \
	src/session/commands_budget.c \
	src/session/commands_export.c \
	src/session/commands_head.c \
	src/session/commands_help.c \
	src/session/commands_journal.c \
	src/session/commands_measure.c \
	src/session/commands_open.c \
	src/session/commands_prune.c \
	src/session/commands_run.c \
	src/session/commands_sample.c \
	src/session/commands_select.c \
	src/session/commands_train.c \
	src/session/complete.c src/session/complete.h \
	src/session/data_spec.c \
	src/session/inside.h \
	src/session/journal.c src/session/journal.h \
	src/session/layer_path.c \
	src/session/model.c \
	src/session/nearest.c src/session/nearest.h \
	src/session/cuts.c src/session/cuts.h \
	src/session/planned.c \
	src/session/results.c src/session/results.h \
	src/session/selection.c src/session/selection.h \
	src/session/session.c src/session/session.h \
	src/session/session_file.c \
	src/session/snapshot.c src/session/snapshot.h \
	src/session/state.c src/session/state.h \
	src/session/state_json.c \
	src/session/store.c src/session/store.h \
	src/session/store_inspect.c \
	src/session/store_read.c \
	src/session/store_write.c \
	src/session/words.c src/session/words.h \
	src/session/worker.c src/session/worker.h
