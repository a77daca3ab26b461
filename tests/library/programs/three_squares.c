#include <stdio.h>

#include <rankine/pool.h>

static rk_status square(rk_call *call) {
    double x = *(const double *)call->arg, y = x * x;
    return rk_call_return(call, &y, sizeof y);
}

static rk_status root(int argc, char **argv, rk_error *err) {
    double x[] = {1, 2, 3}, y[3];
    rk_map map = {.function = square, .items = x, .count = 3, .item_size = sizeof *x, .result_size = sizeof *y};
    rk_pool pool;
    (void)argc, (void)argv;
    RK_TRY(rk_pool_create(&pool, NULL, err));
    RK_TRY(rk_pool_map(pool, &map, y, err));
    printf("%g %g %g\n", y[0], y[1], y[2]);
    return rk_pool_destroy(pool, err);
}

int main(int argc, char **argv) {
    return rk_main(argc, argv, root, NULL);
}
