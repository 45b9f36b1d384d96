/* Fields of a result, and what a table is written with; and the tables that have a file to
 * themselves. */
#ifndef UI_REPORT_ROWS_H
#define UI_REPORT_ROWS_H

#include <jansson.h>
#include <stdio.h>

/* A field; "", NAN or 0 where there is none. */
const char *ui_text_of(const json_t *row, const char *key);
double ui_number_of(const json_t *row, const char *key);
long long ui_whole_of(const json_t *row, const char *key);
/* A number in `width` columns, "-" where there is none. */
void ui_put_number(FILE *file, int width, int decimals, double value);
/* Bytes of the longest text under a key of any row, not less than `least`. */
int ui_longest(const json_t *rows, const char *key, int least);

/* The paper's table, or methods side by side. */
void ui_report_compare(FILE *file, const json_t *result);

#endif
