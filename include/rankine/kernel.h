/* Rankine: the interface for authors of kernels.
 *
 * A kernel is a function that computes one task, and a description of what goes in and what comes out:
 *
 *     typedef struct { double a, b; } my_params;
 *     typedef struct { double y; } my_result;
 *
 *     static int my_run(rk_task *task, const void *params, void *result) {
 *         const my_params *p = params;
 *         ((my_result *)result)->y = p->a * p->b;
 *         return RK_OK;
 *     }
 *
 *     RK_KERNEL(mine, .summary = "a times b", .version = "1", .deterministic = true,
 *               .params = {RK_PARAM(my_params, a, RK_F64, "1", "m", "first side"),
 *                          RK_PARAM(my_params, b, RK_F64, "1", "m", "second side")},
 *               .outputs = {RK_OUTPUT(my_result, y, RK_F64, "m2", "area")},
 *               .reduce = {RK_REDUCE("y_max", RK_MAX, y)}, .run = my_run)
 *
 * This header needs nothing but C11: no MPI, no HDF5, no library to link. The kernel reaches Rankine through the
 * table of functions in its task. The ABI version is checked when the kernel is loaded.
 *
 * A kernel is called by many processes at once; by several threads of one process only if it says that it is
 * `thread_safe` (--threads). It must not depend on the rank, on the time, or on tasks that ran before; then its results
 * have the same bits everywhere. One that does not use the task's index itself (but parameters and random numbers) can
 * also be extended: --reuse.
 *
 * C++: <rankine/kernel.hpp>. Fortran: the module in <rankine/kernel.f90>. Tasks that are MPI programs:
 * <rankine/team.h>. */
#ifndef RANKINE_KERNEL_H
#define RANKINE_KERNEL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rankine/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RK_KERNEL_MAGIC 0x4b4e4b52u /* "RKNK" */
#define RK_KERNEL_ABI   3u

enum { RK_PARAMS_MAX = 48, RK_OUTPUTS_MAX = 32, RK_REDUCTIONS_MAX = 32, RK_DIMS_MAX = 4, RK_AXES_MAX = 16 };

/* Types of parameters and outputs. Outputs are numeric or RK_BOOL. In the params struct: RK_BOOL is a `bool`,
 * RK_STRING a `const char *` (borrowed, valid during the call), RK_ENUM an `int` (index of the choice), RK_INPUT an
 * `rk_input`; the others are the C type of that width. */
typedef enum rk_type {
    RK_I8 = 1,
    RK_U8,
    RK_I16,
    RK_U16,
    RK_I32,
    RK_U32,
    RK_I64,
    RK_U64,
    RK_F32,
    RK_F64,
    RK_BOOL,
    RK_STRING,
    RK_ENUM,
    RK_INPUT
} rk_type;

/* A row of an input data set: one task's share. Any numeric type arrives as double. */
typedef struct rk_input {
    const double *values; /* `count` values, row-major; borrowed, valid during the call */
    uint64_t count;
    const double *missing; /* values that stand for "missing" (a NaN among them: every NaN is missing) */
    uint64_t missing_count;
} rk_input;

/* One parameter. Use RK_PARAM. */
typedef struct rk_param {
    const char *name;
    size_t offset, size;
    rk_type type;
    const char *preset; /* default as text; NULL: must be given */
    const char *unit;   /* "1" or NULL for a pure number */
    const char *help;
    const char *choices; /* RK_ENUM: "red|green|blue" */
    bool fixed;          /* one value for the whole run: must not be swept (shapes, plans and histograms need that) */
} rk_param;

/* One output. Use RK_OUTPUT for a scalar, RK_OUTPUT_ROW for an array, RK_OUTPUT_VARYING for any number of values. */
typedef struct rk_output {
    const char *name;
    size_t offset, size;
    bool is_row; /* the field is a pointer, which Rankine points at the task's row before the call */
    rk_type type;
    const char *unit;
    const char *help;
    const char *shape[RK_DIMS_MAX]; /* of a row: each an integer parameter's name, a planned dimension's, or a number */
    const char *fill; /* of rows not computed or failed, as text; default NaN for floats, none for others */
    bool drop;        /* feeds reductions only: no rows are kept */
    bool varying;     /* any number of values per task, given by rk_emit; no field in the struct */
    bool always;      /* kept as it is also when the task fails (an exit code, a log) */
    bool measured;    /* differs from time to time (seconds, bytes): no part of the digest, and in no reduction */
} rk_output;

