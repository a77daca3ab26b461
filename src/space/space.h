/* src/space: the tasks of a run: axes, values, and the rows of an input data set.
 *
 * Problem. A user writes `rho=20:30:0.1 sigma=8,10,12 --repeat 5`; the run needs N tasks numbered 0 … N-1, and for any
 * task its parameters, without memory that grows with N; and a resumed run needs exactly the same space from the file
 * alone.
 *
 * Idea. A space is a product of axes, the first one slowest. An axis is either linear (first, step) or a list. What the
 * user wrote is turned into a canonical text, and a space is always built from that text: a fresh run and a resumed
 * one go the same way, and the text is what identity compares. A list read from a file is expanded into the text.
 *
 * Order of axes: swept parameters, zips and the input in the order of the command line; then the table, the axes that
 * the kernel plans, and the replicate.
 *
 * Invariants. Building is deterministic and does not depend on the rank. N <= 2^56. Values are checked for their
 * parameter's type when parsed: a bound task never fails for its parameters. */
#ifndef RANKINE_SPACE_H
#define RANKINE_SPACE_H

#include <rankine/kernel.h>

#include "base/base.h"

/* ---- values of parameters ---- */
typedef struct rk__value {
    union {
        int64_t i64;  /* signed integers, RK_ENUM (index) */
        uint64_t u64; /* unsigned integers, RK_BOOL (0 or 1) */
        double f64;   /* RK_F32 (rounded to float), RK_F64 */
        char *text;   /* RK_STRING; owned by whoever parsed it */
    } as;
} rk__value;

/* Parse one value for a parameter; refuses what does not fit ("parameter 'n': 300 does not fit u8 (0 … 255)"), NaN,
 * unknown choices (lists them). RK_BOOL takes yes/no/true/false/on/off/1/0. f64 may carry the parameter's unit ("5 m"
 * is refused with the unit it must have if it differs: "parameter 'rho': unit 'kg' given, '1' expected"). */
rk_status rk__value_parse(const rk_param *param, const char *text, rk__value *out, rk_error *err);
void rk__value_fini(const rk_param *param, rk__value *value);
/* Write into the author's struct. A string is borrowed from the value. */
void rk__value_store(const rk_param *param, rk__value value, void *params);
/* As text that parses back to the same value. */
void rk__value_text(const rk_param *param, rk__value value, rk__text *out);

/* ---- what the user asked for ----
 *
 *     name=28            one value; a number may carry its parameter's unit: "5 m"
 *     name=1,2,5         a list
 *     name=20:30:0.1     start:stop:step, the stop included within rounding; integers: step 1 if left out
 *     name=0..1/101      101 points, both ends exact
 *     name=@file.txt     a value per line, '#' begins a comment; a string with commas is given that way, or by a
 *                        parameter that is `fixed`: such a string is one value as it stands
 *     input=FILE:/PATH   the rows of an HDF5 data set
 *
 * A list, range or file of several values makes an axis. A parameter that is `fixed`, or that a shape or a reduction's
 * lo, hi or bins names, takes one value only. */
typedef struct rk__request {
    const char *const *settings; /* "name=value", in order; borrowed during the call */
    size_t setting_count;
    const char *const *zips; /* each "a,b,c" */
    size_t zip_count;
    const char *table;      /* path of a CSV, or NULL */
    uint64_t repeat;        /* 0: no replicate axis */
    unsigned input_dims;    /* leading dimensions of the input that become tasks; 0 means 1 */
    const char *may_repeat; /* parameter whose axis may have a value twice: a line of a file is a task; or NULL */
    const rk_given *given;  /* what the kernel was made of: goes to the head of the text; NULL: it was not made */
    size_t given_count;
} rk__request;
#define RK__REQUEST_INIT                                                                                               \
    { NULL, 0, NULL, 0, NULL, 0, 0, NULL, NULL, 0 }

/* ---- what a kernel is made of (RK_KERNEL_MAKER) ----
 *
 * A given is an integer or a float only if it is a range or points of such numbers, or if every value is written as the
 * canonical text would print it: so that a kernel which prints its values prints what the user wrote. */
typedef struct rk__givens {
    rk_given *items; /* in order of the settings, then the table's columns; owned, with their strings */
    size_t count;
} rk__givens;
/* `always`: the kernel made of nothing; its `fixed` strings are one value, whatever is in them. Reads the files that
 * the request names. */
rk_status rk__givens_infer(rk__givens *out, const rk_kernel *always, const rk__request *request, rk_error *err);
/* The same from the canonical text. RK_EFORMAT. */
rk_status rk__givens_read(rk__givens *out, const char *text, rk_error *err);
void rk__givens_fini(rk__givens *givens);

/* ---- the space ---- */
typedef enum rk__axis_kind {
    RK__AXIS_SWEPT = 1, /* one parameter */
    RK__AXIS_ZIP,       /* several parameters walked together; named after the first */
    RK__AXIS_TABLE,     /* the lines of a table; named "row" */
    RK__AXIS_INPUT,     /* a leading dimension of the input data set; named after its dimension scale or "input_0" */
    RK__AXIS_PLANNED,   /* by the kernel */
    RK__AXIS_REPLICATE  /* named "replicate" */
} rk__axis_kind;

