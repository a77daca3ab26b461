#define RK_KERNEL_LINKED
#include "example.cpp"

#include <rankine/command.h>

int main(int argc, char **argv) {
    const rk_kernel *const kernels[] = {&rk_kernel_mine, nullptr};
    return rk_command_main(argc, argv, kernels);
}
