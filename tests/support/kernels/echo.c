/* A parameter of each type; what arrived goes out again. */
#include <string.h>

#include <rankine/kernel.h>

typedef struct {
    int8_t i8;
    uint8_t u8;
    int16_t i16;
    uint16_t u16;
    int32_t i32;
    uint32_t u32;
    int64_t i64;
    uint64_t u64;
    float f32;
    double f64;
    bool flag;
    const char *text;
    int colour;
} echo_params;

/* Named apart from the parameters: a swept parameter's name is a coordinate in the run file. */
typedef struct {
    int8_t got_i8;
    uint8_t got_u8;
    int16_t got_i16;
    uint16_t got_u16;
    int32_t got_i32, got_colour;
    uint32_t got_u32;
    int64_t got_i64;
    uint64_t got_u64, text_length;
    float got_f32;
    double got_f64;
    bool got_flag;
} echo_result;

static int echo(rk_task *task, const void *params, void *result) {
    const echo_params *p = params;
    echo_result *r = result;
    (void)task;
    r->got_i8 = p->i8;
    r->got_u8 = p->u8;
    r->got_i16 = p->i16;
    r->got_u16 = p->u16;
    r->got_i32 = p->i32;
    r->got_u32 = p->u32;
    r->got_i64 = p->i64;
    r->got_u64 = p->u64;
    r->got_f32 = p->f32;
    r->got_f64 = p->f64;
    r->got_flag = p->flag;
    r->got_colour = p->colour;
    r->text_length = strlen(p->text);
    return RK_OK;
}

RK_KERNEL(
    echo, .summary = "gives its parameters back", .version = "1", .deterministic = true,
    .params = {RK_PARAM(echo_params, i8, RK_I8, "-8", "1", "an i8"), RK_PARAM(echo_params, u8, RK_U8, "8", "1", "a u8"),
               RK_PARAM(echo_params, i16, RK_I16, "-16", "1", "an i16"),
               RK_PARAM(echo_params, u16, RK_U16, "16", "1", "a u16"),
               RK_PARAM(echo_params, i32, RK_I32, "-32", "1", "an i32"),
               RK_PARAM(echo_params, u32, RK_U32, "32", "1", "a u32"),
               RK_PARAM(echo_params, i64, RK_I64, "-64", "1", "an i64"),
               RK_PARAM(echo_params, u64, RK_U64, "64", "1", "a u64"),
               RK_PARAM(echo_params, f32, RK_F32, "0.5", "m", "an f32"),
               RK_PARAM(echo_params, f64, RK_F64, "0.25", "m", "an f64"),
               RK_PARAM(echo_params, flag, RK_BOOL, "false", NULL, "a boolean"),
               RK_PARAM(echo_params, text, RK_STRING, "word", NULL, "a string"),
               RK_PARAM(echo_params, colour, RK_ENUM, "green", NULL, "an enumeration", .choices = "red|green|blue")},
    .outputs = {RK_OUTPUT(echo_result, got_i8, RK_I8, "1", "i8 as it arrived"),
                RK_OUTPUT(echo_result, got_u8, RK_U8, "1", "u8 as it arrived"),
                RK_OUTPUT(echo_result, got_i16, RK_I16, "1", "i16 as it arrived"),
                RK_OUTPUT(echo_result, got_u16, RK_U16, "1", "u16 as it arrived"),
                RK_OUTPUT(echo_result, got_i32, RK_I32, "1", "i32 as it arrived"),
                RK_OUTPUT(echo_result, got_u32, RK_U32, "1", "u32 as it arrived"),
                RK_OUTPUT(echo_result, got_i64, RK_I64, "1", "i64 as it arrived"),
                RK_OUTPUT(echo_result, got_u64, RK_U64, "1", "u64 as it arrived"),
                RK_OUTPUT(echo_result, got_f32, RK_F32, "m", "f32 as it arrived"),
                RK_OUTPUT(echo_result, got_f64, RK_F64, "m", "f64 as it arrived"),
                RK_OUTPUT(echo_result, got_flag, RK_BOOL, NULL, "flag as it arrived"),
                RK_OUTPUT(echo_result, got_colour, RK_I32, "1", "index of the choice"),
                RK_OUTPUT(echo_result, text_length, RK_U64, "1", "bytes of the string")},
    .run = echo)
