/* A pool that squares numbers, in the ways a pool has: map (all at once), starmap (functions of several arguments),
 * imap_unordered (results as they come, from items that are made only when they are wanted). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <rankine/pool.h>
#include <rankine/program.h>

static rk_status square(rk_call *call) {
    double x = *(const double *)call->arg;
    double y = x * x;
    return rk_call_return(call, &y, sizeof y);
}

typedef struct pair {
    double x, y;
} pair;

static rk_status power(rk_call *call) {
    const pair *given = call->arg;
    double z = pow(given->x, given->y);
    return rk_call_return(call, &z, sizeof z);
}

/* ---- map ---- */

static rk_status squares_by_map(rk_pool pool, size_t count, double *sum, rk_error *err) {
    double *x = malloc(count * sizeof *x), *y = malloc(count * sizeof *y);
    rk_map map = {.function = square, .items = x, .count = count, .item_size = sizeof *x, .result_size = sizeof *y};
    rk_status status = x != NULL && y != NULL ? RK_OK : RK_ENOMEM;
    for (size_t i = 0; status == RK_OK && i < count; i++)
        x[i] = (double)i;
    if (status == RK_OK)
        status = rk_pool_map(pool, &map, y, err);
    *sum = 0;
    for (size_t i = 0; status == RK_OK && i < count; i++)
        *sum += y[i];
    free(x);
    free(y);
    return status;
}

/* ---- starmap ---- */

static rk_status powers_by_starmap(rk_pool pool, double powers[4], rk_error *err) {
    static const pair pairs[4] = {{2, 3}, {3, 2}, {10, 0}, {2, 10}};
    rk_map map = {
        .function = power, .items = pairs, .count = 4, .item_size = sizeof *pairs, .result_size = sizeof(double)};
    return rk_pool_starmap(pool, &map, powers, err);
}

/* ---- imap_unordered ---- */

typedef struct numbers {
    double next, end;
} numbers;

static bool next_number(void *item, void *ctx) {
    numbers *self = ctx;
    *(double *)item = self->next;
    return self->next++ < self->end;
}

static rk_status squares_as_they_come(rk_pool pool, size_t count, double *sum, rk_error *err) {
    numbers source = {0, (double)count};
    rk_map map = {.function = square,
                  .next = next_number,
                  .ctx = &source,
                  .item_size = sizeof(double),
                  .result_size = sizeof(double),
                  .chunksize = 16};
    rk_imap imap;
    rk_status status;
    double y;
    RK_TRY(rk_pool_imap_unordered(pool, &map, &imap, err));
    *sum = 0;
    while ((status = rk_imap_next(imap, RK_FOREVER, &y, NULL, err)) == RK_OK)
        *sum += y;
    RK_TRY(rk_imap_destroy(imap, NULL));
    return status == RK_EEOF ? RK_OK : status;
}

static rk_status root(int argc, char **argv, rk_error *err) {
    size_t count = argc > 1 ? (size_t)atoll(argv[1]) : 1000;
    double sum, powers[4];
    rk_pool pool;
    RK_TRY(rk_pool_create(&pool, NULL, err));
    RK_TRY(squares_by_map(pool, count, &sum, err));
    printf("map: the squares of 0 ... %zu add up to %.0f\n", count - 1, sum);
    RK_TRY(powers_by_starmap(pool, powers, err));
    printf("starmap: 2^3 = %.0f, 3^2 = %.0f, 10^0 = %.0f, 2^10 = %.0f\n", powers[0], powers[1], powers[2], powers[3]);
    RK_TRY(squares_as_they_come(pool, count, &sum, err));
    printf("imap_unordered: they add up to %.0f\n", sum);
    RK_TRY(rk_pool_close(pool, err));
    RK_TRY(rk_pool_join(pool, RK_FOREVER, err));
    return rk_pool_destroy(pool, err);
}

int main(int argc, char **argv) {
    return rk_main(argc, argv, root, NULL);
}
