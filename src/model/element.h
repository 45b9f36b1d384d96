/* Element types of ONNX tensors (TensorProto.DataType) and what they become in memory: all kinds of
 * floating point numbers float32, all kinds of integers and truth values int64. */
#ifndef TN_MODEL_ELEMENT_H
#define TN_MODEL_ELEMENT_H

#include "model/tensor.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TN_LITTLE_ENDIAN = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
}; /* raw data in files always is */

enum tn_element {
    TN_ELEMENT_FLOAT = 1,
    TN_ELEMENT_UINT8 = 2,
    TN_ELEMENT_INT8 = 3,
    TN_ELEMENT_UINT16 = 4,
    TN_ELEMENT_INT16 = 5,
    TN_ELEMENT_INT32 = 6,
    TN_ELEMENT_INT64 = 7,
    TN_ELEMENT_BOOL = 9,
    TN_ELEMENT_HALF = 10,
    TN_ELEMENT_DOUBLE = 11,
    TN_ELEMENT_UINT32 = 12,
    TN_ELEMENT_UINT64 = 13,
    TN_ELEMENT_BFLOAT16 = 16,
};

/* Type in memory; false for a type that cannot be read (strings, complex numbers, 4 and 8 bit
 * floats). */
bool tn_element_dtype(int64_t element, enum tn_dtype *dtype);
size_t tn_element_size(int element); /* bytes in raw data; the type must be one that can be read */

/* `count` elements of raw little-endian data into floats or int64s. */
void tn_elements_decode(int element, const uint8_t *raw, size_t count, void *numbers);
/* The way back: floats or int64s, as goes with the element type, rounded to nearest, ties to even.
 */
void tn_elements_encode(int element, const void *numbers, size_t count, uint8_t *raw);

/* An integer as it comes out of an integer type: cut to its width. */
int64_t tn_element_wrap(int element, int64_t number);

float tn_half_to_float(uint16_t half);
float tn_bfloat16_to_float(uint16_t bits);
uint16_t tn_float_to_half(float number);
uint16_t tn_float_to_bfloat16(float number);

#endif
