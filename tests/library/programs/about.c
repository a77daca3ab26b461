/* Says where root is; `fail` fails, `wait` waits for a line on stdin first. */
#include <stdio.h>
#include <string.h>

#include <rankine/program.h>

static rk_status fail(rk_error *err) {
    err->code = RK_EINVAL;
    snprintf(err->message, sizeof err->message, "the moon is full");
    return RK_EINVAL;
}

static rk_status root(int argc, char **argv, rk_error *err) {
    char line[16];
    int units[1024];
    if (argc > 1 && strcmp(argv[1], "fail") == 0)
        return fail(err);
    if (argc > 1 && strcmp(argv[1], "wait") == 0) {
        printf("waiting\n");
        fflush(stdout);
        if (fgets(line, sizeof line, stdin) == NULL)
            return fail(err);
    }
    printf("rank %d of %d, node %d of %d, cores %d of %d, may use %d, host %s\n", rk_rank(), rk_size(), rk_node(),
           rk_node_count(), rk_node_cpu_count(), rk_cpu_count(), rk_affinity(units, 1024), rk_host());
    return RK_OK;
}

int main(int argc, char **argv) {
    if (rk_rank() != -1) /* nobody's thread yet */
        return 3;
    return rk_main(argc, argv, root, NULL);
}
