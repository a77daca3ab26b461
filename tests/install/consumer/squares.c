#define RK_KERNEL_LINKED
#include <rankine/command.h>
#include <rankine/kernel.h>

typedef struct {
    double x;
} params;
typedef struct {
    double y;
} result;

static int square(rk_task *task, const void *from, void *to) {
    const params *p = from;
    (void)task;
    ((result *)to)->y = p->x * p->x;
    return RK_OK;
}

RK_KERNEL(squares, .summary = "sum of squares", .version = "1", .deterministic = true,
          .params = {RK_PARAM(params, x, RK_F64, "1", "1", "a number")},
          .outputs = {RK_OUTPUT(result, y, RK_F64, "1", "its square")}, .reduce = {RK_REDUCE("sum", RK_SUM, y)},
          .run = square)

int main(int argc, char **argv) {
    const rk_kernel *const kernels[] = {&rk_kernel_squares, NULL};
    return rk_command_main(argc, argv, kernels);
}
