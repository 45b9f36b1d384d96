# The whole program, end to end, driven by scripts; needs Python with NumPy (quickstart check installs it).
PIPELINE_TESTS = tests/pipeline/test_path.py tests/pipeline/test_errors.py tests/pipeline/test_operators.py \
	tests/pipeline/test_export.py tests/pipeline/test_session.py tests/pipeline/test_selection.py \
	tests/pipeline/test_manual.py tests/pipeline/test_budget.py
EXTRA_DIST += $(PIPELINE_TESTS) tests/pipeline/thinet.py tests/pipeline/onnx_reference.py \
	tests/pipeline/onnxruntime.js tests/pipeline/consumer.c
TEST_EXTENSIONS = .py
PY_LOG_COMPILER = $(PYTHON) -B

if HAVE_PYTHON
TESTS += $(PIPELINE_TESTS)
endif
