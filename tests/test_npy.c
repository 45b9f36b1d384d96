/* data/npy.c: NumPy files, against bytes NumPy 1.24 wrote. */
#include "data/npy.h"
#include "data_support.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file as numpy.save(path, array) writes it: the header padded with blanks to 128 bytes, then the
 * elements. */
static size_t make_file(uint8_t *to, const char *header, const void *elements, size_t size)
{
    memcpy(to, "\x93NUMPY\x01\x00v\x00", 10);
    memset(to + 10, ' ', 118);
    memcpy(to + 10, header, strlen(header));
    to[127] = '\n';
    memcpy(to + 128, elements, size);
    return 128 + size;
}

static const char *write_file(const char *folder, const char *header, const void *elements,
                              size_t size)
{
    uint8_t bytes[512];
    const char *path = in_folder(folder, "array.npy");
    write_bytes(path, bytes, make_file(bytes, header, elements, size));
    return path;
}

static struct tn_tensor *read_npy(const char *path)
{
    struct tn_error error;
    struct tn_tensor *tensor = tn_npy_read(path, &error);
    if (!tensor)
        fail_msg("%s", error.text);
    return tensor;
}

/* numpy.array([[1.5, -2, 3e-40], [0, numpy.inf, 7]], '<f4') */
static const char floats_header[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
static const uint8_t floats[] = {0, 0, 0xc0, 0x3f, 0, 0, 0,    0xc0, 0x47, 0x44, 3,    0,
                                 0, 0, 0,    0,    0, 0, 0x80, 0x7f, 0,    0,    0xe0, 0x40};

static void float32_is_read_as_it_is(void **state)
{
    struct tn_tensor *tensor = read_npy(write_file(*state, floats_header, floats, sizeof floats));
    const float *values = tn_tensor_floats(tensor);
    assert_int_equal(tensor->rank, 2);
    assert_true(tensor->dims[0] == 2 && tensor->dims[1] == 3 && tensor->count == 6);
    assert_true(values[0] == 1.5f && values[1] == -2.0f && values[3] == 0.0f && values[5] == 7.0f);
    assert_true(isinf(values[4]) && values[2] > 2.9e-40f && values[2] < 3.1e-40f);
    tn_tensor_unref(tensor);
}

static void float64_is_read_as_it_is(void **state)
{
    /* numpy.array([0.1, -1e300]) */
    static const uint8_t bytes[] = {0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f,
                                    0x9c, 0x75, 0x00, 0x88, 0x3c, 0xe4, 0x37, 0xfe};
    struct tn_tensor *tensor = read_npy(
        write_file(*state, "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", bytes, 16));
    const double *values = tn_tensor_doubles(tensor);
    assert_int_equal(tensor->rank, 1);
    assert_true(values[0] == 0.1 && values[1] == -1e300);
    tn_tensor_unref(tensor);
}

static void integers_of_every_size_become_int64(void **state)
{
    static const struct {
        const char *descr;
        size_t size;
        uint8_t bytes[16];
        int64_t expected[2];
    } cases[] = {
        {"<i8", 8, {0xfb, 255, 255, 255, 255, 255, 255, 255, 1, 0, 0, 0, 1}, {-5, 4294967297}},
        {"<i4", 4, {0xf9, 255, 255, 255, 8}, {-7, 8}},
        {"<u4", 4, {0xf9, 255, 255, 255, 8}, {4294967289, 8}},
        {"<i2", 2, {0xf9, 255, 0, 1}, {-7, 256}},
        {"<u2", 2, {0xf9, 255, 0, 1}, {65529, 256}},
        {"|i1", 1, {0xf9, 8}, {-7, 8}},
        {"|u1", 1, {0xf9, 8}, {249, 8}},
        {"|b1", 1, {1, 0}, {1, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char header[100];
        snprintf(header, sizeof header,
                 "{'descr': '%s', 'fortran_order': False, 'shape': (2, 1), }", cases[i].descr);
        struct tn_tensor *tensor =
            read_npy(write_file(*state, header, cases[i].bytes, 2 * cases[i].size));
        assert_int_equal(tensor->dtype, TN_INT64);
        assert_memory_equal(tn_tensor_ints(tensor), cases[i].expected, 16);
        tn_tensor_unref(tensor);
    }
}

static void many_small_integers_cross_the_pieces_they_are_read_in(void **state)
{
    enum { N = 200000 };
    uint8_t *bytes = malloc(N + 128);
    assert_non_null(bytes);
    make_file(bytes, "{'descr': '|u1', 'fortran_order': False, 'shape': (200000,), }", "", 0);
    for (int i = 0; i < N; i++)
        bytes[128 + i] = (uint8_t)(i % 251);
    const char *path = in_folder(*state, "many.npy");
    write_bytes(path, bytes, N + 128);
    free(bytes);
    struct tn_tensor *tensor = read_npy(path);
    for (int i = 0; i < N; i++)
        assert_true(tn_tensor_ints(tensor)[i] == i % 251);
    tn_tensor_unref(tensor);
}

static void a_scalar_has_no_dimensions(void **state)
{
    int64_t value = -5;
    struct tn_tensor *tensor = read_npy(
        write_file(*state, "{'descr': '<i8', 'fortran_order': False, 'shape': (), }", &value, 8));
    assert_int_equal(tensor->rank, 0);
    assert_true(tn_tensor_ints(tensor)[0] == -5);
    tn_tensor_unref(tensor);
}

static void keys_come_in_any_order_and_spacing(void **state)
{
    static const char *const headers[] = {
        "{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"<f4\"}",
        "{ 'fortran_order' : False , 'descr' : '<f4' , 'shape' : ( 2 , 3 , ) , }",
    };
    for (size_t i = 0; i < 2; i++)
        tn_tensor_unref(read_npy(write_file(*state, headers[i], floats, sizeof floats)));
    /* Fortran order of one dimension is also C order. */
    tn_tensor_unref(
        read_npy(write_file(*state, "{'descr': '<f4', 'fortran_order': True, 'shape': (6,), }",
                            floats, sizeof floats)));
}

static void versions_two_and_three_have_a_longer_length(void **state)
{
    for (uint8_t version = 2; version <= 3; version++) {
        uint8_t bytes[256];
        memcpy(bytes, "\x93NUMPY\x02\x00t\x00\x00\x00", 12);
        bytes[6] = version;
        memset(bytes + 12, ' ', 116);
        memcpy(bytes + 12, floats_header, strlen(floats_header));
        bytes[127] = '\n';
        memcpy(bytes + 128, floats, sizeof floats);
        const char *path = in_folder(*state, "v%d.npy", version);
        write_bytes(path, bytes, 128 + sizeof floats);
        struct tn_tensor *tensor = read_npy(path);
        assert_true(tn_tensor_floats(tensor)[5] == 7.0f);
        tn_tensor_unref(tensor);
    }
}

static void refuse_file(const char *path, const char *word)
{
    struct tn_error error = {0};
    assert_null(tn_npy_read(path, &error));
    assert_int_equal(error.kind, TN_ERROR_INPUT);
    if (!strstr(error.text, path) || !strstr(error.text, word))
        fail_msg("expected \"%s\" and \"%s\" in: %s", path, word, error.text);
}

static void damaged_headers_are_refused(void **state)
{
    static const char *const headers[][2] = {
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", "'>f4'"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (2, 3), }", "'<c8'"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }", "'|O'"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3), }", "element type"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", "Fortran"},
        {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2, 3), }", "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, }", "damaged"},
        {"{'fortran_order': False, 'shape': (2, 3), }", "damaged"},
        {"{'descr': '<f4', 'shape': (2, 3), }", "damaged"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}", "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } x", "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), ", "damaged"},
        {"{'descr': '<f4' 'fortran_order': False, 'shape': (2, 3), }", "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6), }", "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3), }", "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3.0), }", "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (,), }", "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2 3), }", "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': [2, 3], }", "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,2,3), }",
         "8 dimensions"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "damaged"},
        {"", "damaged"},
        {"{}", "damaged"},
        {"{'descr", "damaged"},
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        refuse_file(write_file(*state, headers[i][0], floats, sizeof floats), headers[i][1]);
}

