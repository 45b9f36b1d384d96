#include "model/element.h"

#include <math.h>
#include <string.h>

bool tn_element_dtype(int64_t element, enum tn_dtype *dtype)
{
    switch (element) {
    case TN_ELEMENT_FLOAT:
    case TN_ELEMENT_HALF:
    case TN_ELEMENT_DOUBLE:
    case TN_ELEMENT_BFLOAT16:
        *dtype = TN_FLOAT32;
        return true;
    case TN_ELEMENT_UINT8:
    case TN_ELEMENT_INT8:
    case TN_ELEMENT_UINT16:
    case TN_ELEMENT_INT16:
    case TN_ELEMENT_INT32:
    case TN_ELEMENT_INT64:
    case TN_ELEMENT_BOOL:
    case TN_ELEMENT_UINT32:
    case TN_ELEMENT_UINT64:
        *dtype = TN_INT64;
        return true;
    default:
        return false;
    }
}

size_t tn_element_size(int element)
{
    switch (element) {
    case TN_ELEMENT_UINT8:
    case TN_ELEMENT_INT8:
    case TN_ELEMENT_BOOL:
        return 1;
    case TN_ELEMENT_UINT16:
    case TN_ELEMENT_INT16:
    case TN_ELEMENT_HALF:
    case TN_ELEMENT_BFLOAT16:
        return 2;
    case TN_ELEMENT_INT64:
    case TN_ELEMENT_DOUBLE:
    case TN_ELEMENT_UINT64:
        return 8;
    default:
        return 4;
    }
}

static float float_of_bits(uint32_t bits)
{
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

float tn_bfloat16_to_float(uint16_t bits)
{
    return float_of_bits((uint32_t)bits << 16);
}

/* IEEE 754 binary16: 1 bit sign, 5 exponent (bias 15), 10 fraction. */
float tn_half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31,
             fraction = half & 1023;
    if (exponent == 31) /* infinite, or no number */
        return float_of_bits(sign | 0x7f800000 | fraction << 13);
    if (exponent > 0)
        return float_of_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13);
    float small = (float)fraction * 0x1p-24f; /* zero, or below the least normal number */
    return sign ? -small : small;
}

static uint32_t bits_of_float(float number)
{
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

uint16_t tn_float_to_bfloat16(float number)
{
    uint32_t bits = bits_of_float(number);
    if (isnan(number)) /* must stay one when its last bits go */
        return (uint16_t)(bits >> 16 | ((bits & 0x7f0000) ? 0 : 0x40));
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

uint16_t tn_float_to_half(float number)
{
    uint32_t bits = bits_of_float(number), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
    uint32_t fraction = size >> 13 & 1023;
    if (isnan(number))
        return (uint16_t)(sign | 0x7c00 | (fraction ? fraction : 0x200));
    if (size >= 0x47800000) /* 65536 and beyond */
        return (uint16_t)(sign | 0x7c00);
    if (size < 0x38800000) /* below the least normal number: whole multiples of 2^-24 */
        return (uint16_t)(sign | (uint32_t)lrintf(fabsf(number) * 0x1p24f));
    return (uint16_t)(sign | ((size - ((127 - 15) << 23) + 0xfff + (size >> 13 & 1)) >> 13));
}

static uint64_t load(const uint8_t *raw, size_t size)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++)
        bits |= (uint64_t)raw[i] << 8 * i;
    return bits;
}

int64_t tn_element_wrap(int element, int64_t number)
{
    switch (element) {
    case TN_ELEMENT_UINT8:
        return (uint8_t)number;
    case TN_ELEMENT_INT8:
        return (int8_t)number;
    case TN_ELEMENT_UINT16:
        return (uint16_t)number;
    case TN_ELEMENT_INT16:
        return (int16_t)number;
    case TN_ELEMENT_INT32:
        return (int32_t)number;
    case TN_ELEMENT_UINT32:
        return (uint32_t)number;
    case TN_ELEMENT_BOOL:
        return number != 0;
    default:
        return number;
    }
}

static float float_at(int element, const uint8_t *raw)
{
    if (element == TN_ELEMENT_HALF)
        return tn_half_to_float((uint16_t)load(raw, 2));
    if (element == TN_ELEMENT_BFLOAT16)
        return tn_bfloat16_to_float((uint16_t)load(raw, 2));
    if (element == TN_ELEMENT_FLOAT)
        return float_of_bits((uint32_t)load(raw, 4));
    uint64_t bits = load(raw, 8);
    double number;
    memcpy(&number, &bits, sizeof number);
    return (float)number;
}

void tn_elements_decode(int element, const uint8_t *raw, size_t count, void *numbers)
{
    size_t size = tn_element_size(element);
    enum tn_dtype dtype;
    if (count == 0 || !tn_element_dtype(element, &dtype))
        return;
    if (TN_LITTLE_ENDIAN && (element == TN_ELEMENT_FLOAT || element == TN_ELEMENT_INT64)) {
        memcpy(numbers, raw, count * size);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (dtype == TN_FLOAT32)
            ((float *)numbers)[i] = float_at(element, raw + i * size);
        else
            ((int64_t *)numbers)[i] = tn_element_wrap(element, (int64_t)load(raw + i * size, size));
    }
}

static uint64_t bits_at(int element, const float *number)
{
    double wide = *number;
    uint64_t bits;
    switch (element) {
    case TN_ELEMENT_HALF:
        return tn_float_to_half(*number);
    case TN_ELEMENT_BFLOAT16:
        return tn_float_to_bfloat16(*number);
    case TN_ELEMENT_FLOAT:
        return bits_of_float(*number);
    default:
        memcpy(&bits, &wide, sizeof bits);
        return bits;
    }
}

void tn_elements_encode(int element, const void *numbers, size_t count, uint8_t *raw)
{
    size_t size = tn_element_size(element);
    enum tn_dtype dtype;
    if (count == 0 || !tn_element_dtype(element, &dtype))
        return;
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = dtype == TN_FLOAT32 ? bits_at(element, (const float *)numbers + i)
                                            : (uint64_t)((const int64_t *)numbers)[i];
        for (size_t j = 0; j < size; j++)
            raw[i * size + j] = (uint8_t)(bits >> 8 * j);
    }
}