typedef enum rk_op {
    RK_COUNT = 1, /* how many values                              u64 */
    RK_SUM,       /* floats: exact, rounded once at the end, f64; integers: i64 or u64, an error if it does not fit */
    RK_MEAN,      /* f64, from the exact sum                           */
    RK_VARIANCE,  /* f64, population variance, from exact sums         */
    RK_MIN,
    RK_MAX, /* of the output's type; a NaN makes it NaN      */
    RK_ARGMIN,
    RK_ARGMAX,    /* u64: index of the value, the lower one on ties; NaNs do not count */
    RK_HISTOGRAM, /* u64[bins] over [lo, hi), equal bins, the last one closed; outside counted apart */
    RK_TOPK,      /* the `bins` largest values, descending, with their indices */
    RK_CUSTOM     /* the kernel's own state and merge                  */
} rk_op;

/* One reduction. Over an array output it is taken element by element and has the output's shape; RK_COUNT,
 * RK_HISTOGRAM, RK_TOPK, RK_ARGMIN and RK_ARGMAX take scalar outputs or rk_accumulate only. Over an output, the index
 * of RK_ARGMIN, RK_ARGMAX and RK_TOPK is the task's. */
typedef struct rk_reduction {
    const char *name;
    rk_op op;
    const char *output; /* what it folds; NULL: it is fed by rk_accumulate as f64, or (RK_CUSTOM) by rk_task_state */
    const char *unit, *help;
    const char *lo, *hi, *bins; /* RK_HISTOGRAM, RK_TOPK: a number or a parameter's name */
    /* RK_CUSTOM: a state of all zero bytes is empty. `merge` folds `right` (higher tasks) into `left`; `finish` writes
     * `values` doubles. Both must depend on nothing but their arguments; equal states must have equal bytes. */
    size_t state_bytes;
    void (*merge)(void *left, const void *right);
    void (*finish)(const void *state, double *out);
    uint64_t values;
} rk_reduction;

/* ---- what a task sees ---- */
typedef struct rk_task rk_task;

typedef struct rk_task_api {
    uint32_t size; /* of this table: later versions append */
    void (*random)(const uint64_t key[2], const uint64_t counter[4], uint64_t out[4]); /* Philox4x64-10 */
    void (*accumulate)(rk_task *task, uint32_t reduction, const double *values, uint64_t count, uint64_t first_index);
    void *(*state)(rk_task *task, uint32_t reduction);
    int (*fail)(rk_task *task, int code, const char *fmt, va_list args);
    double (*exact_sum)(const double *values, uint64_t count);
    int (*emit)(rk_task *task, uint32_t output, const void *values, uint64_t count);
    int (*fail_text)(rk_task *task, int code, const char *text); /* for languages that cannot make a va_list */
} rk_task_api;

/* Where a task runs; filled in once per process. A task whose results depend on it has other bits elsewhere. */
typedef struct rk_place {
    int rank, ranks;       /* of the run */
    int node, node_rank;   /* number of the node; place among its ranks */
    int thread;            /* of the rank; 0 without --threads */
    int cores;             /* how many the task may use */
    const int *core_list;  /* [cores] as the operating system numbers them; NULL: not known */
    int gpu;               /* number of the node's GPU that is this rank's (by node_rank); -1: there is none */
    const char *kernel_at; /* path of the kernel's shared object; NULL: linked in */
    double task_seconds;   /* kernels with `own_processes`: end a task that takes longer; 0: no limit */
} rk_place;

struct rk_task {
    uint64_t index;       /* 0 … N-1 */
    uint64_t plan_index;  /* index within the axes that the kernel planned; 0 without a plan */
    uint64_t input_index; /* index of the input row; 0 without an input */
    uint64_t replicate;   /* 0 … R-1; 0 without --repeat */
    uint64_t seed;        /* of the run */
    uint64_t last_axis;   /* tasks along the last axis: index = point * last_axis + place on it */
    const rk_task_api *api;
    void *host;            /* Rankine's own */
    const rk_place *place; /* borrowed; lives as long as the run */
    void *team;            /* kernels with `ranks`: an MPI_Comm over the team; <rankine/team.h> */
    int team_rank, team_size;
    uint32_t attempt; /* 1, and more under --retries */
};

