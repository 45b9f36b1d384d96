/* From names to numbers: a hash table for files with many names. */
#ifndef TN_MODEL_NAME_INDEX_H
#define TN_MODEL_NAME_INDEX_H

#include "core/error.h"
#include <stddef.h>

/* Names are not copied: they must outlive the index. */
struct tn_name_index {
    size_t capacity, count; /* capacity is a power of two */
    const char **names;
    int *numbers;
};

/* False with an error when memory is short. The name must not be in it yet. */
bool tn_name_index_add(struct tn_name_index *index, const char *name, int number,
                       struct tn_error *error);
int tn_name_index_find(const struct tn_name_index *index, const char *name); /* or -1 */
void tn_name_index_free(struct tn_name_index *index);

#endif
