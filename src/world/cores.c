#include <hwloc.h>
#include <string.h>

#include "world/world.h"

/* PUs this process may run on: what the machine allows, less where we are bound away from. */
static hwloc_cpuset_t usable_pus(hwloc_topology_t topology) {
    hwloc_cpuset_t usable = hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(topology));
    hwloc_cpuset_t bound = hwloc_bitmap_alloc();
    if (usable != NULL && bound != NULL && hwloc_get_cpubind(topology, bound, HWLOC_CPUBIND_PROCESS) == 0 &&
        hwloc_bitmap_intersects(usable, bound))
        hwloc_bitmap_and(usable, usable, bound);
    hwloc_bitmap_free(bound);
    return usable;
}

static int count_cores(hwloc_topology_t topology, hwloc_cpuset_t usable) {
    if (usable == NULL)
        return 0;
    int count = 0;
    hwloc_obj_t core = NULL;
    while ((core = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_CORE, core)) != NULL)
        count += hwloc_bitmap_intersects(core->cpuset, usable);
    if (count == 0) /* a machine that does not tell its cores */
        count = hwloc_bitmap_weight(usable);
    return count;
}

static int cores_of(hwloc_cpuset_t (*pus)(hwloc_topology_t)) {
    hwloc_topology_t topology;
    if (hwloc_topology_init(&topology) != 0)
        return 1;
    int count = 0;
    if (hwloc_topology_load(topology) == 0) {
        hwloc_cpuset_t usable = pus(topology);
        count = count_cores(topology, usable);
        hwloc_bitmap_free(usable);
    }
    hwloc_topology_destroy(topology);
    return count > 0 ? count : 1;
}

int rk__world_cores(void) {
    return cores_of(usable_pus);
}

static hwloc_cpuset_t allowed_pus(hwloc_topology_t topology) {
    return hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(topology));
}

int rk__world_machine_cores(void) {
    return cores_of(allowed_pus);
}

static rk_status list_pus(hwloc_topology_t topology, int **list, int *count, rk_error *err) {
    hwloc_cpuset_t usable = usable_pus(topology);
    int number = usable != NULL ? hwloc_bitmap_weight(usable) : 0;
    rk_status status = number > 0 ? rk__alloc((void **)list, (size_t)number, sizeof **list, "cores", err) : RK_OK;
    for (int pu = -1; status == RK_OK && *count < number;)
        (*list)[(*count)++] = pu = hwloc_bitmap_next(usable, pu);
    hwloc_bitmap_free(usable);
    return status;
}

rk_status rk__world_core_list(int **list, int *count, rk_error *err) {
    hwloc_topology_t topology;
    *list = NULL;
    *count = 0;
    if (hwloc_topology_init(&topology) != 0)
        return RK_OK;
    rk_status status = hwloc_topology_load(topology) == 0 ? list_pus(topology, list, count, err) : RK_OK;
    hwloc_topology_destroy(topology);
    return status;
}
