/* Where tasks run: what they are told, and what the environment says. */
#include <stdlib.h>

#include <rankine/kernel.h>

typedef struct {
    int32_t rank, node_rank, thread, gpu, cuda, cores, listed, omp;
} where_result;

static int number_in(const char *name) {
    const char *text = getenv(name);
    return text != NULL ? atoi(text) : -1;
}

static int where(rk_task *task, const void *params, void *result) {
    const rk_place *place = task->place;
    where_result *r = result;
    (void)params;
    r->rank = place->rank;
    r->node_rank = place->node_rank;
    r->thread = place->thread;
    r->gpu = place->gpu;
    r->cuda = number_in("CUDA_VISIBLE_DEVICES");
    r->cores = place->cores;
    r->listed = place->core_list != NULL;
    r->omp = number_in("OMP_NUM_THREADS");
    return RK_OK;
}

#define FIELD(name) RK_OUTPUT(where_result, name, RK_I32, "1", #name)
RK_KERNEL(where, .summary = "says where it runs", .version = "1", .deterministic = false,
          .outputs = {FIELD(rank), FIELD(node_rank), FIELD(thread), FIELD(gpu), FIELD(cuda), FIELD(cores),
                      FIELD(listed), FIELD(omp)},
          .run = where, .thread_safe = true)
