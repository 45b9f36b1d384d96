/* A folder of its own, images to work on, and a session in it. */
#ifndef TESTS_SESSION_SUPPORT_H
#define TESTS_SESSION_SUPPORT_H

#include "session/session.h"
#include <jansson.h>

struct place {
    char folder[64];
    struct tn_session *session;
};

/* cmocka's setup and teardown: *state is the place, with an unsaved session and IDX images under
 * FOLDER/images: ten classes of 28x28 patterns that a network can tell apart, 200 to train on
 * (quick: 100) and 100 to test. */
int place_open(void **state);
int place_close(void **state);

/* "FOLDER/NAME", good until the call after the next seven. */
const char *place_path(const struct place *place, const char *name);

/* Run a command line made by printf; "@" in it stands for the folder. It must succeed; its result,
 * or NULL. Released with json_decref. */
json_t *must(struct place *place, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same without looking at the result. */
void done(struct place *place, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* It must fail; the message, good until the next call. */
const char *must_fail(struct place *place, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Leave the session and open the one in a file. */
void reopen(struct place *place, const char *path);

/* Everything a session shows: layers with errors, summary, curves of sampled layers, the weights as
 * exported. Equal texts are equal states. Released with free. */
char *portrait(struct place *place);

double number_in(const json_t *object, const char *key);
long long whole_in(const json_t *object, const char *key);
const json_t *row_named(const json_t *result, const char *array, const char *key, const char *name);

#endif
