UNIT_TESTS += tests/test_kernels tests/test_functions tests/test_arithmetic tests/test_operators tests/test_depthwise \
	tests/test_moving \
	tests/test_plan tests/test_loss tests/test_schedule tests/test_train tests/test_train_memory
GRADIENTS = tests/gradients.c tests/gradients.h tests/small_graph.c tests/small_graph.h
tests_test_kernels_SOURCES = tests/test_kernels.c
tests_test_kernels_LDADD = $(UNIT_LDADD)
tests_test_functions_SOURCES = tests/test_functions.c
tests_test_functions_LDADD = $(UNIT_LDADD)
tests_test_arithmetic_SOURCES = tests/test_arithmetic.c $(GRADIENTS)
tests_test_arithmetic_LDADD = $(UNIT_LDADD)
tests_test_operators_SOURCES = tests/test_operators.c $(GRADIENTS)
tests_test_operators_LDADD = $(UNIT_LDADD)
tests_test_depthwise_SOURCES = tests/test_depthwise.c $(GRADIENTS)
tests_test_depthwise_LDADD = $(UNIT_LDADD)
tests_test_moving_SOURCES = tests/test_moving.c $(GRADIENTS)
tests_test_moving_LDADD = $(UNIT_LDADD)
tests_test_plan_SOURCES = tests/test_plan.c $(GRADIENTS)
tests_test_plan_LDADD = $(UNIT_LDADD)
tests_test_loss_SOURCES = tests/test_loss.c
tests_test_loss_LDADD = $(UNIT_LDADD)
tests_test_schedule_SOURCES = tests/test_schedule.c
tests_test_schedule_LDADD = $(UNIT_LDADD)
tests_test_train_SOURCES = tests/test_train.c
tests_test_train_LDADD = $(UNIT_LDADD)
tests_test_train_memory_SOURCES = tests/test_train_memory.c tests/small_data.c $(GRADIENTS)
tests_test_train_memory_LDADD = $(UNIT_LDADD)
