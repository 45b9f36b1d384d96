# The whole program, end to end, driven by scripts; needs Python with NumPy (quickstart check installs it).
PIPELINE_TESTS = \
	tests/pipeline/test_activity.py \
	tests/pipeline/test_arithmetic.py \
	tests/pipeline/test_backend.py \
	tests/pipeline/test_budget.py \
	tests/pipeline/test_compare.py \
	tests/pipeline/test_counts.py \
	tests/pipeline/test_coupling.py \
	tests/pipeline/test_durability.py \
	tests/pipeline/test_epochs.py \
	tests/pipeline/test_errors.py \
	tests/pipeline/test_export.py tests/pipeline/test_onnx_files.py tests/pipeline/test_onnx_large.py \
	tests/pipeline/test_onnx_damage.py tests/pipeline/test_onnx_strange.py \
	tests/pipeline/test_exporter.py \
	tests/pipeline/test_finetune.py \
	tests/pipeline/test_manual.py \
	tests/pipeline/test_methods.py \
	tests/pipeline/test_moving.py \
	tests/pipeline/test_onnx_files.py \
	tests/pipeline/test_operators.py \
	tests/pipeline/test_path.py tests/pipeline/test_recipes.py \
	tests/pipeline/test_plot.py \
	tests/pipeline/test_ranking.py \
	tests/pipeline/test_recorded.py \
	tests/pipeline/test_refit.py \
	tests/pipeline/test_selection.py \
	tests/pipeline/test_sensitivity.py \
	tests/pipeline/test_sequential.py \
	tests/pipeline/test_session.py \
	tests/pipeline/test_session_storage.py \
	tests/pipeline/test_shapes.py \
	tests/pipeline/test_story.py \
	tests/pipeline/test_training.py \
	tests/pipeline/test_training_arithmetic.py \
	tests/pipeline/test_training_options.py \
	tests/pipeline/test_verify.py \
	tests/pipeline/test_zoo.py
EXTRA_DIST += $(PIPELINE_TESTS) \
	tests/pipeline/consumer.c \
	tests/pipeline/onnx_reference.py \
	tests/pipeline/onnxruntime.js \
	tests/pipeline/onnxruntime_many.js \
	tests/pipeline/onnxruntime_shapes.js \
	tests/pipeline/operator_cases.py \
	tests/pipeline/powercut.c \
	tests/pipeline/selection_rules.py \
	tests/pipeline/thinet.py \
	tests/pipeline/training_cases.py
TEST_EXTENSIONS = .py
PY_LOG_COMPILER = $(TEST_LIMIT) $(PYTHON) -B

if HAVE_PYTHON
TESTS += $(PIPELINE_TESTS)
endif
# What test_methods.py and bench/selection.py drive.
check_PROGRAMS += tests/pipeline/rank_filters
tests_pipeline_rank_filters_SOURCES = tests/pipeline/rank_filters.c
tests_pipeline_rank_filters_LDADD = libthinet.la
