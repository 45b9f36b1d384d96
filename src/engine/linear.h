/* Fully connected layers: y = alpha x W + beta b of every row, by OpenBLAS; what Gemm and MatMul by
 * a constant have in common. */
#ifndef TN_ENGINE_LINEAR_H
#define TN_ENGINE_LINEAR_H

#include "engine/step.h"

struct tn_linear {
    size_t rows; /* an image */
    int in, out; /* of a row */
    int weights; /* the node's input: [in,out], or [out,in] where transposed, as PyTorch writes */
    bool transposed;
    float alpha;
    /* Gemm's C, input 2 of the node: numbers an image, `out` or 1; 0 where there is none. */
    size_t bias_count;
    float beta;
};

/* Fails where the numbers are beyond what OpenBLAS counts. */
bool tn_linear_check(const struct tn_network *network, const struct tn_step *step,
                     const struct tn_linear *linear, struct tn_error *error);
void tn_linear_forward(struct tn_network *network, struct tn_step *step,
                       const struct tn_linear *linear);
void tn_linear_backward(struct tn_network *network, struct tn_step *step,
                        const struct tn_linear *linear);

#endif
