/* Results for people, as plain text. */
#ifndef UI_REPORT_H
#define UI_REPORT_H

#include <jansson.h>
#include <stdio.h>

/* Tables for what is a list, one line for the rest. `result` may be NULL. */
void ui_report(FILE *file, const char *command, const json_t *result);

#endif
