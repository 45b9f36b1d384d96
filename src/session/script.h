/* The lines of a script: of a file, standard input, or a text built into the program. */
#ifndef TN_SESSION_SCRIPT_H
#define TN_SESSION_SCRIPT_H

#include "core/error.h"
#include <stdbool.h>
#include <stdio.h>

struct tn_script {
    const char *name; /* for messages; borrowed */
    long number;      /* of the line that was read last, from 1 */
    FILE *file;       /* NULL: `lines` */
    const char *const *lines;
    char *line; /* room for one of a file */
};

/* "-" is standard input. `path` must live as long as the script. */
bool tn_script_open(struct tn_script *script, const char *path, struct tn_error *error);
/* Lines that end with NULL; they are borrowed. */
void tn_script_of_lines(struct tn_script *script, const char *name, const char *const *lines);
/* The next line, with or without its newline, good until the next call. False at the end, without
 * an error, and after a failure. */
bool tn_script_next(struct tn_script *script, const char **line, struct tn_error *error);
void tn_script_close(struct tn_script *script);

#endif
