/* All that a kernel can do, in C; tongue.cpp and tongue.f90 do the same, to the bit. */
#include <string.h>

#include <rankine/kernel.h>

typedef struct {
    double f64;
    float f32;
    int8_t i8;
    int16_t i16;
    int32_t i32;
    int64_t i64;
    bool flag;
    int colour;
    const char *word;
    int32_t n;
} params;

typedef struct {
    double y;
    int64_t below;
    float single;
    int16_t letters;
    bool other;
    double *wave;
} result;

typedef struct {
    double largest;
    int64_t count;
} state;

static void merge(void *left, const void *right) {
    state *l = left;
    const state *r = right;
    l->largest = r->count > 0 && (l->count == 0 || r->largest > l->largest) ? r->largest : l->largest;
    l->count += r->count;
}

static void finish(const void *from, double *out) {
    const state *s = from;
    out[0] = s->largest;
    out[1] = (double)s->count;
}

static int plan(rk_plan *plan, const void *from) {
    const params *p = from;
    if (p->n < 1)
        return rk_plan_fail(plan, "n=%d: at least 1", (int)p->n);
    int status = rk_plan_axis(plan, "station", 4, 10, 0.5, "km", "where");
    return status != RK_OK ? status : rk_plan_dimension(plan, "width", (uint64_t)p->n);
}

static int run(rk_task *task, const void *from, void *to) {
    const params *p = from;
    result *r = to;
    rk_random random = rk_random_stream(task, 7);
    if (task->plan_index == 2 && p->colour == 1)
        return rk_task_fail(task, 5, "station %d is closed", (int)task->plan_index);
    for (int i = 0; i < 2 * p->n; i++)
        r->wave[i] = rk_random_f64(&random);
    r->y = rk_exact_sum(task, r->wave, 2 * (uint64_t)p->n) + p->f64 * p->i32 + (double)p->i64;
    r->below = (int64_t)rk_random_below(&random, INT64_C(6000000000000000003));
    r->below += (int64_t)rk_random_below(&random, 6);
    r->single = p->f32 * (float)p->i8;
    r->letters = (int16_t)(p->i16 + (int16_t)strlen(p->word));
    r->other = !p->flag;
    state *s = rk_task_state(task, 3);
    s->largest = r->y;
    s->count = 1;
    rk_accumulate(task, 1, r->wave, 2 * (uint64_t)p->n, 0);
    rk_accumulate(task, 2, r->wave, 2 * (uint64_t)p->n, 100 * task->index);
    int status = rk_emit(task, 6, r->wave, task->plan_index);
    return status != RK_OK ? status : rk_emit(task, 7, p->word, strlen(p->word));
}

RK_KERNEL(tongue, .summary = "all that a kernel can do", .version = "1", .deterministic = true, .thread_safe = true,
          .params = {RK_PARAM(params, f64, RK_F64, "1.5", "m", "a double"),
                     RK_PARAM(params, f32, RK_F32, "0.1", "1", "a float"), RK_PARAM(params, i8, RK_I8, "-3", "1", "i8"),
                     RK_PARAM(params, i16, RK_I16, "300", "1", "i16"),
                     RK_PARAM(params, i32, RK_I32, "-70000", "1", "i32"),
                     RK_PARAM(params, i64, RK_I64, "5000000000", "1", "i64"),
                     RK_PARAM(params, flag, RK_BOOL, "no", "1", "a bool"),
                     RK_PARAM(params, colour, RK_ENUM, "red", "1", "a choice", .choices = "red|green"),
                     RK_PARAM(params, word, RK_STRING, "hello", "1", "a string"),
                     RK_PARAM(params, n, RK_I32, "3", "1", "width of the wave", .fixed = true)},
          .outputs = {RK_OUTPUT(result, y, RK_F64, "m", "a sum"), RK_OUTPUT(result, below, RK_I64, "1", "two dice"),
                      RK_OUTPUT(result, single, RK_F32, "1", "a product"),
                      RK_OUTPUT(result, letters, RK_I16, "1", "a length", .fill = "-1"),
                      RK_OUTPUT(result, other, RK_BOOL, "1", "the other way round"),
                      RK_OUTPUT_ROW(result, wave, RK_F64, "1", "random", .shape = {"width", "2"}),
                      RK_OUTPUT_VARYING("times", RK_F64, "s", "some of the wave"),
                      RK_OUTPUT_VARYING("text", RK_U8, "1", "the word")},
          .reduce = {RK_REDUCE("y_max", RK_MAX, y), RK_REDUCE_VALUES("own_sum", RK_SUM, "1", "of the waves"),
                     RK_REDUCE_VALUES("highest", RK_TOPK, "1", "of the waves", .bins = "n"),
                     RK_REDUCE_CUSTOM("largest", state, merge, finish, 2)},
          .plan = plan, .run = run)