/* Consecutive tasks for a kernel with a whole-block form. Task i has params at `params + i*params_stride` (stride 0:
 * the same for all) and result at `results + i*result_stride`. A task that fails: rk_task_fail on rk_batch_task(batch,
 * i). */
typedef struct rk_batch {
    rk_task first; /* the first task; task i has index first.index + i */
    uint64_t count;
    const char *params;
    size_t params_stride;
    char *results;
    size_t result_stride;
    rk_task *(*task)(struct rk_batch *batch, uint64_t i);
} rk_batch;

/* Return RK_OK or any other number: the task's failure code, unless rk_task_fail was given one with a message. */
typedef int (*rk_task_fn)(rk_task *task, const void *params, void *result);
/* Return RK_OK; anything else fails every task of the batch. Must give the same bits however tasks are cut into
 * batches. */
typedef int (*rk_batch_fn)(rk_batch *batch);

/* ---- planning: for kernels that make their own tasks from their (unswept) parameters ---- */
typedef struct rk_plan rk_plan;
typedef struct rk_plan_api {
    uint32_t size;
    int (*axis)(rk_plan *plan, const char *name, uint64_t count, double first, double step, const char *unit,
                const char *help);
    int (*dimension)(rk_plan *plan, const char *name, uint64_t size);
    int (*fail)(rk_plan *plan, const char *fmt, va_list args);
    int (*fail_text)(rk_plan *plan, const char *text);
} rk_plan_api;
struct rk_plan {
    const rk_plan_api *api;
    void *host;
};
typedef int (*rk_plan_fn)(rk_plan *plan, const void *params);

/* ---- the description ---- */
typedef struct rk_kernel {
    uint32_t magic, abi;
    uint64_t size; /* sizeof(rk_kernel) as the author's compiler saw it */
    const char *name;
    const char *summary;             /* one line */
    const char *version;             /* part of a run's identity: change it when results change */
    bool deterministic;              /* same task, same bits */
    size_t params_size, result_size; /* 0: taken from the fields */
    rk_param params[RK_PARAMS_MAX];
    rk_output outputs[RK_OUTPUTS_MAX];
    rk_reduction reduce[RK_REDUCTIONS_MAX];
    rk_plan_fn plan; /* NULL: the swept axes are all */
    rk_task_fn run;  /* one of these two */
    rk_batch_fn run_batch;
    bool thread_safe;   /* several threads of one process may call it at once */
    const char *ranks;  /* each task is an MPI program on this many ranks: a number or a fixed integer parameter's name;
                           NULL: it is not */
    bool own_processes; /* it computes each task in a process of its own, and keeps to place->task_seconds */
    void (*end)(void);  /* NULL, or called by each process when it is done with the kernel: after its last task */
} rk_kernel;

/* ---- kernels whose description depends on what the user sets (a command line with names of its own) ---- */
typedef struct rk_given { /* one name=value, or a column of a table */
    const char *name;
    const char *value; /* NULL: several values (an axis) */
    rk_type type;      /* RK_I64, RK_F64 or RK_STRING: what all the values can be taken as without loss of a letter */
} rk_given;
typedef struct rk_maker rk_maker;
typedef struct rk_maker_api {
    uint32_t size;
    int (*fail)(rk_maker *maker, const char *fmt, va_list args);
    void (*warn)(rk_maker *maker, const char *fmt, va_list args); /* NULL: no run begins */
    const char *(*nearest)(const char *word, const char *const *candidates, size_t count);
} rk_maker_api;
struct rk_maker {
    const rk_given *given; /* [count], in the order of the command line; none: describe what is always there */
    size_t count;
    const rk_maker_api *api;
    void *host;
};
/* Returns a description that is the same for the same given names, types and single values, and lives until the shared
 * object is unloaded. It is asked for what is always there first (its `fixed` strings are then taken as they stand: a
 * comma in them makes no list), and then for what the user set; tasks run only after that. NULL after rk_maker_fail.
 */
typedef const rk_kernel *(*rk_make_fn)(rk_maker *maker);

#define RK_PARAM(struct_type, field, value_type, ...)                                                                  \
    {                                                                                                                  \
        .name = #field, .offset = offsetof(struct_type, field), .size = sizeof(((struct_type *)0)->field),             \
        .type = value_type, __VA_ARGS__                                                                                \
    }