static void sizes_must_agree_with_the_file(void **state)
{
    static const char *const shapes[] = {"(2, 4)",
                                         "(5,)",
                                         "(0, 3)",
                                         "()",
                                         "(4611686018427387904, 3)",
                                         "(4294967296, 4294967296, 4294967296)",
                                         "(9223372036854775807, 9223372036854775807, 0)"};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        char header[118];
        snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }",
                 shapes[i]);
        refuse_file(write_file(*state, header, floats, sizeof floats), "24 bytes of elements");
    }
}

static void truncated_and_other_files_are_refused(void **state)
{
    uint8_t bytes[256];
    size_t size = make_file(bytes, floats_header, floats, sizeof floats);
    const char *path = in_folder(*state, "cut.npy");
    for (size_t cut = 0; cut < size; cut++) {
        write_bytes(path, bytes, cut);
        refuse_file(path, "");
    }
    bytes[6] = 4;
    write_bytes(path, bytes, size);
    refuse_file(path, "4.0");
    bytes[6] = 2; /* the length becomes one of a gigabyte */
    write_bytes(path, bytes, size);
    refuse_file(path, "header of");
    write_bytes(path, "PK\x03\x04 an .npz archive", 20);
    refuse_file(path, "not a NumPy");
    refuse_file(in_folder(*state, "absent.npy"), "No such file");
    refuse_file(*state, "is a folder, expected a file");
}

