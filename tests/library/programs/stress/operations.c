#include "stress.h"

static const named_operation operations[] = {
    {"put or send a parcel", put_parcel, 16},
    {"get or receive a parcel", get_parcel, 20},
    {"look at channels", look_at_channels, 5},
    {"change the lock's pair", change_pair_locked, 6},
    {"change the rlock's pair", change_pair_rlocked, 6},
    {"go through a semaphore", go_inside, 6},
    {"produce", produce, 5},
    {"consume", consume, 6},
    {"touch an event", touch_event, 5},
    {"meet at a barrier", meet_at_barrier, 6},
    {"add to a value", add_to_value, 5},
    {"compare and swap", swap_value, 5},
    {"exchange tokens", exchange_token, 4},
    {"add to an element", add_to_element, 5},
    {"use memory", use_memory, 5},
    {"use texts", use_texts, 5},
    {"count in a dictionary", count_in_dict, 6},
    {"tokens by a dictionary", token_by_dict, 6},
    {"tokens by a list", token_by_list, 6},
    {"use names", use_names, 4},
    {"run a process", run_a_process, 2},
    {"run a pool", run_a_pool, 1},
    {"be flooded", be_flooded, 1},
    {"make or destroy a brief object", make_or_end_brief, 5},
    {"use another's brief object", use_brief, 8},
    {"gather all ranks", gather_all_ranks, 1},
    {"wait for several", wait_for_several, 6},
    {"log a line", log_a_line, 6},
};

const named_operation *any_operation(uint64_t *random) {
    enum { COUNT = sizeof operations / sizeof *operations };
    int all = 0;
    for (int i = 0; i < COUNT; i++)
        all += operations[i].weight;
    int which = (int)below(random, (uint64_t)all), i = 0;
    while (which >= operations[i].weight)
        which -= operations[i++].weight;
    return &operations[i];
}