#define RK_OUTPUT(struct_type, field, value_type, ...)                                                                 \
    {                                                                                                                  \
        .name = #field, .offset = offsetof(struct_type, field), .size = sizeof(((struct_type *)0)->field),             \
        .type = value_type, __VA_ARGS__                                                                                \
    }
#define RK_OUTPUT_ROW(struct_type, field, value_type, ...)                                                             \
    {                                                                                                                  \
        .name = #field, .offset = offsetof(struct_type, field), .size = sizeof(*((struct_type *)0)->field),            \
        .is_row = true, .type = value_type, __VA_ARGS__                                                                \
    }
/* RK_OUTPUT_VARYING("times", RK_F64, "s", "arrival times"): see rk_emit. */
#define RK_OUTPUT_VARYING(id, value_type, ...)                                                                         \
    { .name = id, .varying = true, .type = value_type, __VA_ARGS__ }
#define RK_REDUCE(id, operation, field)                                                                                \
    { .name = id, .op = operation, .output = #field }
/* Fed by rk_accumulate: RK_REDUCE_VALUES("sum", RK_SUM, "m", "sum of all values"), then .lo, .hi, .bins where needed.
 */
#define RK_REDUCE_VALUES(id, operation, ...)                                                                           \
    { .name = id, .op = operation, .output = NULL, __VA_ARGS__ }
#define RK_REDUCE_CUSTOM(id, state_type, merge_fn, finish_fn, value_count)                                             \
    {                                                                                                                  \
        .name = id, .op = RK_CUSTOM, .state_bytes = sizeof(state_type), .merge = merge_fn, .finish = finish_fn,        \
        .values = value_count                                                                                          \
    }

/* Defines the kernel `id`. In a shared object this is its one entry; to link several kernels into one program, define
 * RK_KERNEL_LINKED before including this header and pass `&rk_kernel_<id>` to rk_command_main. */
#ifdef RK_KERNEL_LINKED
#define RK_KERNEL_ENTRY(kernel)
#else
#define RK_KERNEL_ENTRY(kernel)                                                                                        \
    RK_EXPORT const rk_kernel *rankine_kernel(void);                                                                   \
    RK_EXPORT const rk_kernel *rankine_kernel(void) {                                                                  \
        return &(kernel);                                                                                              \
    }
#endif
/* The entry of a shared object whose kernel is made when it is known what the user sets. */
#define RK_KERNEL_MAKER(make)                                                                                          \
    RK_EXPORT const rk_kernel *rankine_kernel_make(rk_maker *maker);                                                   \
    RK_EXPORT const rk_kernel *rankine_kernel_make(rk_maker *maker) {                                                  \
        return make(maker);                                                                                            \
    }
#define RK_KERNEL(id, ...)                                                                                             \
    extern const rk_kernel rk_kernel_##id;                                                                             \
    const rk_kernel rk_kernel_##id = {                                                                                 \
        .magic = RK_KERNEL_MAGIC, .abi = RK_KERNEL_ABI, .size = sizeof(rk_kernel), .name = #id, __VA_ARGS__};          \
    RK_KERNEL_ENTRY(rk_kernel_##id)

/* ---- calls for kernels; not collective, cheap ---- */

/** Fail this task with a code (not 0) and a message; return its value from the kernel. */
static inline int rk_task_fail(rk_task *task, int code, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int result = (task->api->fail)(task, code, fmt, args); /* parentheses: test libraries have a macro fail() */
    va_end(args);
    return result;
}
/** Feed `count` values into reduction number `reduction` (its place in .reduce) of this task. For RK_ARGMIN, RK_ARGMAX
 * and RK_TOPK value i has the index first_index + i. Counts only if the task succeeds. */
static inline void rk_accumulate(rk_task *task, uint32_t reduction, const double *values, uint64_t count,
                                 uint64_t first_index) {
    task->api->accumulate(task, reduction, values, count, first_index);
}
/** This task's own state, all zero at first, of an RK_CUSTOM reduction. Borrowed until the task ends. */
static inline void *rk_task_state(rk_task *task, uint32_t reduction) {
    return task->api->state(task, reduction);
}

/** Append `count` values of the output's type to the output number `output` (its place in .outputs; declared by
 * RK_OUTPUT_VARYING) of this task: any number of times, any size. Text and bytes are RK_U8. What a task that fails has
 * emitted counts for an output that is kept `always` only. In a whole-block kernel: task by task, in ascending order.
 * Returns RK_OK; anything else is to be returned from the kernel. */
static inline int rk_emit(rk_task *task, uint32_t output, const void *values, uint64_t count) {
    return task->api->emit(task, output, values, count);
}

/** The correctly rounded sum of `count` values: it does not depend on their order. */
static inline double rk_exact_sum(rk_task *task, const double *values, uint64_t count) {
    return task->api->exact_sum(values, count);
}

static inline rk_task *rk_batch_task(rk_batch *batch, uint64_t i) {
    return batch->task(batch, i);
}

/** An axis of `count` tasks planned by the kernel. step != 0: coordinates first + i*step. */
static inline int rk_plan_axis(rk_plan *plan, const char *name, uint64_t count, double first, double step,
                               const char *unit, const char *help) {
    return plan->api->axis(plan, name, count, first, step, unit, help);
}
/** A size that shapes of rows may name. */
static inline int rk_plan_dimension(rk_plan *plan, const char *name, uint64_t size) {
    return plan->api->dimension(plan, name, size);
}
/** Refuse the parameters; return its value from the plan. */
static inline int rk_plan_fail(rk_plan *plan, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int result = (plan->api->fail)(plan, fmt, args);
    va_end(args);
    return result;
}

/** Refuse what the user set; return NULL from the maker then. */
static inline int rk_maker_fail(rk_maker *maker, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int result = (maker->api->fail)(maker, fmt, args);
    va_end(args);
    return result;
}

/** Does a run begin with this? Else a file is read that one was recorded in, perhaps on another machine: what a run
 * needs of the machine is looked for in the first case only. */
static inline bool rk_maker_begins(const rk_maker *maker) {
    return maker->api->size > offsetof(rk_maker_api, warn) && maker->api->warn != NULL;
}
/** Tell the user, once, what may not be meant; nothing happens if no run begins. */
static inline void rk_maker_warn(rk_maker *maker, const char *fmt, ...) {
    va_list args;
    if (!rk_maker_begins(maker))
        return;
    va_start(args, fmt);
    maker->api->warn(maker, fmt, args);
    va_end(args);
}
/** The candidate that `word` is a slip of the pen for, or NULL. */
static inline const char *rk_maker_nearest(const rk_maker *maker, const char *word, const char *const *candidates,
                                           size_t count) {
    return maker->api->size > offsetof(rk_maker_api, nearest) ? maker->api->nearest(word, candidates, count) : NULL;
}

/* ---- random numbers: Philox4x64-10 with key (seed, stream) and counter (position, point, place, 0), where place is
 * the task's on the last axis and point numbers the other axes. They depend on nothing else, so a task draws the same
 * numbers on any rank, and also when values are appended to the first or the last axis later.
 * Source: J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11, section 4,
 * doi:10.1145/2063384.2063405. */
typedef struct rk_random {
    uint64_t key[2], counter[4], buffer[4];
    unsigned left;
    void (*draw)(const uint64_t key[2], const uint64_t counter[4], uint64_t out[4]);
} rk_random;

/** Stream number `stream` of a task. Streams and tasks are independent of each other. */
static inline rk_random rk_random_stream(const rk_task *task, uint64_t stream) {
    uint64_t along = task->last_axis > 0 ? task->last_axis : 1;
    rk_random r = {
        {task->seed, stream}, {0, task->index / along, task->index % along, 0}, {0, 0, 0, 0}, 0, task->api->random};
    return r;
}
/** 64 random bits. */
static inline uint64_t rk_random_u64(rk_random *r) {
    if (r->left == 0) {
        r->draw(r->key, r->counter, r->buffer);
        r->counter[0]++;
        r->left = 4;
    }
    return r->buffer[4 - r->left--];
}
/** Uniform on [0, 1): the upper 53 bits times 2^-53. */
static inline double rk_random_f64(rk_random *r) {
    return (double)(rk_random_u64(r) >> 11) / 9007199254740992.0;
}
/** Uniform on 0 … bound-1 without bias (bound > 0). Source: D. Lemire, "Fast random integer generation in an interval",
 *  ACM TOMACS 29 (2019), doi:10.1145/3230636; here by rejection on the remainder. */
static inline uint64_t rk_random_below(rk_random *r, uint64_t bound) {
    uint64_t limit = (0 - bound) % bound, x; /* 2^64 mod bound */
    do
        x = rk_random_u64(r);
    while (x < limit);
    return x % bound;
}

#ifdef __cplusplus
}
#endif
#endif
