/* core/mapping.c, and core/file.c's drafts: files in memory, and files written whole or not at all.
 */
#include "core/file.h"
#include "core/mapping.h"
#include "core/memory.h"
#include "model/tensor.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int make_folder(void **state)
{
    char *folder = tn_strdup("/tmp/thinet-mapping-XXXXXX");
    *state = mkdtemp(folder);
    return *state ? 0 : -1;
}

static int remove_folder(void **state)
{
    int status = rmdir(*state); /* nothing may be left in it */
    tn_free(*state);
    return status;
}

static char *path_in(void **state, const char *name)
{
    return tn_sprintf("%s/%s", (const char *)*state, name);
}

/* A file of `size` bytes, most of them a hole, that ends with "the end". */
static void make_file(const char *path, size_t size)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(descriptor >= 0);
    assert_int_equal(pwrite(descriptor, "the end", 7, (off_t)(size - 7)), 7);
    assert_int_equal(close(descriptor), 0);
}

static struct tn_mapping *map(const char *path, size_t offset, size_t size)
{
    struct tn_error error = {0};
    int descriptor = open(path, O_RDONLY);
    assert_true(descriptor >= 0);
    struct tn_mapping *mapping = tn_mapping_new(descriptor, path, offset, size, &error);
    if (!mapping)
        fail_msg("%s", error.text);
    close(descriptor);
    return mapping;
}

static void parts_of_any_size_and_place_are_there(void **state)
{
    static const size_t sizes[] = {7, 100000, TN_MAPPING_LEAST, TN_MAPPING_LEAST + 12345};
    char *path = path_in(state, "file");
    struct tn_error error = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        make_file(path, sizes[i] + 5003);
        struct tn_mapping *mapping = map(path, 5003, sizes[i]);
        assert_int_equal(mapping->size, sizes[i]);
        assert_int_equal(mapping->large, sizes[i] >= TN_MAPPING_LEAST);
        assert_memory_equal(mapping->bytes + sizes[i] - 7, "the end", 7);
        tn_mapping_pass(mapping, mapping->bytes, sizes[i]);
        assert_memory_equal(mapping->bytes + sizes[i] - 7, "the end", 7);
        assert_true(tn_mapping_check(mapping, &error));
        assert_ptr_equal(tn_mapping_ref(mapping), mapping);
        tn_mapping_unref(mapping);
        unlink(path); /* it stays in memory */
        assert_true(tn_mapping_check(mapping, &error));
        assert_memory_equal(mapping->bytes + sizes[i] - 7, "the end", 7);
        tn_mapping_unref(mapping);
    }
    tn_free(path);
}

static void a_file_that_is_written_to_is_found_out(void **state)
{
    struct tn_error error = {0};
    char *path = path_in(state, "file"), *other = path_in(state, "other");
    make_file(path, TN_MAPPING_LEAST);
    struct tn_mapping *mapping = map(path, 0, TN_MAPPING_LEAST);

    /* replaced by another file of that name, it is still there */
    make_file(other, TN_MAPPING_LEAST + 100);
    struct tn_mapping *second = map(other, 0, TN_MAPPING_LEAST);
    assert_int_equal(rename(other, path), 0);
    assert_true(tn_mapping_check(mapping, &error));
    assert_memory_equal(mapping->bytes + TN_MAPPING_LEAST - 7, "the end", 7);
    tn_mapping_unref(mapping);
    tn_mapping_unref(second);

    mapping = map(path, 0, TN_MAPPING_LEAST);
    struct tn_tensor *view =
        tn_tensor_view(TN_FLOAT32, 1, (const int64_t[]){1000}, mapping->bytes, mapping, &error);
    assert_non_null(view);
    tn_mapping_unref(mapping); /* the tensor has it now */
    assert_false(tn_tensor_is_private(view));
    assert_true(tn_tensor_floats(view)[999] == 0);
    assert_true(tn_tensor_check(view, &error));
    assert_int_equal(truncate(path, 100), 0);
    assert_false(tn_tensor_check(view, &error));
    assert_non_null(strstr(error.text, path));
    tn_tensor_unref(view);
    unlink(path);
    tn_free(path);
    tn_free(other);
}

static void a_draft_shows_only_when_it_is_published(void **state)
{
    enum { TIMES = 3000 };
    struct tn_error error = {0};
    struct tn_file_draft draft;
    char *path = path_in(state, "file"), piece[100];
    memset(piece, 'x', sizeof piece);
    assert_true(tn_file_begin(&draft, path, &error));
    for (int i = 0; i < TIMES; i++)
        tn_file_append(&draft, piece, sizeof piece);
    assert_int_equal(draft.size, TIMES * sizeof piece);
    assert_false(tn_file_exists(path));
    assert_true(tn_file_end(&draft, &error));
    assert_false(tn_file_exists(path));
    assert_true(tn_file_publish(&draft, &error));
    tn_file_drop(&draft);
    uint8_t *bytes;
    size_t size;
    assert_true(tn_file_read(path, 1 << 20, &bytes, &size, &error));
    assert_int_equal(size, TIMES * sizeof piece);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(bytes[i], 'x');
    tn_free(bytes);

    assert_true(
        tn_file_begin(&draft, path, &error)); /* given up: the old file stays, nothing else */
    tn_file_append(&draft, piece, 1);
    tn_file_drop(&draft);
    assert_true(tn_file_begin(&draft, path, &error));
    assert_true(tn_file_end(&draft, &error));
    tn_file_drop(&draft);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, TIMES * sizeof piece);
    assert_int_equal(unlink(path), 0);
    tn_free(path);
}

static void a_full_disk_is_told(void **state)
{
    struct tn_error error = {0};
    struct tn_file_draft draft;
    char *path = path_in(state, "file"), piece[4096] = {0};
    if (access("/dev/full", W_OK) != 0)
        skip();
    assert_true(tn_file_begin(&draft, path, &error));
    assert_int_equal(dup2(open("/dev/full", O_WRONLY), draft.descriptor), draft.descriptor);
    for (int i = 0; i < 100; i++)
        tn_file_append(&draft, piece, sizeof piece);
    assert_false(tn_file_end(&draft, &error));
    assert_non_null(strstr(error.text, "No space left"));
    assert_int_equal(error.kind, TN_ERROR_SYSTEM);
    tn_file_drop(&draft);
    tn_free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_any_size_and_place_are_there),
        cmocka_unit_test(a_file_that_is_written_to_is_found_out),
        cmocka_unit_test(a_draft_shows_only_when_it_is_published),
        cmocka_unit_test(a_full_disk_is_told),
    };
    return cmocka_run_group_tests_name("mapping", tests, make_folder, remove_folder);
}
