#include "report_rows.h"

#include <math.h>
#include <string.h>

const char *ui_text_of(const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));
    return text ? text : "";
}

double ui_number_of(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

long long ui_whole_of(const json_t *row, const char *key)
{
    return (long long)json_integer_value(json_object_get(row, key));
}

void ui_put_number(FILE *file, int width, int decimals, double value)
{
    if (isfinite(value))
        fprintf(file, "%*.*f", width, decimals, value);
    else
        fprintf(file, "%*s", width, "-");
}

int ui_longest(const json_t *rows, const char *key, int least)
{
    size_t i;
    json_t *row;
    json_array_foreach((json_t *)rows, i, row)
    {
        int length = (int)strlen(ui_text_of(row, key));
        least = length > least ? length : least;
    }
    return least;
}
