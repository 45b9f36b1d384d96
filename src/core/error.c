#undef TN_ANALYSIS /* here they are defined */
#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Messages are one line on a terminal: a control character in a file name must not act on it. */
static void make_printable(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
    }
}

bool tn_fail(struct tn_error *error, enum tn_error_kind kind, const char *format, ...)
{
    if (!error)
        return false;
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    make_printable(error->text);
    error->kind = kind;
    return false;
}

bool tn_fail_in(struct tn_error *error, const char *format, ...)
{
    if (!error)
        return false;
    char prefix[sizeof error->text];
    char whole[2 * sizeof error->text + 2];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    make_printable(prefix);
    snprintf(whole, sizeof whole, "%s: %s", prefix, error->text);
    memcpy(error->text, whole, sizeof error->text - 1);
    error->text[sizeof error->text - 1] = '\0';
    return false;
}

bool tn_fail_memory(struct tn_error *error, const char *what, size_t bytes)
{
    return tn_fail(error, TN_ERROR_SYSTEM, "out of memory for %s (%zu bytes)", what, bytes);
}

void tn_error_clear(struct tn_error *error)
{
    if (!error)
        return;
    error->kind = TN_ERROR_NONE;
    error->text[0] = '\0';
}

bool tn_error_pass(const struct tn_error *why, struct tn_error *error)
{
    if (why->kind == TN_ERROR_NONE)
        return true;
    if (error)
        *error = *why;
    return false;
}
