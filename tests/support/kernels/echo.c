/* One parameter of each type, given back. */
#include <string.h>

#include <rankine/kernel.h>

typedef struct {
    int8_t i8;
    uint8_t u8;
    int32_t i32;
    uint64_t u64;
    int64_t i64;
    float f32;
    double f64;
    bool flag;
    const char *text;
    int colour;
} echo_params;

typedef struct {
    int8_t out_i8;
    uint8_t out_u8;
    int32_t out_i32;
    uint64_t out_u64;
    int64_t out_i64;
    float out_f32;
    double out_f64;
    bool out_flag;
    uint64_t out_length;
    int32_t out_colour;
} echo_result;

static int echo(rk_task *task, const void *params, void *result) {
    const echo_params *p = params;
    (void)task;
    *(echo_result *)result =
        (echo_result){p->i8, p->u8, p->i32, p->u64, p->i64, p->f32, p->f64, p->flag, strlen(p->text), p->colour};
    return RK_OK;
}

RK_KERNEL(echo, .summary = "gives its parameters back", .version = "1", .deterministic = true,
          .params = {RK_PARAM(echo_params, i8, RK_I8, "-3", "1", "8 bits"),
                     RK_PARAM(echo_params, u8, RK_U8, "200", "1", "8 bits"),
                     RK_PARAM(echo_params, i32, RK_I32, "-70000", "1", "32 bits"),
                     RK_PARAM(echo_params, u64, RK_U64, "18446744073709551615", "1", "64 bits"),
                     RK_PARAM(echo_params, i64, RK_I64, "-9223372036854775808", "1", "64 bits"),
                     RK_PARAM(echo_params, f32, RK_F32, "0.5", "m", "single"),
                     RK_PARAM(echo_params, f64, RK_F64, "0.1", "m", "double"),
                     RK_PARAM(echo_params, flag, RK_BOOL, "no", NULL, "yes or no"),
                     RK_PARAM(echo_params, text, RK_STRING, "abc", NULL, "text"),
                     RK_PARAM(echo_params, colour, RK_ENUM, "green", NULL, "choice", .choices = "red|green|blue")},
          .outputs = {RK_OUTPUT(echo_result, out_i8, RK_I8, "1", "i8"),
                      RK_OUTPUT(echo_result, out_u8, RK_U8, "1", "u8"),
                      RK_OUTPUT(echo_result, out_i32, RK_I32, "1", "i32"),
                      RK_OUTPUT(echo_result, out_u64, RK_U64, "1", "u64"),
                      RK_OUTPUT(echo_result, out_i64, RK_I64, "1", "i64"),
                      RK_OUTPUT(echo_result, out_f32, RK_F32, "m", "f32"),
                      RK_OUTPUT(echo_result, out_f64, RK_F64, "m", "f64"),
                      RK_OUTPUT(echo_result, out_flag, RK_BOOL, "1", "flag"),
                      RK_OUTPUT(echo_result, out_length, RK_U64, "1", "length of text"),
                      RK_OUTPUT(echo_result, out_colour, RK_I32, "1", "number of the choice", .fill = "-1")},
          .run = echo, .thread_safe = true)