/* Names that Rankine makes up ("row", "replicate", those of the input) give way to outputs, parameters, planned names
 * and each other: then "row_axis", "row_axis2". */

/* Values first, first + step, … as whole numbers over a divisor, so that each is rounded once; lattice.c. */
typedef struct rk__lattice {
    int64_t first, step;
    double divisor;
    uint64_t count; /* of the values that are given exactly; 0: none */
} rk__lattice;

/* The values along an axis of one parameter (or, param == NULL, plain coordinates: input and planned axes). */
typedef struct rk__axis_column {
    const rk_param *param;
    char *name, *unit, *help; /* unit and help may be NULL */
    bool linear;              /* value i = first + i*step: integers exactly, floats rounded once, the end exact */
    rk__value first, step, last;
    rk__lattice lattice; /* of linear floats */
    rk__value *list;     /* [count] if not linear */
} rk__axis_column;

typedef struct rk__axis {
    rk__axis_kind kind;
    char *name;
    uint64_t count, stride; /* stride: tasks between neighbours on this axis */
    size_t column_count;    /* 0: an axis without coordinates */
    rk__axis_column *columns;
} rk__axis;

typedef struct rk__space_input {
    const rk_param *param;
    char *path, *dataset;     /* absolute */
    unsigned dims, task_dims; /* of the data set; how many leading ones are tasks */
    uint64_t shape[8];
    uint64_t rows, row_values; /* product of the leading and of the other dimensions */
    double missing[4];         /* from the attributes missing_value and _FillValue, as the data set's type holds them */
    uint64_t missing_count;
    uint64_t fingerprint[2]; /* file size, shape, type and sampled bytes of the file: a changed input is noticed */
} rk__space_input;

typedef struct rk__space {
    const rk_kernel *kernel;
    uint64_t tasks;
    size_t axis_count;
    rk__axis axes[RK_AXES_MAX];
    bool sweeps;       /* some parameter differs between tasks */
    void *base_params; /* params struct with all unswept values; swept ones hold their first value */
    size_t params_bytes, result_bytes;
    bool has_input;
    rk__space_input input;
    char *text; /* canonical */
    struct rk__space_private *priv;
} rk__space;

/* The canonical text of a request; checks names, values and combinations, opens no input beyond reading what it needs.
 * The text is line-oriented, versioned, percent-escaped; caller frees. */
rk_status rk__space_describe(const rk_kernel *kernel, const rk__request *request, char **text, rk_error *err);
/* Build from canonical text: parses, opens the input, calls the kernel's plan. RK_EFORMAT: no such text. RK_EMISMATCH:
 * it is of another kernel, or the input has another shape now, or (with `check_input`) another fingerprint. A plan that
 * fails gives RK_EINVAL or RK_EKERNEL with its message. */
rk_status rk__space_create(rk__space **out, const rk_kernel *kernel, const char *text, bool check_input, rk_error *err);
void rk__space_destroy(rk__space *space);

/* How the tasks of an earlier space lie in one that has more values on its first or its last axis. A task is at
 * (point, place): place on the last axis, point on all others. */
typedef struct rk__extension {
    uint64_t along, along_before;         /* values on the last axis: now, then */
    uint64_t along_shared, points_shared; /* places and points that are the same in both */
} rk__extension;
/* RK_EMISMATCH says what is not the same. */
rk_status rk__space_extends(const rk__space *space, const rk__space *earlier, rk__extension *out, rk_error *err);
/* The number that a task had; false: it is new. */
bool rk__extension_find(const rk__extension *extension, uint64_t task, uint64_t *earlier);

/* Set the swept fields of *params (a copy of base_params) for a task. Cheap; no errors. The strings belong to the
 * space. */
void rk__space_bind(const rk__space *space, uint64_t task, void *params);
/* Set index, plan_index, input_index, replicate. */
void rk__space_locate(const rk__space *space, uint64_t task, rk_task *out);
rk__value rk__axis_value(const rk__axis *axis, const rk__axis_column *column, uint64_t i);
/* The same as text that parses back. */
void rk__axis_value_text(rk__text *out, const rk__axis *axis, const rk__axis_column *column, uint64_t i);
/* Where a task lies: "rho=28 sigma=10 replicate=3"; nothing if there is one task only. */
void rk__space_where(rk__text *out, const rk__space *space, uint64_t task);
/* Size behind a name in a shape: planned dimension, unswept integer parameter, or a decimal number. */
rk_status rk__space_dimension(const rk__space *space, const char *name, uint64_t *size, rk_error *err);
/* Number behind `lo`, `hi`, `bins` of a reduction: a literal or an unswept numeric parameter. */
rk_status rk__space_number(const rk__space *space, const char *name, double *value, rk_error *err);

/* ---- reading input rows: one reader per process ---- */
typedef struct rk__input_reader rk__input_reader;
/* Opens the file read-only with HDF5 file locking off; chunk cache sized so that walking rows does not inflate a chunk
 * twice, and bounded (64 MiB). Type conversion to double is HDF5's. */
rk_status rk__input_open(rk__input_reader **out, const rk__space *space, rk_error *err);
/* Rows [first, first+count) into values[count*row_values]. */
rk_status rk__input_read(rk__input_reader *reader, uint64_t first, uint64_t count, double *values, rk_error *err);
void rk__input_close(rk__input_reader *reader);

#endif
