/* What the units of src/space share: the draft that stands between a request, its canonical text and a space. */
#ifndef RANKINE_SPACE_PRIVATE_H
#define RANKINE_SPACE_PRIVATE_H

#include <math.h>

#include "space/space.h"

#define RK__TASKS_MAX (UINT64_C(1) << 56)
/* The text of a kernel that was made has a version of its own: that of others did not change when makers came. */
enum { RK__SPACE_TEXT_VERSION = 2, RK__SPACE_TEXT_VERSION_MADE = 3, RK__PLANNED_DIMENSIONS_MAX = 32 };

/* ---- names.c: parameters by name ---- */
size_t rk__params(const rk_kernel *kernel);
/* The parameter of that name, or NULL. */
const rk_param *rk__param_find(const rk_kernel *kernel, const char *name, size_t length);
size_t rk__param_index(const rk_kernel *kernel, const rk_param *param);
/* The same; RK_EINVAL suggests the nearest name and lists all. `where` is put in front: "", "--zip a,b: ". */
rk_status rk__param_require(const rk_kernel *kernel, const char *name, size_t length, const char *where,
                            const rk_param **out, rk_error *err);
/* Why a parameter must have one value for the whole run ("a size of output 'image'"), or NULL. */
const char *rk__param_fixed(const rk_kernel *kernel, const rk_param *param, char *buffer, size_t size);

/* ---- value.c ---- */
void rk__number_text(double value, rk__text *out);
/* As text for an axis: bounds and steps of linear floats keep all their bits, also those of an f32 axis. */
void rk__bound_text(const rk_param *param, rk__value value, rk__text *out);

/* ---- lattice.c ---- */
rk__lattice rk__lattice_of_step(double first, double step);
/* The same for `count` values with a known end. */
rk__lattice rk__lattice_of_range(double first, double last, double step, uint64_t count);
/* Value i; by a fused multiply-add where the lattice does not reach. In the hot path of every task. */
static inline double rk__lattice_value(const rk__lattice *l, double first, double step, uint64_t i) {
    return i < l->count ? (double)(l->first + (int64_t)i * l->step) / l->divisor : fma((double)i, step, first);
}

/* ---- sweep.c: what one setting gives a parameter ---- */
typedef struct rk__given {
    bool many;              /* an axis, else one value */
    rk__value value;        /* if one */
    uint64_t count;         /* if many */
    rk__axis_column column; /* if many */
} rk__given;
rk_status rk__given_parse(const rk_param *param, const char *text, rk__given *out, rk_error *err);
void rk__given_fini(const rk_param *param, rk__given *given);

typedef struct rk__value_list {
    rk__value *items;
    size_t count, capacity;
} rk__value_list;
rk_status rk__value_list_push(rk__value_list *list, rk__value value, rk_error *err);
void rk__value_list_fini(const rk_param *param, rk__value_list *list);

/* Names, unit and help of a column copied from its parameter. */
rk_status rk__axis_column_init(rk__axis_column *column, const rk_param *param, rk_error *err);
void rk__axis_column_fini(rk__axis_column *column, uint64_t count);
void rk__axis_fini(rk__axis *axis);

/* ---- text_file.c ---- */
/* The whole file, NUL-terminated, without a byte order mark; RK_EFORMAT if it holds a NUL. `where` as above. */
rk_status rk__text_file_read(const char *path, const char *where, char **out, size_t *length, rk_error *err);

/* ---- table.c ---- */
/* The axis of a table: a column per parameter, in the order of the header. */
rk_status rk__table_read(const rk_kernel *kernel, const char *path, rk__axis *out, rk_error *err);
/* Of a kernel that is not made yet: all columns as strings, with parameters that the header names. `out` points into
 * `params`, whose names are the caller's to free. */
rk_status rk__table_read_texts(const char *path, rk_param params[RK_PARAMS_MAX], rk__axis *out, rk_error *err);

/* ---- draft.c ---- */
typedef struct rk__draft {
    const rk_kernel *kernel;
    bool is_set[RK_PARAMS_MAX]; /* has one value for the whole run */
    rk__value values[RK_PARAMS_MAX];
    size_t axis_count;
    rk__axis axes[RK_AXES_MAX]; /* the one input axis stands for all leading dimensions, with count = rows */
    bool has_input;
    rk__space_input input;
    rk__givens givens;
} rk__draft;
void rk__draft_fini(rk__draft *draft);
/* Is the parameter set, swept or read from the input? */
bool rk__draft_has(const rk__draft *draft, const rk_param *param);
/* Append an axis; takes what it owns on success. */
rk_status rk__draft_add_axis(rk__draft *draft, rk__axis axis, rk_error *err);
rk_status rk__draft_write(const rk__draft *draft, char **text, rk_error *err);

/* ---- given.c ---- */
rk_status rk__givens_add(rk__givens *givens, const char *name, rk_type type, const char *value, rk_error *err);
/* From what follows "given " in the text; the line is taken apart in place. RK_EFORMAT. */
rk_status rk__givens_take_line(rk__givens *givens, char *line, rk_error *err);

/* ---- tokens.c: the words of the canonical text ---- */
void rk__token_add(rk__text *out, const char *token);
/* Decodes in place; false: malformed. */
bool rk__token_decode(char *token);

/* ---- parse.c ---- */
/* RK_EFORMAT for what is no canonical text, RK_EMISMATCH where it does not fit the kernel. */
rk_status rk__draft_parse(rk__draft *out, const rk_kernel *kernel, const char *text, rk_error *err);

/* ---- space.c, plan.c ---- */
typedef struct rk__planned_dimension {
    char *name;
    uint64_t size;
} rk__planned_dimension;

struct rk__space_private {
    rk__draft draft; /* what its axes and input owned is the space's now */
    size_t dimension_count;
    rk__planned_dimension dimensions[RK__PLANNED_DIMENSIONS_MAX];
    size_t swept_count;
    const rk__axis *swept[RK_AXES_MAX]; /* axes that set parameters */
    uint64_t input_stride, input_rows;  /* of the whole input axis; rows 0: none */
    uint64_t plan_stride, plan_count;   /* of all planned axes; count 0: none */
    uint64_t replicates;                /* 0: none; their stride is 1 */
};
/* Append an axis to the space, strides to be set later; takes what it owns on success. */
rk_status rk__space_add_axis(rk__space *space, rk__axis axis, rk_error *err);
/* Run the kernel's plan, which adds axes and dimensions. */
rk_status rk__space_plan(rk__space *space, rk_error *err);

/* ---- input.c ---- */
/* Split "FILE:/data set", make the path absolute, and inspect what is there. */
rk_status rk__input_describe(rk__space_input *out, const rk_param *param, const char *setting, unsigned task_dims,
                             rk_error *err);
/* Fill in dims, shape, rows and missing values of a path, data set and task_dims. */
rk_status rk__input_inspect(rk__space_input *input, rk_error *err);
rk_status rk__input_fingerprint(rk__space_input *input, rk_error *err);
/* The product of the dimensions into rows and row_values; RK_EOVERFLOW. */
rk_status rk__input_count(rk__space_input *input, rk_error *err);
void rk__space_input_fini(rk__space_input *input);

/* ---- input_axes.c ---- */
/* Coordinates longer than this are left out: every rank holds them. */
#define RK__COORDINATES_MAX (UINT64_C(1) << 20)
/* One axis per leading dimension, with the coordinates of its dimension scale. */
rk_status rk__input_axes(const rk__space_input *input, rk__axis *axes, rk_error *err);

#endif
