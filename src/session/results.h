/* Pieces of results. */
#ifndef TN_SESSION_RESULTS_H
#define TN_SESSION_RESULTS_H

#include "engine/train.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct tn_data_spec;

json_t *tn_json_number(double value); /* null for NaN and infinities, which JSON has not */
/* File names and names in models need not be UTF-8, JSON must be: then '?' stands for what is
 * beyond ASCII. */
json_t *tn_json_text(const char *text);
json_t *tn_json_doubles(const double *values, int count);
json_t *tn_json_ints(const int *values, int count);
json_t *tn_json_epoch(const struct tn_epoch *epoch);

void tn_put(json_t *object, const char *key, json_t *value); /* takes `value` over */
void tn_put_number(json_t *object, const char *key, double value);
void tn_put_integer(json_t *object, const char *key, int64_t value);
void tn_put_text(json_t *object, const char *key, const char *value);
void tn_put_bool(json_t *object, const char *key, bool value);

/* The way back; sessions of others hold what they hold: what is no number is NaN, no text "". */
double tn_get_number(const json_t *object, const char *key);
const char *tn_get_text(const json_t *object, const char *key);

/* Name, preset, counts, shape and digest of images that are open: the fields of `data`. */
void tn_put_images(json_t *result, const struct tn_data_spec *spec);

#endif
