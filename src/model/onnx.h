/* ONNX files, and the same encoding without weights for session snapshots. */
#ifndef TN_MODEL_ONNX_H
#define TN_MODEL_ONNX_H

#include "core/error.h"
#include "model/graph.h"
#include <stdint.h>

/* Read a model and the files beside it that it names: constants folded, shapes inferred, nodes in
 * topological order, names kept. NULL and an error naming the file, and the node where there is
 * one, when it is no model this program can show. Weights in large files are not copied but mapped
 * (see core/mapping.h). */
struct tn_graph *tn_onnx_read(const char *path, struct tn_error *error);

/* Write a model (to a temporary file beside it, then renamed). Opset, IR version, names, metadata
 * and what this program does not understand are kept. Above 2 GB, which is all that an ONNX file
 * can hold, the weights go to PATH.data, as ONNX's external data. */
bool tn_onnx_write(const struct tn_graph *graph, const char *path, struct tn_error *error);

/* The model as bytes (released with tn_free). With `weights` false, initializers carry their name,
 * type, shape and, as external data, the digest of their contents under the key "digest" instead of
 * data. */
bool tn_onnx_encode(const struct tn_graph *graph, bool weights, uint8_t **bytes, size_t *size,
                    struct tn_error *error);

/* Fetch a tensor by digest (one reference for the caller), NULL with error where it is not to be
 * had. */
typedef struct tn_tensor *(*tn_tensor_source)(void *context, const struct tn_digest *digest,
                                              struct tn_error *error);

/* The way back. `source` may be NULL when the bytes hold the weights. `name` is for messages. Bytes
 * are not trusted. */
struct tn_graph *tn_onnx_decode(const uint8_t *bytes, size_t size, const char *name,
                                tn_tensor_source source, void *context, struct tn_error *error);

#endif
