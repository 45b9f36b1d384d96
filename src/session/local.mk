libthinet_la_SOURCES += \
	src/session/branches.c src/session/branches.h \
	src/session/brief.c src/session/brief.h \
	src/session/command.c src/session/command.h src/session/commands.h \
	src/session/commands_budget.c \
	src/session/commands_compare.c \
	src/session/commands_epoch.c \
	src/session/commands_export.c \
	src/session/commands_head.c \
	src/session/commands_help.c \
	src/session/commands_journal.c \
	src/session/commands_look.c \
	src/session/commands_measure.c \
	src/session/commands_method.c \
	src/session/commands_open.c \
	src/session/commands_plot.c \
	src/session/commands_prune.c \
	src/session/commands_recipe.c \
	src/session/commands_run.c \
	src/session/commands_replay.c \
	src/session/commands_sample.c \
	src/session/commands_story.c \
	src/session/story_csv.c \
	src/session/story_script.c src/session/story.h \
	src/session/commands_select.c \
	src/session/commands_sensitivity.c \
	src/session/commands_session.c \
	src/session/commands_train.c \
	src/session/compare.c src/session/compare.h \
	src/session/complete.c src/session/complete.h \
	src/session/data_spec.c \
	src/session/detach.c src/session/detach.h \
	src/session/follow.c \
	src/session/gradients.c \
	src/session/inside.h \
	src/session/journal.c src/session/journal.h \
	src/session/latency_budget.c src/session/latency_budget.h \
	src/session/layer_path.c src/session/layer_path.h \
	src/session/lineage.c src/session/lineage.h \
	src/session/machines.c src/session/machines.h \
	src/session/model.c \
	src/session/nearest.c src/session/nearest.h \
	src/session/cuts.c src/session/cuts.h \
	src/session/origin.c src/session/origin.h \
	src/session/outline.c src/session/outline.h \
	src/session/picture.c src/session/picture.h \
	src/session/planned.c \
	src/session/proposal.c src/session/proposal.h \
	src/session/plot.h \
	src/session/plot_compare.c src/session/plot_layer.c src/session/plot_network.c src/session/plot_training.c \
	src/session/recipe.c src/session/recipe.h \
	src/session/replay.c src/session/replay.h \
	src/session/results.c src/session/results.h \
	src/session/scene.c src/session/scene.h \
	src/session/script.c src/session/script.h \
	src/session/selection.c src/session/selection.h \
	src/session/sensitivity.c src/session/sensitivity.h \
	src/session/session.c src/session/session.h \
	src/session/session_file.c src/session/session_open.c \
	src/session/snapshot.c src/session/snapshot.h \
	src/session/snapshot_axes.c src/session/snapshot_axes.h \
	src/session/snapshot_compared.c src/session/snapshot_compared.h \
	src/session/state.c src/session/state.h \
	src/session/state_json.c \
	src/session/statistic.c \
	src/session/store.c src/session/store.h \
	src/session/store_check.c \
	src/session/store_drop.c src/session/store_drop.h \
	src/session/store_inspect.c \
	src/session/store_lock.c \
	src/session/store_read.h \
	src/session/store_read_journal.c src/session/store_read_state.c src/session/store_read_tensor.c \
	src/session/store_upkeep.c src/session/store_upkeep.h \
	src/session/store_write.c \
	src/session/structure.c src/session/structure.h \
	src/session/timed.c src/session/timed.h \
	src/session/timing.c src/session/timing.h \
	src/session/training.c src/session/training.h \
	src/session/unfinished.c src/session/unfinished.h \
	src/session/verify.c src/session/verify.h \
	src/session/verify_compare.c src/session/verify_compare.h \
	src/session/verify_epochs.c src/session/verify_epochs.h \
	src/session/verify_state.c \
	src/session/words.c src/session/words.h \
	src/session/worker.c src/session/worker.h \
	src/session/worker_pace.c src/session/worker_pace.h \
	src/session/worker_queue.c src/session/worker_queue.h

# The recipes that ship are in the library as well, so that they are known by name anywhere.
nodist_libthinet_la_SOURCES = src/session/recipe_texts.c
BUILT_SOURCES += src/session/recipe_texts.c
CLEANFILES += src/session/recipe_texts.c
EXTRA_DIST += src/session/recipe_texts.awk
src/session/recipe_texts.c: $(RECIPES) src/session/recipe_texts.awk
	$(AM_V_GEN)$(MKDIR_P) src/session && \
	  (cd $(srcdir) && $(AWK) -f src/session/recipe_texts.awk $(RECIPES)) >$@.new && mv $@.new $@
