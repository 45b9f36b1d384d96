/* One line about a result, for the status line, the journal and scripts that are watched. */
#ifndef TN_SESSION_BRIEF_H
#define TN_SESSION_BRIEF_H

#include <jansson.h>
#include <stddef.h>

/* `command` is the command line or its first word. "" where there is nothing to say. */
void tn_brief(const char *command, const json_t *result, char *text, size_t size);

#endif
