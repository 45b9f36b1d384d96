/* ONNX files, and the same encoding without weights for session snapshots. */
#ifndef TN_MODEL_ONNX_H
#define TN_MODEL_ONNX_H

#include "core/error.h"
#include "model/graph.h"
#include <stdint.h>

/* Read a model: constants folded, shapes inferred, nodes in topological order, names kept. NULL and
 * an error naming the file, and the node where there is one, when it is no model this program can
 * show. */
struct tn_graph *tn_onnx_read(const char *path, struct tn_error *error);

/* Write a model (to a temporary file beside it, then renamed). Opset, names and metadata are kept.
 */
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
