/* The session file: what was done is there again, bit for bit, whatever happened. */
#include "quick.h"
#include "session/inside.h"
#include "session/store.h"
#include "session_support.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void begin(struct place *place)
{
    done(place, "open zoo:fashion-vgg seed=3");
    done(place, "data @/images mean=0.3 std=0.3");
    done(place, "sample all images=3 locations=3");
    done(place, "ratio all 0.5");
}

static void a_session_reopens_to_the_same_state_bit_for_bit(void **state)
{
    struct place *place = *state;
    begin(place);
    done(place, "save @/s.thinet");
    done(place, "lock conv3_1 4-9 keep");
    done(place, "prune conv1_* reweight=ls");
    done(place, "finetune epochs=1 batch=50 lr=0.02");
    done(place, "step conv3_1 7");
    char *before = portrait(place);
    reopen(place, place_path(place, "s.thinet"));
    char *after = portrait(place);
    assert_string_equal(before, after);
    free(before);
    free(after);
    done(place, "undo");
    done(place, "undo");
    done(place, "undo");
    json_t *summary = must(place, "summary");
    assert_true(number_in(summary, "params_ratio") == 1);
    json_decref(summary);
    done(place, "eval limit=20");
}

static void the_network_as_opened_is_kept(void **state)
{
    struct place *place = *state;
    begin(place);
    struct tn_digest before, after;
    done(place, "save @/s.thinet");
    before = tn_session_opened(place->session, NULL)->digest;
    done(place, "prune");
    done(place, "finetune epochs=2 batch=50 lr=0.02");
    assert_ptr_not_equal(place->session->state->opened, place->session->state->model);
    reopen(place, place_path(place, "s.thinet"));
    assert_null(place->session->state->opened); /* read when it is asked for */
    const struct tn_model *opened = tn_session_opened(place->session, NULL);
    assert_non_null(opened);
    after = opened->digest;
    assert_true(tn_digest_equal(&before, &after));
    assert_true(opened->cost.params == place->session->state->original.params);
    done(place, "undo");
    done(place, "undo");
    assert_ptr_equal(place->session->state->opened, opened);
    done(place, "undo");
    done(place, "undo");
    assert_ptr_equal(tn_session_opened(place->session, NULL), opened);
}

static void a_reopened_session_has_its_journal_and_metrics(void **state)
{
    struct place *place = *state;
    begin(place);
    done(place, "train epochs=2 batch=50 lr=0.02");
    done(place, "note \xc3\xa9");
    json_t *before = must(place, "journal");
    done(place, "save @/s.thinet");
    reopen(place, place_path(place, "s.thinet"));
    json_t *after = must(place, "journal");
    assert_true(json_equal(before, after));
    assert_int_equal(whole_in(json_array_get(json_object_get(after, "entries"), 4), "epochs"), 2);
    json_decref(before);
    json_decref(after);
}

static void save_goes_on_in_the_new_file_and_leaves_the_old_one(void **state)
{
    struct place *place = *state;
    done(place, "save @/a.thinet");
    done(place, "note one");
    done(place, "save @/b.thinet");
    done(place, "note two");
    assert_string_equal(tn_session_path(place->session), place_path(place, "b.thinet"));
    reopen(place, place_path(place, "a.thinet"));
    json_t *a = must(place, "journal");
    assert_int_equal(json_array_size(json_object_get(a, "entries")), 1);
    json_decref(a);
    json_t *loaded = must(place, "load @/b.thinet");
    assert_int_equal(whole_in(loaded, "entries"), 2);
    json_decref(loaded);
    assert_non_null(strstr(must_fail(place, "load @/b.thinet"), "is the session that is open"));
    done(place, "save @/a.thinet"); /* over a session that nobody has open */
    json_t *again = must(place, "journal");
    assert_int_equal(json_array_size(json_object_get(again, "entries")), 2);
    json_decref(again);
}

