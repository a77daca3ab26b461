/* The command `rankine`: no kernels linked in, all are found as shared objects. */
#include <rankine/command.h>

#include <stddef.h>

int main(int argc, char **argv) {
    return rk_command_main(argc, argv, NULL);
}
