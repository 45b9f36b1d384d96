#include "plot/ticks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The least of 1, 2, 5 times a power of ten that is not below `step`. */
static double nice(double step)
{
    double power = pow(10, floor(log10(step))), part = step / power;
    const double slack = 1 + 1e-9;
    if (part <= 1 * slack)
        return power;
    if (part <= 2 * slack)
        return 2 * power;
    return (part <= 5 * slack ? 5 : 10) * power;
}

/* "0.25", with as many places as the step between ticks needs; far from 1 "2e-6". */
static void write_number(char *text, size_t size, double value, double step)
{
    double most = fabs(value);
    if (value == 0)
        snprintf(text, size, "0");
    else if (most >= 1e6 || step < 0.9e-4)
        snprintf(text, size, "%.4g", value);
    else
        snprintf(text, size, "%.*f", (int)fmax(0, -floor(log10(step) + 1e-9)), value);
}

void tn_ticks_linear(double low, double high, int most, bool whole, bool percent,
                     struct tn_ticks *ticks)
{
    memset(ticks, 0, sizeof *ticks);
    most = most < 2 ? 2 : most > TN_TICKS_MOST ? TN_TICKS_MOST : most;
    if (!(high > low) || !isfinite(high - low))
        return;
    double step = nice((high - low) / (most + 1)); /* the ends of the axis need not be ticks */
    if (whole && step < 1)
        step = 1;
    double slack = 1e-9 * (high - low);
    while (floor((high + slack) / step) - ceil((low - slack) / step) + 1 > most)
        step = nice(step * 1.5);
    for (double n = ceil((low - slack) / step); n * step <= high + slack; n++) {
        double scale = percent ? 100 : 1;
        ticks->at[ticks->count] = n * step + 0.0; /* 0 in place of -0 */
        write_number(ticks->text[ticks->count], sizeof *ticks->text, n * step * scale,
                     step * scale);
        ticks->count++;
    }
}

/* 10 to the n, with the exponent raised. */
static void write_power(char *text, size_t size, int n)
{
    static const char *const digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char plain[16];
    snprintf(plain, sizeof plain, "%d", n);
    size_t used = (size_t)snprintf(text, size, "10");
    for (const char *c = plain; *c && used < size; c++)
        used +=
            (size_t)snprintf(text + used, size - used, "%s", *c == '-' ? "⁻" : digits[*c - '0']);
}

static void add_log(struct tn_ticks *ticks, double at, int power, bool plain, bool percent)
{
    if (ticks->count >= TN_TICKS_MOST)
        return;
    char *text = ticks->text[ticks->count];
    ticks->at[ticks->count++] = at;
    if (plain || percent)
        snprintf(text, sizeof *ticks->text, "%.6g", percent ? at * 100 : at);
    else
        write_power(text, sizeof *ticks->text, power);
}

static void add_minor(struct tn_ticks *ticks, double low, double high, int from, int to)
{
    for (int n = from; n <= to; n++)
        for (int digit = 2; digit < 10 && ticks->minor_count < TN_TICKS_MINOR; digit++) {
            double at = digit * pow(10, n);
            if (at >= low && at <= high)
                ticks->minor[ticks->minor_count++] = at;
        }
}

void tn_ticks_log(double low, double high, int most, bool percent, struct tn_ticks *ticks)
{
    memset(ticks, 0, sizeof *ticks);
    most = most < 2 ? 2 : most > TN_TICKS_MOST ? TN_TICKS_MOST : most;
    if (!(low > 0) || !(high > low) || !isfinite(high))
        return;
    const double slack = 1 + 1e-9;
    int first = (int)ceil(log10(low / slack)), last = (int)floor(log10(high * slack));
    int powers = last - first + 1, stride = (powers + most - 1) / most;
    bool plain = first >= -3 && last <= 4;
    static const int digits[] = {1, 2, 5};
    for (int n = first - 1; powers < 2 && n <= last; n++)
        for (int d = 0; d < 3; d++) {
            double at = digits[d] * pow(10, n);
            if (at >= low / slack && at <= high * slack)
                add_log(ticks, at, n, true, percent);
        }
    for (int n = first; powers >= 2 && n <= last; n++)
        if ((n - first) % stride == 0)
            add_log(ticks, pow(10, n), n, plain, percent);
    if (ticks->count < 2)
        tn_ticks_linear(low, high, most, false, percent, ticks);
    else if (powers <= 10)
        add_minor(ticks, low, high, first - 1, last);
}
