/* Where the caller is. */
#include <stdlib.h>

#include "program/program.h"

static const rk__program *enter(rk__mail **mail) {
    *mail = rk__enter(NULL);
    return *mail != NULL ? rk__mail_room(*mail, RK__ROOM_PROGRAM) : NULL;
}

#define ASK(expression, otherwise)                                                                                     \
    rk__mail *mail;                                                                                                    \
    const rk__program *program = enter(&mail);                                                                         \
    int found = program != NULL ? (expression) : (otherwise);                                                          \
    if (mail != NULL)                                                                                                  \
        rk__leave(mail);                                                                                               \
    return found

int rk_rank(void) {
    ASK(program->world.rank, -1);
}

int rk_size(void) {
    ASK(program->world.size, -1);
}

int rk_node(void) {
    ASK(program->world.node, -1);
}

int rk_node_count(void) {
    ASK(program->world.node_count, -1);
}

int rk_node_cpu_count(void) {
    ASK(program->cores, -1);
}

int rk_cpu_count(void) {
    ASK(program->all_cores, -1);
}

const char *rk_host(void) {
    rk__mail *mail;
    const rk__program *program = enter(&mail);
    if (mail != NULL)
        rk__leave(mail);
    return program != NULL ? program->world.host : "";
}

int rk_affinity(int *units, int max) {
    int *list = NULL, count = 0;
    if (rk__world_core_list(&list, &count, NULL) != RK_OK)
        return -1;
    for (int i = 0; i < count && i < max; i++)
        units[i] = list[i];
    free(list);
    return count;
}
