#include "format.h"
#include <math.h>
#include <stdio.h>

const char *format_error(char text[FORMAT], double error)
{
    if (!isfinite(error))
        snprintf(text, FORMAT, "-");
    else if (fabs(error) < 1e-12)
        snprintf(text, FORMAT, "0");
    else if (fabs(error) < 0.0005)
        snprintf(text, FORMAT, "%.0e", error);
    else if (fabs(error) < 10)
        snprintf(text, FORMAT, "%.3f", error);
    else
        snprintf(text, FORMAT, "%.3g", error);
    return text;
}

const char *format_number(char text[FORMAT], double value)
{
    if (!isfinite(value))
        snprintf(text, FORMAT, "-");
    else if (fabs(value) < 1e-12)
        snprintf(text, FORMAT, "0");
    else if (fabs(value) < 0.0001 || fabs(value) >= 10000)
        snprintf(text, FORMAT, "%.0e", value);
    else
        snprintf(text, FORMAT, fabs(value) < 1 ? "%.4f" : "%.4g", value);
    return text;
}

const char *format_filters(char text[FORMAT], int count)
{
    snprintf(text, FORMAT, count < 10000 ? "%d" : "%dk", count < 10000 ? count : count / 1000);
    return text;
}

const char *format_count(char text[FORMAT], double count)
{
    static const char units[] = {'k', 'M', 'G', 'T'};
    int unit = 0;
    if (!(fabs(count) >= 1000)) {
        snprintf(text, FORMAT, "%.0f", count);
        return text;
    }
    for (count /= 1000; fabs(count) >= 999.5 && unit < 3; unit++)
        count /= 1000;
    snprintf(text, FORMAT, fabs(count) < 99.95 ? "%.3g%c" : "%.0f%c", count, units[unit]);
    return text;
}

const char *format_time(char text[FORMAT], double seconds)
{
    if (!(seconds >= 0 && seconds < 1e8)) {
        snprintf(text, FORMAT, "-");
        return text;
    }
    long whole = lround(seconds);
    if (whole >= 3600)
        snprintf(text, FORMAT, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(text, FORMAT, "%ld:%02ld", whole / 60, whole % 60);
    return text;
}
