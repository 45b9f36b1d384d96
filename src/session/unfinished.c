#include "session/unfinished.h"

#include "core/memory.h"
#include "session/state.h"

struct tn_unfinished *tn_unfinished_new(const char *command, const struct tn_checkpoint *checkpoint,
                                        struct tn_model *best, struct tn_error *error)
{
    struct tn_unfinished *unfinished = tn_calloc(1, sizeof *unfinished);
    if (!unfinished || !(unfinished->command = tn_strdup(command))) {
        tn_free(unfinished);
        tn_fail_memory(error, "a checkpoint", sizeof *unfinished);
        return NULL;
    }
    unfinished->refs = 1;
    unfinished->checkpoint = *checkpoint;
    tn_tensor_ref(checkpoint->momentum);
    unfinished->best = tn_model_ref(best);
    return unfinished;
}

struct tn_unfinished *tn_unfinished_ref(struct tn_unfinished *unfinished)
{
    if (unfinished)
        unfinished->refs++;
    return unfinished;
}

void tn_unfinished_unref(struct tn_unfinished *unfinished)
{
    if (!unfinished || --unfinished->refs > 0)
        return;
    tn_tensor_unref(unfinished->checkpoint.momentum);
    tn_model_unref(unfinished->best);
    tn_free(unfinished->command);
    tn_free(unfinished);
}
