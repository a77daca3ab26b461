#include <string.h>

#include "reduce/operators.h"

#define READ(type, value) (*(const type *)memcpy(&(type){0}, (value), sizeof(type)))

double rk__value_f64(rk_type type, const char *value) {
    if (type == RK_F64)
        return READ(double, value);
    if (type == RK_F32)
        return (double)READ(float, value);
    uint64_t bits = rk__value_integer(type, value);
    return rk__type_is_signed(type) ? (double)(int64_t)bits : (double)bits;
}

uint64_t rk__value_integer(rk_type type, const char *value) {
    switch (type) {
    case RK_I8:
        return (uint64_t)(int64_t)READ(int8_t, value);
    case RK_I16:
        return (uint64_t)(int64_t)READ(int16_t, value);
    case RK_I32:
        return (uint64_t)(int64_t)READ(int32_t, value);
    case RK_U8:
    case RK_BOOL:
        return READ(uint8_t, value);
    case RK_U16:
        return READ(uint16_t, value);
    case RK_U32:
        return READ(uint32_t, value);
    default:
        return READ(uint64_t, value);
    }
}

bool rk__type_is_signed(rk_type type) {
    return type == RK_I8 || type == RK_I16 || type == RK_I32 || type == RK_I64;
}
