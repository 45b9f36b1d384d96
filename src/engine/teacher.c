#include "engine/teacher.h"

#include "core/memory.h"
#include "engine/evaluate.h"
#include "engine/network.h"
#include "model/logits.h"

#include <string.h>

struct tn_teacher {
    struct tn_network *network;
    int piece; /* images at once: as many as inference is fastest with */
    int classes;
    size_t pixels; /* numbers an image */
    float *logits; /* [batch,classes] */
};

static size_t image_size(const struct tn_graph *graph)
{
    const struct tn_value *in = &graph->values[graph->inputs[0]];
    size_t size = 1;
    for (int i = 1; i < in->rank; i++)
        size *= (size_t)in->dims[i];
    return size;
}

static bool plan(struct tn_teacher *teacher, const struct tn_graph *graph, int batch, int classes,
                 const struct tn_progress *progress, struct tn_error *error)
{
    struct tn_graph *logits = tn_graph_logits(graph, error);
    if (!logits)
        return false;
    int fast = tn_evaluate_batch(logits);
    teacher->piece = fast < batch ? fast : batch;
    teacher->pixels = image_size(logits);
    teacher->network = tn_network_new_evaluating(logits, teacher->piece, progress, error);
    tn_graph_free(logits);
    if (!teacher->network)
        return false;
    teacher->classes = tn_network_outputs(teacher->network);
    if (teacher->classes != classes)
        return tn_fail(error, TN_ERROR_USE,
                       "distill=on: the network as opened tells %d classes apart and this one %d, "
                       "so it has nothing to teach it: distill=off, or keep the classes",
                       teacher->classes, classes);
    teacher->logits = tn_alloc((size_t)batch * (size_t)classes, sizeof *teacher->logits);
    return teacher->logits ||
           tn_fail_memory(error, "logits", (size_t)batch * (size_t)classes * sizeof(float));
}

struct tn_teacher *tn_teacher_new(const struct tn_graph *graph, int batch, int classes,
                                  const struct tn_progress *progress, struct tn_error *error)
{
    struct tn_teacher *teacher = tn_calloc(1, sizeof *teacher);
    if (!teacher) {
        tn_fail_memory(error, "the teacher", sizeof *teacher);
        return NULL;
    }
    if (!plan(teacher, graph, batch, classes, progress, error)) {
        tn_teacher_free(teacher);
        return NULL;
    }
    return teacher;
}

void tn_teacher_free(struct tn_teacher *teacher)
{
    if (!teacher)
        return;
    tn_network_free(teacher->network);
    tn_free(teacher->logits);
    tn_free(teacher);
}

bool tn_teacher_ask(struct tn_teacher *teacher, const float *images, int count,
                    const float **logits, struct tn_error *error)
{
    size_t classes = (size_t)teacher->classes;
    for (int done = 0; done < count; done += teacher->piece) {
        int now = count - done < teacher->piece ? count - done : teacher->piece;
        const float *piece;
        if (!tn_network_forward(teacher->network, images + (size_t)done * teacher->pixels, now,
                                NULL, &piece, error))
            return false;
        memcpy(teacher->logits + (size_t)done * classes, piece,
               (size_t)now * classes * sizeof *piece);
    }
    *logits = teacher->logits;
    return true;
}
