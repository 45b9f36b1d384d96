UNIT_TESTS += tests/test_tensor tests/test_graph tests/test_shape tests/test_window tests/test_layers \
	tests/test_fold tests/test_fold_batch tests/test_onnx tests/test_onnx_damage tests/test_zoo \
	tests/test_head
MODEL_SUPPORT = tests/model_support.c tests/model_support.h
tests_test_tensor_SOURCES = tests/test_tensor.c
tests_test_tensor_LDADD = $(UNIT_LDADD)
tests_test_graph_SOURCES = tests/test_graph.c $(MODEL_SUPPORT)
tests_test_graph_LDADD = $(UNIT_LDADD)
tests_test_shape_SOURCES = tests/test_shape.c $(MODEL_SUPPORT)
tests_test_shape_LDADD = $(UNIT_LDADD)
tests_test_layers_SOURCES = tests/test_layers.c $(MODEL_SUPPORT)
tests_test_layers_LDADD = $(UNIT_LDADD)
tests_test_fold_SOURCES = tests/test_fold.c $(MODEL_SUPPORT) tests/fold_support.c tests/fold_support.h
tests_test_fold_LDADD = $(UNIT_LDADD)
tests_test_fold_batch_SOURCES = tests/test_fold_batch.c $(MODEL_SUPPORT) tests/fold_support.c tests/fold_support.h
tests_test_fold_batch_LDADD = $(UNIT_LDADD)
tests_test_window_SOURCES = tests/test_window.c $(MODEL_SUPPORT)
tests_test_window_LDADD = $(UNIT_LDADD)
tests_test_onnx_SOURCES = tests/test_onnx.c $(MODEL_SUPPORT)
tests_test_onnx_LDADD = $(UNIT_LDADD)
tests_test_onnx_damage_SOURCES = tests/test_onnx_damage.c $(MODEL_SUPPORT)
tests_test_onnx_damage_LDADD = $(UNIT_LDADD)
tests_test_zoo_SOURCES = tests/test_zoo.c
tests_test_zoo_LDADD = $(UNIT_LDADD)
UNIT_TESTS += tests/test_logits
tests_test_logits_SOURCES = tests/test_logits.c tests/small_graph.c tests/small_graph.h
tests_test_logits_LDADD = $(UNIT_LDADD)
tests_test_head_SOURCES = tests/test_head.c tests/small_graph.c tests/small_graph.h
tests_test_head_LDADD = $(UNIT_LDADD)
tests/test_onnx.$(OBJEXT) tests/test_onnx_damage.$(OBJEXT): src/model/onnx.pb-c.h
