#include "model/name_index.h"

#include "core/memory.h"

#include <stdint.h>
#include <string.h>

static uint64_t hash(const char *name)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 0x100000001b3u;
    return h ^ h >> 29;
}

/* Where the name is, or the free place where it would be. */
static size_t place_of(const struct tn_name_index *index, const char *name)
{
    size_t place = (size_t)hash(name) & (index->capacity - 1);
    while (index->names[place] && strcmp(index->names[place], name) != 0)
        place = (place + 1) & (index->capacity - 1);
    return place;
}

static void put(struct tn_name_index *index, const char *name, int number)
{
    size_t place = place_of(index, name);
    index->names[place] = name;
    index->numbers[place] = number;
    index->count++;
}

static bool widen(struct tn_name_index *index, struct tn_error *error)
{
    size_t capacity = index->capacity ? 2 * index->capacity : 64;
    struct tn_name_index wider = {
        .capacity = capacity,
        .names = tn_calloc(capacity, sizeof *wider.names),
        .numbers = tn_calloc(capacity, sizeof *wider.numbers),
    };
    if (!wider.names || !wider.numbers) {
        tn_name_index_free(&wider);
        return tn_fail_memory(error, "names", capacity * sizeof *wider.names);
    }
    for (size_t i = 0; i < index->capacity; i++)
        if (index->names[i])
            put(&wider, index->names[i], index->numbers[i]);
    tn_name_index_free(index);
    *index = wider;
    return true;
}

bool tn_name_index_add(struct tn_name_index *index, const char *name, int number,
                       struct tn_error *error)
{
    if (2 * index->count >= index->capacity && !widen(index, error))
        return false;
    put(index, name, number);
    return true;
}

int tn_name_index_find(const struct tn_name_index *index, const char *name)
{
    if (index->capacity == 0)
        return -1;
    size_t place = place_of(index, name);
    return index->names[place] ? index->numbers[place] : -1;
}

void tn_name_index_free(struct tn_name_index *index)
{
    tn_free(index->names);
    tn_free(index->numbers);
    *index = (struct tn_name_index){0};
}
