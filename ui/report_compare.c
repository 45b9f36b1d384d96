/* The result of compare. */
#include "report_rows.h"

#include <math.h>
#include <stdbool.h>

/* A count in the paper's units, "138.34M". */
static void put_amount(FILE *file, int width, double amount)
{
    if (!isfinite(amount))
        fprintf(file, "%*s", width, "-");
    else if (amount >= 1e9)
        fprintf(file, "%*.2fB", width - 1, amount / 1e9);
    else if (amount >= 1e6)
        fprintf(file, "%*.2fM", width - 1, amount / 1e6);
    else
        fprintf(file, "%*.2fk", width - 1, amount / 1e3);
}

/* What is to be said of a row's accuracy beside the base's. */
static const char *mark_of(const json_t *row)
{
    if (json_is_true(json_object_get(row, "base")))
        return "base";
    if (!isfinite(ui_number_of(row, "top1")))
        return "";
    if (!json_is_true(json_object_get(row, "comparable")))
        return "not comparable";
    if (!json_is_true(json_object_get(row, "exceeds")))
        return "~";
    return ui_number_of(row, "top1_difference") > 0 ? "+" : "-";
}

static void put_compared(FILE *file, const json_t *row, int model)
{
    fprintf(file, "%5lld  %-*s ", ui_whole_of(row, "entry"), model, ui_text_of(row, "model"));
    ui_put_number(file, 6, 2, 100 * ui_number_of(row, "top1"));
    if (isfinite(ui_number_of(row, "ci95")))
        fprintf(file, " +-%5.2f", 100 * ui_number_of(row, "ci95"));
    else
        fprintf(file, "%8s", "");
    ui_put_number(file, 8, 2, 100 * ui_number_of(row, "top5"));
    put_amount(file, 10, ui_number_of(row, "params"));
    put_amount(file, 9, ui_number_of(row, "flops"));
    ui_put_number(file, 9, 1, ui_number_of(row, "forward_ms"));
    fputs(" /", file);
    ui_put_number(file, 7, 1, ui_number_of(row, "backward_ms"));
    if (isfinite(ui_number_of(row, "top1_difference")))
        fprintf(file, "  %+6.2f %s\n", 100 * ui_number_of(row, "top1_difference"), mark_of(row));
    else
        fprintf(file, "  %6s %s\n", "", mark_of(row));
}

static void report_methods(FILE *file, json_t *rows)
{
    json_t *row;
    size_t i;
    double best = INFINITY, best_ls = INFINITY;
    json_array_foreach(rows, i, row)
    {
        best = fmin(best, ui_number_of(row, "error"));
        best_ls = fmin(best_ls, ui_number_of(row, "error_ls"));
    }
    fprintf(file, "%-16s %8s  %8s\n", "method", "error", "ls");
    json_array_foreach(rows, i, row)
    {
        double plain = ui_number_of(row, "error"), ls = ui_number_of(row, "error_ls");
        fprintf(file, "%-16s ", ui_text_of(row, "method"));
        ui_put_number(file, 8, 4, plain);
        fputc(plain == best ? '*' : ' ', file);
        ui_put_number(file, 9, 4, ls);
        fputs(ls == best_ls ? "*\n" : "\n", file);
    }
    fputs("summed over the layers that lose filters; * least\n", file);
}

void ui_report_compare(FILE *file, const json_t *result)
{
    json_t *rows = json_object_get(result, "rows"), *row;
    int model = ui_longest(rows, "model", 5);
    size_t i;
    if (json_object_get(result, "methods")) {
        report_methods(file, json_object_get(result, "methods"));
        return;
    }
    fprintf(file, "%5s  %-*s %6s %7s %7s %9s %8s %18s  %s\n", "entry", model, "model", "top-1", "",
            "top-5", "#param", "#FLOPs", "f./b. (ms)", "top-1 to base");
    json_array_foreach(rows, i, row) put_compared(file, row, model);
    fputs("+ - the difference exceeds its 95 % interval, ~ it does not\n", file);
}
