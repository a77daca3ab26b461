/* An isolated child of a rank: a program like that of its rank, with a copy of what the rank knows of the world. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "program/program.h"
#include "program/rooms.h"

enum { CODE_NO_START = 127 };

typedef struct facts {
    uint32_t ranks, children, node_ranks, crowded;
    int node, node_count, cores, all_cores, units;
    char host[64], job[40];
    int maps[]; /* node_of_rank[ranks], place_in_node[ranks] */
} facts;

size_t rk__facts_bytes(uint32_t ranks) {
    return sizeof(facts) + 2 * sizeof(int) * ranks;
}

void rk__facts_write(void *arena, const rk__program *program, const rk__mail_place *place) {
    const rk__world *world = &program->world;
    facts *f = rk__arena_area(arena, RK__ROOM_PROGRAM);
    *f = (facts){.ranks = place->ranks,
                 .children = place->children,
                 .node_ranks = place->node_ranks,
                 .crowded = place->crowded,
                 .node = world->node,
                 .node_count = world->node_count,
                 .cores = program->cores,
                 .all_cores = program->all_cores,
                 .units = program->units};
    memcpy(f->host, world->host, sizeof f->host);
    memcpy(f->job, program->job, sizeof f->job);
    memcpy(f->maps, world->node_of_rank, place->ranks * sizeof(int));
    memcpy(f->maps + place->ranks, program->world.place_in_node, place->ranks * sizeof(int));
}

static void read_facts(rk__program *program, facts *f, uint32_t endpoint) {
    uint32_t rank = endpoint % f->ranks;
    program->cores = f->cores;
    program->all_cores = f->all_cores;
    program->units = f->units;
    int *place_in_node = f->maps + f->ranks;
    program->world = (rk__world){.comm = MPI_COMM_NULL,
                                 .node_comm = MPI_COMM_NULL,
                                 .rank = (int)rank,
                                 .size = (int)f->ranks,
                                 .node = f->node,
                                 .node_count = f->node_count,
                                 .node_rank = place_in_node[rank],
                                 .node_size = (int)f->node_ranks,
                                 .node_of_rank = f->maps,
                                 .place_in_node = place_in_node,
                                 .gpu = -1};
    memcpy(program->world.host, f->host, sizeof f->host);
    memcpy(program->job, f->job, sizeof f->job);
}

static void receive(void *ctx, rk__letter *letter) {
    (void)ctx;
    (void)letter;
}

static rk_status make_mail(rk__program *program, const rk__birth *birth, rk_error *err) {
    static const rk__room_ops ops = {receive, NULL, NULL};
    facts *f = rk__arena_area(program->shared.memory, RK__ROOM_PROGRAM);
    read_facts(program, f, birth->endpoint);
    rk__mail_place place = {.endpoint = birth->endpoint,
                            .birth = birth->number,
                            .ranks = f->ranks,
                            .children = f->children,
                            .node_of_rank = program->world.node_of_rank,
                            .place_in_node = program->world.place_in_node,
                            .node_ranks = f->node_ranks,
                            .arena = program->shared.memory,
                            .crowded = f->crowded != 0};
    RK_TRY(rk__mail_create(&program->mail, &place, err));
    rk__mail_attach(program->mail, RK__ROOM_PROGRAM, &ops, program);
    return rk__rooms_attach(program->mail, program->job, err);
}

static rk_status map(rk__program *program, const rk__birth *birth, rk_error *err) {
    void *memory = mmap(NULL, birth->arena_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, birth->arena_fd, 0);
    if (memory == MAP_FAILED)
        return rk__fail(err, RK_ENOMEM, "an isolated process: mapping %llu bytes of shared memory",
                        (unsigned long long)birth->arena_bytes);
    program->shared = (rk__shared){memory, birth->arena_bytes, birth->arena_fd};
    return RK_OK;
}

/* Nothing is taken down: other strands may still run. */
void rk__program_be_child(void *ctx, const rk__birth *birth) {
    rk__program program = {.shared = {.fd = -1}};
    rk_error err = RK_ERROR_INIT;
    (void)ctx;
    if (map(&program, birth, &err) != RK_OK || make_mail(&program, birth, &err) != RK_OK) {
        fprintf(stderr, "rankine: %s\n", err.message);
        _exit(CODE_NO_START);
    }
    int code = rk__process_serve_child(program.mail, birth);
    fflush(NULL);
    _exit(code);
}