static void check_written(const char *folder, enum tn_dtype dtype, int rank, const int64_t *dims,
                          const char *header)
{
    struct tn_error error;
    struct tn_tensor *tensor = tn_tensor_new(dtype, rank, dims, &error);
    assert_non_null(tensor);
    for (size_t i = 0; i < tensor->bytes; i++)
        ((uint8_t *)tensor->data)[i] = (uint8_t)(i * 7 % 100);
    const char *path = in_folder(folder, "out.npy");
    if (!tn_npy_write(path, tensor, &error))
        fail_msg("%s", error.text);
    uint8_t written[512], expected[512];
    size_t size = make_file(expected, header, tensor->data, tensor->bytes);
    assert_int_equal(read_bytes(path, written, sizeof written), size);
    assert_memory_equal(written, expected, size);
    struct tn_tensor *again = read_npy(path);
    assert_int_equal(again->dtype, dtype);
    assert_int_equal(again->rank, rank);
    assert_memory_equal(again->data, tensor->data, tensor->bytes);
    tn_tensor_unref(again);
    tn_tensor_unref(tensor);
}

static void files_are_written_as_numpy_writes_them(void **state)
{
    check_written(*state, TN_FLOAT32, 2, (int64_t[]){2, 3},
                  "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }");
    check_written(*state, TN_DOUBLE, 1, (int64_t[]){5},
                  "{'descr': '<f8', 'fortran_order': False, 'shape': (5,), }");
    check_written(*state, TN_INT64, 0, NULL,
                  "{'descr': '<i8', 'fortran_order': False, 'shape': (), }");
}

static void a_failed_write_leaves_nothing_behind(void **state)
{
    struct tn_error error;
    struct tn_tensor *tensor = tn_tensor_new(TN_FLOAT32, 1, (int64_t[]){4}, &error);
    assert_false(tn_npy_write(in_folder(*state, "absent/out.npy"), tensor, &error));
    assert_int_equal(error.kind, TN_ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "absent/out.npy"));
    const char *taken = in_folder(*state, "taken");
    make_folder(taken); /* a folder cannot be replaced */
    assert_false(tn_npy_write(taken, tensor, &error));
    assert_int_equal(rmdir(taken), 0);
    tn_tensor_unref(tensor);
    assert_int_equal(rmdir(*state), 0); /* empty: no temporary file */
    make_folder(*state);
}

#define SCRATCH(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH(float32_is_read_as_it_is),
        SCRATCH(float64_is_read_as_it_is),
        SCRATCH(integers_of_every_size_become_int64),
        SCRATCH(many_small_integers_cross_the_pieces_they_are_read_in),
        SCRATCH(a_scalar_has_no_dimensions),
        SCRATCH(keys_come_in_any_order_and_spacing),
        SCRATCH(versions_two_and_three_have_a_longer_length),
        SCRATCH(damaged_headers_are_refused),
        SCRATCH(sizes_must_agree_with_the_file),
        SCRATCH(truncated_and_other_files_are_refused),
        SCRATCH(files_are_written_as_numpy_writes_them),
        SCRATCH(a_failed_write_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
