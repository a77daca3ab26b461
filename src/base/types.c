#include "base/types.h"

#include <string.h>

static const struct {
    rk_type type;
    size_t bytes;
    const char *name;
} types[] = {
    {RK_I8, 1, "i8"},     {RK_U8, 1, "u8"},         {RK_I16, 2, "i16"},   {RK_U16, 2, "u16"},     {RK_I32, 4, "i32"},
    {RK_U32, 4, "u32"},   {RK_I64, 8, "i64"},       {RK_U64, 8, "u64"},   {RK_F32, 4, "f32"},     {RK_F64, 8, "f64"},
    {RK_BOOL, 1, "bool"}, {RK_STRING, 0, "string"}, {RK_ENUM, 0, "enum"}, {RK_INPUT, 0, "input"},
};
enum { TYPE_COUNT = sizeof types / sizeof *types };

size_t rk__type_bytes(rk_type type) {
    for (size_t i = 0; i < TYPE_COUNT; i++)
        if (types[i].type == type)
            return types[i].bytes;
    return 0;
}

const char *rk__type_name(rk_type type) {
    for (size_t i = 0; i < TYPE_COUNT; i++)
        if (types[i].type == type)
            return types[i].name;
    return "?";
}

rk_type rk__type_from_name(const char *name) {
    for (size_t i = 0; i < TYPE_COUNT; i++)
        if (strcmp(types[i].name, name) == 0)
            return types[i].type;
    return (rk_type)0;
}

bool rk__type_is_float(rk_type type) {
    return type == RK_F32 || type == RK_F64;
}

bool rk__type_is_integer(rk_type type) {
    return type >= RK_I8 && type <= RK_U64;
}

const char *rk__op_name(rk_op op) {
    static const char *const names[] = {"?",   "count",  "sum",    "mean",      "variance", "min",
                                        "max", "argmin", "argmax", "histogram", "topk",     "custom"};
    return op >= RK_COUNT && op <= RK_CUSTOM ? names[op] : "?";
}
