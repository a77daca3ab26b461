/* A kernel made for a later version of the interface. */
#include <rankine/kernel.h>

static int run(rk_task *task, const void *params, void *result) {
    (void)task, (void)params, (void)result;
    return RK_OK;
}

static const rk_kernel from_the_future = {.magic = RK_KERNEL_MAGIC,
                                          .abi = RK_KERNEL_ABI + 1,
                                          .size = sizeof(rk_kernel),
                                          .name = "bad_abi",
                                          .summary = "made for a later version",
                                          .version = "1",
                                          .deterministic = true,
                                          .run = run};

RK_EXPORT const rk_kernel *rankine_kernel(void);
RK_EXPORT const rk_kernel *rankine_kernel(void) {
    return &from_the_future;
}
