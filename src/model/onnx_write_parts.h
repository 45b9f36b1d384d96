/* Between the files that write ONNX: the arena of a message, tensors and attributes. */
#ifndef TN_MODEL_ONNX_WRITE_PARTS_H
#define TN_MODEL_ONNX_WRITE_PARTS_H

#include "core/file.h"
#include "model/onnx_parts.h"

/* Where the weights go: into the message, into a file beside it, or nowhere (their digests stand
 * for them). */
enum tn_onnx_weights { TN_WEIGHTS_INSIDE, TN_WEIGHTS_BESIDE, TN_WEIGHTS_DIGESTS };

struct tn_writing_piece;

struct tn_writing {
    const struct tn_graph *graph;
    enum tn_onnx_weights weights;
    const char *location; /* of the file beside, relative to the model's folder */
    size_t beside;        /* bytes in it so far */
    struct tn_writing_piece *pieces;
    bool failed; /* memory ran short */
};

/* Zeroed memory that lives until tn_writing_release; NULL sets `failed`. */
void *tn_writing_room(struct tn_writing *writing, size_t count, size_t size);
void tn_writing_release(struct tn_writing *writing);

/* A message to fill in, that begins with what is kept of the file's; NULL sets `failed`. */
void *tn_writing_message(struct tn_writing *writing, const ProtobufCMessageDescriptor *type,
                         const struct tn_bytes *rest);

/* ONNX's element type in the file. */
int tn_stored_element(enum tn_dtype dtype, int stored_type);

/* `proto` is a message to be filled. */
void tn_write_tensor(struct tn_writing *writing, Onnx__TensorProto *proto, struct tn_tensor *tensor,
                     int stored_type, enum tn_onnx_weights weights);
Onnx__AttributeProto *tn_write_attribute(struct tn_writing *writing,
                                         const struct tn_attribute *attribute);

/* The weights in the order and at the places that messages written with TN_WEIGHTS_BESIDE give. */
bool tn_write_weights(const struct tn_graph *graph, struct tn_file_draft *draft,
                      struct tn_error *error);

#endif
