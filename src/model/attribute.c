/* Attributes of nodes. */
#include "core/memory.h"
#include "model/parts.h"

#include <string.h>

void tn_bytes_release(struct tn_bytes *bytes)
{
    tn_free(bytes->data);
    *bytes = (struct tn_bytes){NULL, 0};
}

bool tn_bytes_copy(struct tn_bytes *copy, const struct tn_bytes *bytes)
{
    *copy = (struct tn_bytes){NULL, 0};
    if (!bytes->data)
        return true;
    copy->data = tn_alloc(bytes->size, 1);
    if (!copy->data)
        return false;
    memcpy(copy->data, bytes->data, bytes->size);
    copy->size = bytes->size;
    return true;
}

void tn_attribute_release(struct tn_attribute *attribute)
{
    tn_free(attribute->name);
    tn_free(attribute->floats);
    tn_free(attribute->ints);
    if (attribute->strings)
        for (size_t i = 0; i < attribute->count; i++)
            tn_free(attribute->strings[i]);
    tn_free(attribute->strings);
    tn_free(attribute->opaque);
    tn_bytes_release(&attribute->rest);
    tn_tensor_unref(attribute->tensor);
    memset(attribute, 0, sizeof *attribute);
}

static void *copy_of(const void *data, size_t count, size_t size)
{
    void *copy = tn_alloc(count, size);
    if (copy && count > 0)
        memcpy(copy, data, count * size);
    return copy;
}

static bool copy_strings(struct tn_attribute *copy, const struct tn_attribute *attribute)
{
    copy->strings = tn_calloc(attribute->count, sizeof *copy->strings);
    if (!copy->strings)
        return false;
    for (size_t i = 0; i < attribute->count; i++) {
        copy->strings[i] = tn_strdup(attribute->strings[i]);
        if (!copy->strings[i])
            return false;
    }
    return true;
}

bool tn_attribute_copy(struct tn_attribute *copy, const struct tn_attribute *attribute,
                       struct tn_error *error)
{
    memset(copy, 0, sizeof *copy);
    copy->kind = attribute->kind;
    copy->count = attribute->count;
    copy->stored_type = attribute->stored_type;
    copy->tensor = tn_tensor_ref(attribute->tensor);
    copy->name = tn_strdup(attribute->name);
    bool ok = copy->name != NULL && tn_bytes_copy(&copy->rest, &attribute->rest);
    if (ok && attribute->floats)
        ok = (copy->floats = copy_of(attribute->floats, attribute->count, sizeof *copy->floats));
    if (ok && attribute->ints)
        ok = (copy->ints = copy_of(attribute->ints, attribute->count, sizeof *copy->ints));
    if (ok && attribute->opaque)
        ok = (copy->opaque = copy_of(attribute->opaque, attribute->count, 1));
    if (ok && attribute->strings)
        ok = copy_strings(copy, attribute);
    if (ok)
        return true;
    tn_attribute_release(copy);
    return tn_fail_memory(error, "an attribute", attribute->count);
}

const struct tn_attribute *tn_node_attribute(const struct tn_node *node, const char *name)
{
    for (int i = 0; i < node->attribute_count; i++)
        if (strcmp(node->attributes[i].name, name) == 0)
            return &node->attributes[i];
    return NULL;
}

struct tn_attribute *tn_node_new_attribute(struct tn_node *node, const char *name,
                                           enum tn_attribute_kind kind, struct tn_error *error)
{
    char *own = tn_strdup(name);
    if (!own) {
        tn_fail_memory(error, "an attribute", strlen(name));
        return NULL;
    }
    struct tn_attribute *place = NULL;
    for (int i = 0; i < node->attribute_count && !place; i++)
        if (strcmp(node->attributes[i].name, name) == 0)
            place = &node->attributes[i];
    if (place) {
        tn_attribute_release(place);
    } else {
        size_t count = (size_t)node->attribute_count;
        struct tn_attribute *more = tn_realloc(node->attributes, count, count + 1, sizeof *more);
        if (!more) {
            tn_free(own);
            tn_fail_memory(error, "attributes", (count + 1) * sizeof *more);
            return NULL;
        }
        node->attributes = more;
        place = &more[node->attribute_count++];
    }
    memset(place, 0, sizeof *place);
    place->name = own;
    place->kind = kind;
    return place;
}

static bool set_ints(struct tn_node *node, const char *name, enum tn_attribute_kind kind,
                     size_t count, const int64_t *ints, struct tn_error *error)
{
    int64_t *copy = copy_of(ints, count, sizeof *copy);
    if (!copy)
        return tn_fail_memory(error, "an attribute", count * sizeof *copy);
    struct tn_attribute *attribute = tn_node_new_attribute(node, name, kind, error);
    if (!attribute) {
        tn_free(copy);
        return false;
    }
    attribute->count = count;
    attribute->ints = copy;
    return true;
}

bool tn_node_set_ints(struct tn_node *node, const char *name, size_t count, const int64_t *ints,
                      struct tn_error *error)
{
    return set_ints(node, name, TN_ATTR_INTS, count, ints, error);
}

bool tn_node_set_int(struct tn_node *node, const char *name, int64_t value, struct tn_error *error)
{
    return set_ints(node, name, TN_ATTR_INT, 1, &value, error);
}

bool tn_node_set_float(struct tn_node *node, const char *name, float value, struct tn_error *error)
{
    float *copy = copy_of(&value, 1, sizeof value);
    if (!copy)
        return tn_fail_memory(error, "an attribute", sizeof value);
    struct tn_attribute *attribute = tn_node_new_attribute(node, name, TN_ATTR_FLOAT, error);
    if (!attribute) {
        tn_free(copy);
        return false;
    }
    attribute->count = 1;
    attribute->floats = copy;
    return true;
}

int64_t tn_node_int(const struct tn_node *node, const char *name, int64_t otherwise)
{
    const struct tn_attribute *attribute = tn_node_attribute(node, name);
    return attribute && attribute->kind == TN_ATTR_INT ? attribute->ints[0] : otherwise;
}

float tn_node_float(const struct tn_node *node, const char *name, float otherwise)
{
    const struct tn_attribute *attribute = tn_node_attribute(node, name);
    return attribute && attribute->kind == TN_ATTR_FLOAT ? attribute->floats[0] : otherwise;
}

const char *tn_node_string(const struct tn_node *node, const char *name, const char *otherwise)
{
    const struct tn_attribute *attribute = tn_node_attribute(node, name);
    return attribute && attribute->kind == TN_ATTR_STRING ? attribute->strings[0] : otherwise;
}

void tn_node_remove_attribute(struct tn_node *node, const char *name)
{
    for (int i = 0; i < node->attribute_count; i++) {
        if (strcmp(node->attributes[i].name, name) != 0)
            continue;
        tn_attribute_release(&node->attributes[i]);
        node->attribute_count--;
        memmove(&node->attributes[i], &node->attributes[i + 1],
                (size_t)(node->attribute_count - i) * sizeof *node->attributes);
        return;
    }
}
