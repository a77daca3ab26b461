/* Which GPU is whose: the node's GPUs are dealt to its ranks in turn. The driver's own variable tells a program which
 * one it sees; what the user or the batch system has set for it goes first. */
#include <hwloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world/world.h"

typedef struct vendor {
    const char *prefix;   /* of the device's name in hwloc */
    const char *variable; /* that chooses among the devices */
} vendor;

static const vendor vendors[] = {
    {"cuda", "CUDA_VISIBLE_DEVICES"}, {"nvml", "CUDA_VISIBLE_DEVICES"}, {"rsmi", "ROCR_VISIBLE_DEVICES"}};
enum { VENDOR_COUNT = sizeof vendors / sizeof *vendors };

static int count_devices(hwloc_topology_t topology, const char *prefix) {
    int count = 0;
    hwloc_obj_t device = NULL;
    while ((device = hwloc_get_next_osdev(topology, device)) != NULL)
        count += device->name != NULL && strncmp(device->name, prefix, strlen(prefix)) == 0;
    return count;
}

/* The first kind that is there: a node has GPUs of one vendor. */
static int find_devices(const vendor **found) {
    hwloc_topology_t topology;
    int count = 0;
    if (hwloc_topology_init(&topology) != 0)
        return 0;
    hwloc_topology_set_io_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
    if (hwloc_topology_load(topology) == 0)
        for (size_t i = 0; count == 0 && i < VENDOR_COUNT; i++) {
            count = count_devices(topology, vendors[i].prefix);
            *found = &vendors[i];
        }
    hwloc_topology_destroy(topology);
    return count;
}

int rk__world_choose_gpu(int node_rank) {
    const vendor *found = NULL;
    char number[16];
    int count = find_devices(&found);
    if (count == 0)
        return -1;
    snprintf(number, sizeof number, "%d", node_rank % count);
    setenv(found->variable, number, 0);
    return node_rank % count;
}