static void put_file(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static char *get_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &status), 0);
    *size = (size_t)status.st_size;
    char *bytes = malloc(*size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

/* The file must be refused with `why` in the message, and be the same afterwards. */
static void refused(struct place *place, const char *name, const char *why)
{
    const char *path = place_path(place, name);
    size_t size, size_after;
    char *before = get_file(path, &size);
    struct tn_error error;
    assert_null(tn_session_open(path, &error));
    if (!strstr(error.text, why) || !strstr(error.text, name))
        fail_msg("'%s' says neither '%s' nor the name", error.text, why);
    char *after = get_file(path, &size_after);
    assert_int_equal(size, size_after);
    assert_memory_equal(before, after, size);
    free(before);
    free(after);
}

static void files_that_are_no_session_are_refused_untouched(void **state)
{
    struct place *place = *state;
    static const char text[] =
        "this is a text file, long enough to hold the header of a database file, "
        "which takes a hundred bytes";
    put_file(place_path(place, "text.thinet"), text, sizeof text);
    refused(place, "text.thinet", "not a session");
    put_file(place_path(place, "short.thinet"), "SQLite format 3", 16);
    refused(place, "short.thinet", "cut short");
    sqlite3 *db;
    assert_int_equal(sqlite3_open(place_path(place, "other.thinet"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t(x)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    refused(place, "other.thinet", "not a session of thinet-tui");
    struct tn_error error;
    assert_null(tn_session_open(place->folder, &error));
    assert_non_null(strstr(error.text, "a directory"));
    assert_int_equal(mkfifo(place_path(place, "fifo"), 0666), 0);
    assert_null(tn_session_open(place_path(place, "fifo"), &error));
    assert_non_null(strstr(error.text, "not an ordinary file"));
    assert_null(tn_session_open(place_path(place, "no/folder.thinet"), &error));
    must_fail(place, "load @/missing.thinet");
    assert_non_null(strstr(must_fail(place, "save @/text.thinet"), "will not be overwritten"));
}

/* A session in a file, closed: made.thinet, made when it is first asked for. */
static void made_once(struct place *place)
{
    if (access(place_path(place, "made.thinet"), F_OK) == 0)
        return;
    begin(place);
    done(place, "save @/made.thinet");
    tn_session_free(place->session);
    place->session = tn_session_new(NULL);
    assert_non_null(place->session);
}

/* A copy of it, with `sql` done to it. */
static void tampered(struct place *place, const char *name, const char *sql)
{
    made_once(place);
    size_t size;
    char *bytes = get_file(place_path(place, "made.thinet"), &size);
    put_file(place_path(place, name), bytes, size);
    free(bytes);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(place_path(place, name), &db), SQLITE_OK);
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    sqlite3_close(db);
}

static void a_newer_format_is_refused_untouched(void **state)
{
    struct place *place = *state;
    tampered(place, "new.thinet", "PRAGMA user_version=2");
    refused(place, "new.thinet", "format 2");
}

static void a_session_cut_short_is_refused_untouched(void **state)
{
    struct place *place = *state;
    tampered(place, "cut.thinet", "SELECT 1");
    size_t size;
    char *bytes = get_file(place_path(place, "cut.thinet"), &size);
    for (size_t keep = 200; keep < size; keep += size / 7) {
        put_file(place_path(place, "cut.thinet"), bytes, keep);
        refused(place, "cut.thinet", "cut short");
    }
    free(bytes);
}

static void what_a_session_says_is_not_believed(void **state)
{
    struct place *place = *state;
    static const struct {
        const char *sql, *why;
    } cases[] = {
        {"UPDATE tensor SET data=zeroblob(length(data))", "not what its digest says"},
        {"UPDATE tensor SET dims='4611686018427387904,4'", "shape does not fit"},
        {"UPDATE tensor SET dims='1,2,3,4,5,6,7,8,9,10'", "shape does not fit"},
        {"UPDATE tensor SET dtype=99", "shape does not fit"},
        {"DELETE FROM tensor", "a tensor is missing"},
        {"DELETE FROM graph", "a network is missing"},
        {"UPDATE graph SET data=x'00ff'", ""},
        {"DELETE FROM state", "a state is missing"},
        {"UPDATE state SET settings='{'", "not JSON"},
        {"UPDATE state SET settings='{}'", "settings"},
        {"UPDATE state SET settings=replace(settings, 'thinet', 'nonsense')", "method"},
        {"UPDATE state SET settings=replace(settings, '\"kept\":16', '\"kept\":99')", "kept"},
        {"UPDATE state SET settings=replace(settings, '\"kept\":16', '\"kept\":-1')", "kept"},
        {"UPDATE statistic SET layer='nowhere' WHERE layer='conv1_1'", "a statistic of no layer"},
        {"UPDATE statistic SET samples=-3", "statistic"},
        {"UPDATE statistic SET gram=x'00'", "statistic"},
        {"UPDATE entry SET parent=id", "no tree"},
        {"UPDATE entry SET parent=77 WHERE id=2", "no tree"},
        {"UPDATE entry SET ok=7", "'ok'"},
        {"UPDATE entry SET result='nonsense'", "not JSON"},
        {"UPDATE meta SET value=99", "not there"},
        {"DROP TABLE metric", "missing"},
        {"CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM entry; END", "of its own"},
        {"CREATE VIEW v AS SELECT 1", "of its own"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[32];
        snprintf(name, sizeof name, "t%zu.thinet", i);
        tampered(place, name, cases[i].sql);
        struct tn_error error;
        struct tn_session *opened = tn_session_open(place_path(place, name), &error);
        if (opened || !strstr(error.text, cases[i].why))
            fail_msg("%s: %s", cases[i].sql, opened ? "was opened" : error.text);
    }
}

/* A file as a crash leaves it: in the middle of a transaction whose pages are partly written, page
 * 1 with the new number of pages among them, and the rest still to come. */
static void a_transaction_that_was_cut_off_is_rolled_back(void **state)
{
    struct place *place = *state;
    tampered(place, "s.thinet", "SELECT 1");
    reopen(place, place_path(place, "s.thinet"));
    char *before = portrait(place);
    reopen(place, place_path(place, "other.thinet"));
    sqlite3 *db;
    assert_int_equal(sqlite3_open(place_path(place, "s.thinet"), &db), SQLITE_OK);
    const char *sql = "PRAGMA cache_size=1; BEGIN; DELETE FROM tensor; DELETE FROM entry; "
                      "INSERT INTO tensor VALUES(x'00', 1, '', zeroblob(3000000))";
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    size_t size, journal_size;
    char *bytes = get_file(place_path(place, "s.thinet"), &size);
    char *journal = get_file(place_path(place, "s.thinet-journal"), &journal_size);
    sqlite3_close(db);
    assert_true(journal_size > 512);
    memset(bytes + 28, 0x01, 4); /* pages: more than are there */
    memcpy(bytes + 92, bytes + 24, 4);
    put_file(place_path(place, "crash.thinet"), bytes, size);
    put_file(place_path(place, "crash.thinet-journal"), journal, journal_size);
    reopen(place, place_path(place, "crash.thinet"));
    char *after = portrait(place);
    assert_string_equal(before, after);
    free(bytes);
    free(journal);
    free(before);
    free(after);
}

/* A child that opens the session and holds it until the pipe closes. */
static pid_t hold(struct place *place, const char *name, int *end)
{
    int ready[2], release[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(release), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(release[1]);
        struct tn_session *session = tn_session_open(place_path(place, name), NULL);
        byte = session ? 'y' : 'n';
        bool told = write(ready[1], &byte, 1) == 1;
        bool released = read(release[0], &byte, 1) == 0;
        tn_session_free(session);
        _exit(told && released ? 0 : 1);
    }
    close(ready[1]);
    close(release[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    close(ready[0]);
    *end = release[1];
    return child;
}

static void a_session_open_in_another_process_is_refused_at_once(void **state)
{
    struct place *place = *state;
    done(place, "save @/s.thinet");
    reopen(place, place_path(place, "other.thinet"));
    int end, status;
    pid_t child = hold(place, "s.thinet", &end);
    struct tn_error error;
    assert_null(tn_session_open(place_path(place, "s.thinet"), &error));
    assert_non_null(strstr(error.text, "in use by another process"));
    assert_non_null(strstr(must_fail(place, "load @/s.thinet"), "in use"));
    assert_non_null(strstr(must_fail(place, "save @/s.thinet"), "in use"));
    close(end);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    done(place, "load @/s.thinet");
}

static void tell_epoch(void *context)
{
    char byte = 'e';
    ssize_t ignored = write(*(int *)context, &byte, 1);
    (void)ignored;
}

/* What this program does when it is called to be killed: fine-tune for ever, saying so after every
 * epoch. A fork alone would not do, it has none of the threads that compute. */
static int train_until_killed(const char *path, int said)
{
    struct tn_session *session = tn_session_open(path, NULL);
    if (!session)
        return 1;
    tn_session_on_change(session, tell_epoch, &said);
    tn_session_run(session, "finetune epochs=100000 batch=50 lr=0.02 augment=none", NULL, NULL,
                   NULL);
    return 2;
}

static void killed_while_training(const char *path)
{
    int said[2], status;
    char byte, descriptor[16];
    assert_int_equal(pipe(said), 0);
    snprintf(descriptor, sizeof descriptor, "%d", said[1]);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        execl("/proc/self/exe", "test_store", path, descriptor, (char *)NULL);
        _exit(3);
    }
    close(said[1]);
    for (int i = 0; i < 3; i++) /* at the start, and after two epochs */
        assert_int_equal(read(said[0], &byte, 1), 1);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    close(said[0]);
}

static void after_kill_9_the_last_finished_epoch_stands(void **state)
{
    struct place *place = *state;
    begin(place);
    done(place, "save @/s.thinet");
    tn_session_free(place->session);
    killed_while_training(place_path(place, "s.thinet"));
    struct tn_error error;
    place->session = tn_session_open(place_path(place, "s.thinet"), &error);
    if (!place->session)
        fail_msg("%s", error.text);
    json_t *journal = must(place, "journal"), *summary = must(place, "summary");
    const json_t *entry = json_array_get(json_object_get(journal, "entries"), 4);
    assert_true(json_is_true(json_object_get(entry, "interrupted")));
    assert_true(whole_in(entry, "epochs") >= 2);
    assert_int_equal(whole_in(journal, "head"), 5);
    assert_true(number_in(summary, "top1") >= 0);
    json_decref(journal);
    json_decref(summary);
    done(place, "eval limit=20");
    done(place, "undo");
    json_t *layers = must(place, "layers");
    assert_true(json_is_false(
        json_object_get(json_array_get(json_object_get(layers, "layers"), 0), "stale")));
    json_decref(layers);
}

static void checkpoints_of_earlier_epochs_do_not_stay(void **state)
{
    struct place *place = *state;
    done(place, "open zoo:fashion-vgg");
    done(place, "data @/images");
    done(place, "save @/s.thinet");
    const int epochs = test_amount(4, 2);
    done(place, "finetune epochs=%d batch=100", epochs);
    tn_session_free(place->session);
    place->session = tn_session_new(NULL);
    struct stat status;
    assert_int_equal(stat(place_path(place, "s.thinet"), &status), 0);
    /* Weights as opened, as trained and their momentum, and at most once more while an epoch
     * replaces another; 1.2 MB each. */
    assert_true(status.st_size < 6 * 1200 * 1000);
    sqlite3 *db;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open(place_path(place, "s.thinet"), &db), SQLITE_OK);
    const char *sql =
        "SELECT (SELECT count(*) FROM graph), (SELECT count(*) FROM tensor WHERE digest NOT "
        "IN (SELECT tensor FROM graph_tensor)), (SELECT count(*) FROM metric)";
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(s, 0), 2);
    assert_int_equal(sqlite3_column_int(s, 1), 0);
    assert_int_equal(sqlite3_column_int(s, 2), epochs * 7);
    sqlite3_finalize(s);
    sqlite3_close(db);
}

/* In a child, as the limit cannot be lifted again: the file may not grow. 0 when all is as it
 * should be, else the number of the step that was not. */
static int work_on_a_full_disk(const char *path, const char *elsewhere)
{
    struct rlimit limit, unlimited;
    struct tn_error error;
    char line[256];
    struct tn_session *session = tn_session_open(path, &error);
    if (!session)
        return 1;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &unlimited);
    limit = unlimited;
    limit.rlim_cur = 40000;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 2;
    if (tn_session_run(session, "open zoo:fashion-vgg seed=5", NULL, NULL, &error))
        return 3;
    if (!strstr(error.text, "save it elsewhere"))
        return 4;
    if (setrlimit(RLIMIT_FSIZE, &unlimited) != 0)
        return 5;
    snprintf(line, sizeof line, "save %s", elsewhere);
    if (!tn_session_run(session, line, NULL, NULL, &error))
        return 6;
    tn_session_free(session);
    return 0;
}

static void on_a_full_disk_the_work_can_be_saved_elsewhere(void **state)
{
    struct place *place = *state;
    char full[160], elsewhere[160];
    snprintf(full, sizeof full, "%s/full.thinet", place->folder);
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere.thinet", place->folder);
    done(place, "save @/full.thinet");
    reopen(place, place_path(place, "other.thinet"));
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(work_on_a_full_disk(full, elsewhere));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    reopen(place, elsewhere);
    json_t *summary = must(place, "summary");
    assert_string_equal(json_string_value(json_object_get(summary, "model")), "fashion-vgg");
    json_decref(summary);
    reopen(place, full);
}

static void a_session_can_be_looked_at_where_its_images_are_not(void **state)
{
    struct place *place = *state;
    begin(place);
    done(place, "save @/s.thinet");
    tn_session_free(place->session);
    place->session = NULL;
    assert_int_equal(rename(place_path(place, "images"), place_path(place, "moved")), 0);
    place->session = tn_session_open(place_path(place, "s.thinet"), NULL);
    assert_non_null(place->session);
    done(place, "layers");
    done(place, "curve conv1_1");
    done(place, "prune");
    must_fail(place, "eval");
    done(place, "data @/moved");
    done(place, "eval limit=20");
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return train_until_killed(argv[1], atoi(argv[2]));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_session_reopens_to_the_same_state_bit_for_bit, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(the_network_as_opened_is_kept, place_open, place_close),
        cmocka_unit_test_setup_teardown(a_reopened_session_has_its_journal_and_metrics, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(save_goes_on_in_the_new_file_and_leaves_the_old_one,
                                        place_open, place_close),
        cmocka_unit_test_setup_teardown(files_that_are_no_session_are_refused_untouched, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(a_newer_format_is_refused_untouched, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(a_session_cut_short_is_refused_untouched, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(what_a_session_says_is_not_believed, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(a_transaction_that_was_cut_off_is_rolled_back, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(a_session_open_in_another_process_is_refused_at_once,
                                        place_open, place_close),
        cmocka_unit_test_setup_teardown(after_kill_9_the_last_finished_epoch_stands, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(checkpoints_of_earlier_epochs_do_not_stay, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(on_a_full_disk_the_work_can_be_saved_elsewhere, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(a_session_can_be_looked_at_where_its_images_are_not,
                                        place_open, place_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
