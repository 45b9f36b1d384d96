/* Errors: a function that can fail returns bool and fills a struct tn_error where the cause is
 * known. */
#ifndef TN_CORE_ERROR_H
#define TN_CORE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

enum tn_error_kind {
    TN_ERROR_NONE = 0,
    TN_ERROR_USE, /* wrong words, wrong value, unknown name: the user can mend it by typing anew */
    TN_ERROR_INPUT,     /* a file says something impossible */
    TN_ERROR_SYSTEM,    /* the machine refused: no memory, no space, no permission */
    TN_ERROR_CANCELLED, /* asked to stop; nothing is wrong */
};

struct tn_error {
    enum tn_error_kind kind;
    char text[480]; /* one line, no final newline: what is wrong, where, and what was expected */
};

/* Fill `error` (may be NULL) and return false, so that callers write `return tn_fail(...)`. */
bool tn_fail(struct tn_error *error, enum tn_error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "PREFIX: " in front of an error that comes from deeper down; returns false. */
bool tn_fail_in(struct tn_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "out of memory for WHAT (N bytes)"; returns false. */
bool tn_fail_memory(struct tn_error *error, const char *what, size_t bytes);

void tn_error_clear(struct tn_error *error);

/* For what may be absent without an error: is `why` empty? If not, it is copied to `error` (may be
 * NULL). */
bool tn_error_pass(const struct tn_error *why, struct tn_error *error);

#ifdef TN_ANALYSIS
/* Static analysers look at one file at a time and cannot see in error.c that these return false. */
#define tn_fail(...)        (tn_fail(__VA_ARGS__), false)
#define tn_fail_in(...)     (tn_fail_in(__VA_ARGS__), false)
#define tn_fail_memory(...) (tn_fail_memory(__VA_ARGS__), false)
#endif

#endif
