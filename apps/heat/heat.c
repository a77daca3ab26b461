/* The heat equation on the unit square, each task solved by a team of ranks that exchange halos. README.md has the
 * equation and what the result is compared with. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <rankine/team.h>

typedef struct {
    double alpha, time;
    uint32_t cells, ranks;
} heat_params;

typedef struct {
    double centre, mean, error;
    double *middle;
    uint64_t steps;
} heat_result;

/* A strip of the grid: `rows` rows of `cells` + 1 points, with a row of a neighbour (or of the boundary) on each side.
 */
typedef struct strip {
    MPI_Comm comm;
    int rank, size;
    size_t first, rows, points; /* points: in a row */
    double *now, *next;
} strip;

enum { TAG_UP = 1, TAG_DOWN = 2, TAG_ROWS = 3 };

static const double pi = 3.14159265358979323846;

static double *row_of(double *grid, const strip *s, size_t row) {
    return grid + row * s->points;
}

/* Inner rows 1 … cells-1, shared out evenly. */
static void share_rows(strip *s, size_t inner) {
    size_t each = inner / (size_t)s->size, rest = inner % (size_t)s->size, rank = (size_t)s->rank;
    s->rows = each + (rank < rest);
    s->first = 1 + each * rank + (rank < rest ? rank : rest);
}

static void set_sine(strip *s, size_t cells) {
    for (size_t i = 0; i < s->rows + 2; i++)
        for (size_t j = 0; j < s->points; j++) {
            size_t global = s->first + i - 1;
            bool inside = global > 0 && global < cells && j > 0 && j < cells;
            row_of(s->now, s, i)[j] =
                inside ? sin(pi * (double)global / (double)cells) * sin(pi * (double)j / (double)cells) : 0;
        }
    memcpy(s->next, s->now, (s->rows + 2) * s->points * sizeof *s->now);
}

static int create(strip *s, rk_task *task, size_t cells) {
    s->comm = rk_team_comm(task);
    s->rank = task->team_rank;
    s->size = task->team_size;
    s->points = cells + 1;
    share_rows(s, cells - 1);
    s->now = malloc((s->rows + 2) * s->points * sizeof *s->now);
    s->next = malloc((s->rows + 2) * s->points * sizeof *s->next);
    int ready = s->now != NULL && s->next != NULL;
    MPI_Allreduce(MPI_IN_PLACE, &ready, 1, MPI_INT, MPI_MIN, s->comm); /* all go on, or none */
    if (!ready)
        return rk_task_fail(task, RK_ENOMEM, "no memory for a grid of %zu by %zu points", s->points, s->points);
    set_sine(s, cells);
    return RK_OK;
}

static void destroy(strip *s) {
    free(s->now);
    free(s->next);
}

/* The outermost own rows to the neighbours, theirs into the halo. */
static void exchange(strip *s) {
    int above = s->rank > 0 ? s->rank - 1 : MPI_PROC_NULL, below = s->rank + 1 < s->size ? s->rank + 1 : MPI_PROC_NULL;
    int count = (int)s->points;
    MPI_Sendrecv(row_of(s->now, s, 1), count, MPI_DOUBLE, above, TAG_UP, row_of(s->now, s, s->rows + 1), count,
                 MPI_DOUBLE, below, TAG_UP, s->comm, MPI_STATUS_IGNORE);
    MPI_Sendrecv(row_of(s->now, s, s->rows), count, MPI_DOUBLE, below, TAG_DOWN, row_of(s->now, s, 0), count,
                 MPI_DOUBLE, above, TAG_DOWN, s->comm, MPI_STATUS_IGNORE);
}

/* Each point from the same five, in the same order: the bits do not depend on who owns it. */
static void step(strip *s, double r) {
    for (size_t i = 1; i <= s->rows; i++) {
        const double *north = row_of(s->now, s, i - 1), *here = row_of(s->now, s, i), *south = row_of(s->now, s, i + 1);
        double *to = row_of(s->next, s, i);
        for (size_t j = 1; j + 1 < s->points; j++)
            to[j] = here[j] + r * (north[j] + south[j] + here[j - 1] + here[j + 1] - 4 * here[j]);
    }
    double *swapped = s->now;
    s->now = s->next;
    s->next = swapped;
}

