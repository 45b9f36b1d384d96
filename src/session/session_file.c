/* From file to file: save and load. */
#include "core/memory.h"
#include "session/inside.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return a && b && stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

/* A rename outlives a power cut once the folder is on the disk. */
static bool rename_for_good(const char *from, const char *to, struct tn_error *error)
{
    if (rename(from, to) != 0)
        return tn_fail(error, TN_ERROR_SYSTEM, "%s: %s", to, strerror(errno));
    char *copy = tn_strdup(to);
    int folder = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (folder >= 0) {
        fsync(folder);
        close(folder);
    }
    tn_free(copy);
    return true;
}

/* Only a session that nobody has open may be replaced. */
static bool may_replace(const char *path, struct tn_error *error)
{
    bool exists;
    if (!tn_store_inspect(path, &exists, error))
        return tn_fail_in(error, "will not be overwritten");
    struct tn_store *other = exists ? tn_store_open(path, error) : NULL;
    tn_store_close(other);
    return !exists || other;
}

/* Everything, also what the present file could not take, into a new file beside `path`. */
static bool write_whole(struct tn_session *session, const char *path, struct tn_error *error)
{
    if (!tn_store_copy(session->store, path, error))
        return false;
    struct tn_store *store = tn_store_open(path, error);
    bool fine = store && tn_store_put(store, &session->journal, error);
    tn_store_close(store);
    return fine;
}

/* A file is written beside its name and takes it when it is whole. */
static char *part_name(const char *path, struct tn_error *error)
{
    char *beside = tn_sprintf("%s.%ld.part", path, (long)getpid());
    if (!beside)
        tn_fail_memory(error, "a file name", strlen(path));
    return beside;
}

static struct tn_store *save_as(struct tn_session *session, const char *path,
                                struct tn_error *error)
{
    char *beside = part_name(path, error);
    if (!beside)
        return NULL;
    bool fine = write_whole(session, beside, error) && rename_for_good(beside, path, error);
    if (!fine)
        unlink(beside);
    tn_free(beside);
    return fine ? tn_store_open(path, error) : NULL;
}

bool tn_session_copy(struct tn_session *session, const char *path,
                     bool (*finish)(const char *path, struct tn_error *error),
                     struct tn_error *error)
{
    if (same_file(path, session->store->path))
        return tn_fail(error, TN_ERROR_USE, "%s is the session that is open", path);
    char *beside = may_replace(path, error) ? part_name(path, error) : NULL;
    bool fine = beside && tn_store_copy(session->store, beside, error) &&
                (!finish || finish(beside, error)) && rename_for_good(beside, path, error);
    if (!fine && beside)
        unlink(beside);
    tn_free(beside);
    return fine;
}

/* What is looked at goes on growing: the copy is what is in it, and is opened anew. */
static bool save_looked_at(struct tn_session *session, const char *path, struct tn_error *error)
{
    return tn_session_copy(session, path, NULL, error) && tn_session_load(session, path, error);
}

bool tn_session_save(struct tn_session *session, const char *path, struct tn_error *error)
{
    bool same = same_file(path, session->store->path);
    if (same && session->store->looks_on)
        return tn_fail(error, TN_ERROR_USE,
                       "%s: another process has it for writing: save FILE.thinet goes on in a copy",
                       path);
    if (same)
        return tn_store_write(session->store, &session->journal, error);
    if (session->store->looks_on)
        return save_looked_at(session, path, error);
    if (!may_replace(path, error))
        return false;
    struct tn_store *store = save_as(session, path, error);
    if (!store)
        return false;
    store->detached = session->store->detached;
    tn_journal_mark_written(&session->journal);
    if (session->store->draft)
        unlink(session->store->path);
    tn_store_close(session->store);
    session->store = store;
    return true;
}

bool tn_session_load(struct tn_session *session, const char *path, struct tn_error *error)
{
    if (same_file(path, session->store->path) && !session->store->looks_on)
        return tn_fail(error, TN_ERROR_USE, "%s is the session that is open", path);
    bool exists;
    if (!tn_store_inspect(path, &exists, error))
        return false;
    if (!exists)
        return tn_fail(error, TN_ERROR_INPUT, "%s: there is no such session", path);
    struct tn_session *other = tn_session_open(path, error);
    if (!other)
        return false;
    /* Swap the insides; the old ones go with `other`. */
    struct tn_session old = *session;
    session->store = other->store;
    session->journal = other->journal;
    session->state = other->state;
    session->last_state_id = other->last_state_id;
    other->store = old.store;
    other->journal = old.journal;
    other->state = old.state;
    session->running = NULL;
    tn_session_free(other);
    return true;
}
