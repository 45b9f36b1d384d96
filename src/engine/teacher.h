/* Another network's opinion of the images a network is trained on. */
#ifndef TN_ENGINE_TEACHER_H
#define TN_ENGINE_TEACHER_H

#include "core/error.h"
#include "core/progress.h"
#include "model/graph.h"

struct tn_teacher;

/* Plan `graph` for inference on up to `batch` images. It must give `classes` numbers. */
struct tn_teacher *tn_teacher_new(const struct tn_graph *graph, int batch, int classes,
                                  const struct tn_progress *progress, struct tn_error *error);
void tn_teacher_free(struct tn_teacher *teacher);

/* Logits [count,classes] of images [count,C,H,W], good until the next call. */
bool tn_teacher_ask(struct tn_teacher *teacher, const float *images, int count,
                    const float **logits, struct tn_error *error);

#endif