/* All inner rows, in order, on the leader. */
static void gather(strip *s, size_t cells, double *grid) {
    strip other = *s;
    if (s->rank > 0) {
        MPI_Send(row_of(s->now, s, 1), (int)(s->rows * s->points), MPI_DOUBLE, 0, TAG_ROWS, s->comm);
        return;
    }
    memcpy(grid + s->points, row_of(s->now, s, 1), s->rows * s->points * sizeof *grid);
    for (other.rank = 1; other.rank < s->size; other.rank++) {
        share_rows(&other, cells - 1);
        MPI_Recv(grid + other.first * s->points, (int)(other.rows * s->points), MPI_DOUBLE, other.rank, TAG_ROWS,
                 s->comm, MPI_STATUS_IGNORE);
    }
}

static void measure(rk_task *task, const double *grid, size_t cells, double decay, heat_result *r) {
    size_t points = cells + 1, middle = cells / 2;
    r->centre = grid[middle * points + middle];
    r->mean = rk_exact_sum(task, grid, points * points) / (double)(cells * cells);
    r->error = 0;
    for (size_t i = 0; i < points; i++)
        for (size_t j = 0; j < points; j++) {
            double exact = decay * sin(pi * (double)i / (double)cells) * sin(pi * (double)j / (double)cells);
            r->error = fmax(r->error, fabs(grid[i * points + j] - exact));
        }
    memcpy(r->middle, grid + middle * points, points * sizeof *grid);
}

static int finish(rk_task *task, strip *s, const heat_params *p, heat_result *r) {
    size_t points = s->points * s->points;
    double *grid = s->rank == 0 ? calloc(points, sizeof *grid) : NULL;
    int ready = s->rank > 0 || grid != NULL;
    MPI_Allreduce(MPI_IN_PLACE, &ready, 1, MPI_INT, MPI_MIN, s->comm);
    if (ready)
        gather(s, p->cells, grid);
    if (ready && s->rank == 0)
        measure(task, grid, p->cells, exp(-2 * pi * pi * p->alpha * p->time), r);
    free(grid);
    return ready ? RK_OK : rk_task_fail(task, RK_ENOMEM, "no memory for %zu points", points);
}

static int heat(rk_task *task, const void *params, void *result) {
    const heat_params *p = params;
    heat_result *r = result;
    strip s;
    double h = 1 / (double)p->cells, longest = h * h / (4 * p->alpha);
    uint64_t steps = (uint64_t)ceil(p->time / (0.8 * longest));
    if ((uint32_t)task->team_size > p->cells - 1)
        return rk_task_fail(task, RK_EINVAL, "%u cells are too few for %d ranks", p->cells, task->team_size);
    if (create(&s, task, p->cells) != RK_OK) {
        destroy(&s);
        return RK_ENOMEM;
    }
    for (uint64_t i = 0; i < steps; i++) {
        exchange(&s);
        step(&s, p->alpha * (p->time / (double)steps) / (h * h));
    }
    r->steps = steps;
    int code = finish(task, &s, p, r);
    destroy(&s);
    return code;
}

static int plan(rk_plan *plan_, const void *params) {
    const heat_params *p = params;
    if (p->cells < 4 || p->cells > 4096)
        return rk_plan_fail(plan_, "cells=%u: between 4 and 4096 are possible", p->cells);
    return rk_plan_dimension(plan_, "x", p->cells + 1);
}

RK_KERNEL(heat, .summary = "the heat equation on a square, solved by several ranks", .version = "1",
          .deterministic = true,
          .params = {RK_PARAM(heat_params, alpha, RK_F64, "1", "m2/s", "diffusivity"),
                     RK_PARAM(heat_params, time, RK_F64, "0.05", "s", "how long it cools"),
                     RK_PARAM(heat_params, cells, RK_U32, "64", "1", "cells along each side", .fixed = true),
                     RK_PARAM(heat_params, ranks, RK_U32, "4", "1", "ranks that solve it together", .fixed = true)},
          .outputs = {RK_OUTPUT(heat_result, centre, RK_F64, "K", "temperature in the middle"),
                      RK_OUTPUT(heat_result, mean, RK_F64, "K", "mean temperature"),
                      RK_OUTPUT(heat_result, error, RK_F64, "K", "largest distance from the exact solution"),
                      RK_OUTPUT_ROW(heat_result, middle, RK_F64, "K", "temperature along the middle", {"x"}),
                      RK_OUTPUT(heat_result, steps, RK_U64, "1", "time steps")},
          .reduce = {RK_REDUCE("error_max", RK_MAX, error)}, .plan = plan, .run = heat, .ranks = "ranks")
