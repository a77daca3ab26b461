/* Value by value. Integers are added and multiplied as u64 and cut: two's complement wraps around. */
#include "base/types.h"
#include "collect/collect_private.h"

bool rk__fold_allowed(rk_type type, rk_fold fold) {
    if (fold == RK_FOLD_AND || fold == RK_FOLD_OR)
        return rk__type_is_integer(type);
    return fold >= RK_FOLD_SUM && fold <= RK_FOLD_MAX && (rk__type_is_integer(type) || rk__type_is_float(type));
}

#define LOOP(expression)                                                                                               \
    do {                                                                                                               \
        for (uint64_t i = 0; i < count; i++) {                                                                         \
            const type a = into[i], b = more[i];                                                                       \
            into[i] = (type)(expression);                                                                              \
        }                                                                                                              \
        return;                                                                                                        \
    } while (0)

#define INTEGERS(name, ctype)                                                                                          \
    static void name(rk_fold fold, ctype *into, const ctype *more, uint64_t count) {                                   \
        typedef ctype type;                                                                                            \
        switch (fold) {                                                                                                \
        case RK_FOLD_SUM:                                                                                              \
            LOOP((uint64_t)a + (uint64_t)b);                                                                           \
        case RK_FOLD_PROD:                                                                                             \
            LOOP((uint64_t)a *(uint64_t)b);                                                                            \
        case RK_FOLD_MIN:                                                                                              \
            LOOP(b < a ? b : a);                                                                                       \
        case RK_FOLD_MAX:                                                                                              \
            LOOP(b > a ? b : a);                                                                                       \
        case RK_FOLD_AND:                                                                                              \
            LOOP(a &b);                                                                                                \
        case RK_FOLD_OR:                                                                                               \
            LOOP(a | b);                                                                                               \
        }                                                                                                              \
    }

#define FLOATS(name, ctype)                                                                                            \
    static void name(rk_fold fold, ctype *into, const ctype *more, uint64_t count) {                                   \
        typedef ctype type;                                                                                            \
        switch (fold) {                                                                                                \
        case RK_FOLD_SUM:                                                                                              \
            LOOP(a + b);                                                                                               \
        case RK_FOLD_PROD:                                                                                             \
            LOOP(a *b);                                                                                                \
        case RK_FOLD_MIN:                                                                                              \
            LOOP(a != a || a <= b ? a : b);                                                                            \
        case RK_FOLD_MAX:                                                                                              \
            LOOP(a != a || a >= b ? a : b);                                                                            \
        case RK_FOLD_AND:                                                                                              \
        case RK_FOLD_OR:                                                                                               \
            return;                                                                                                    \
        }                                                                                                              \
    }

/* X(type, name of the function, C type) */
#define TYPES_INTEGER(X)                                                                                               \
    X(RK_I8, fold_i8, int8_t)                                                                                          \
    X(RK_U8, fold_u8, uint8_t)                                                                                         \
    X(RK_I16, fold_i16, int16_t)                                                                                       \
    X(RK_U16, fold_u16, uint16_t)                                                                                      \
    X(RK_I32, fold_i32, int32_t)                                                                                       \
    X(RK_U32, fold_u32, uint32_t)                                                                                      \
    X(RK_I64, fold_i64, int64_t)                                                                                       \
    X(RK_U64, fold_u64, uint64_t)
#define TYPES_FLOAT(X)                                                                                                 \
    X(RK_F32, fold_f32, float)                                                                                         \
    X(RK_F64, fold_f64, double)

#define DEFINE_INTEGER(type, name, ctype) INTEGERS(name, ctype)
#define DEFINE_FLOAT(type, name, ctype)   FLOATS(name, ctype)
TYPES_INTEGER(DEFINE_INTEGER)
TYPES_FLOAT(DEFINE_FLOAT)

void rk__collect_fold(rk_type type, rk_fold fold, void *into, const void *more, uint64_t count) {
    switch (type) {
#define FOLD_CASE(number, name, ctype)                                                                                 \
    case number:                                                                                                       \
        name(fold, into, more, count);                                                                                 \
        return;
        TYPES_INTEGER(FOLD_CASE)
        TYPES_FLOAT(FOLD_CASE)
#undef FOLD_CASE
    default:
        return;
    }
}
