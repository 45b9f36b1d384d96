/* Numbers as the screen says them. */
#ifndef UI_FORMAT_H
#define UI_FORMAT_H

#include <stddef.h>
#include <stdint.h>

enum { FORMAT = 24 };

/* A relative error in at most 5 columns: "0.031", "4e-05", "0", "-" before sampling. */
const char *format_error(char text[FORMAT], double error);
/* A score or cost of any size in at most 7 columns. */
const char *format_number(char text[FORMAT], double value);
/* A number of filters, or a sum of them, in at most 4 columns: 128, 9999, 12k */
const char *format_filters(char text[FORMAT], int count);
/* 128, 12.3k, 4.56M, 1.2G */
const char *format_count(char text[FORMAT], double count);
/* 0:14, 12:03, 2:05:00 */
const char *format_time(char text[FORMAT], double seconds);

#endif
