/* ONNX's wire format before it is decoded. Decoding copies; weights need not be copied, so they are
 * taken out first. */
#ifndef TN_MODEL_ONNX_WIRE_H
#define TN_MODEL_ONNX_WIRE_H

#include "core/error.h"
#include "model/onnx.pb-c.h"
#include <stddef.h>
#include <stdint.h>

struct tn_onnx_span {
    const uint8_t *data; /* in the model's bytes; NULL where the initializer has no raw data */
    size_t size;
};

/* A model without the data of its initializers. */
struct tn_onnx_outline {
    uint8_t *bytes;
    size_t size, capacity;
    struct tn_onnx_span *weights; /* of each initializer, in the order of the file */
    size_t weight_count, weight_capacity;
};

/* An error that does not name the file where the bytes are no message. To be released either way.
 */
bool tn_onnx_outline(const uint8_t *bytes, size_t size, struct tn_onnx_outline *outline,
                     struct tn_error *error);
void tn_onnx_outline_release(struct tn_onnx_outline *outline);

/* Texts must be UTF-8 without zero bytes, for a decoded text would end there. The error names the
 * field and shows its beginning. Bytes that are no message of that type pass: decoding will tell.
 */
bool tn_onnx_check_texts(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t size,
                         struct tn_error *error);

#endif
