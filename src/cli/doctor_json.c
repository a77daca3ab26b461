#include <stdio.h>

#include "cli/doctor_out.h"

static void add_limit(rk__json *json, const char *key, uint64_t value) {
    if (value == UINT64_MAX)
        rk__json_string(json, key, NULL);
    else
        rk__json_u64(json, key, value);
}

static void add_ranks(rk__json *json, const rk__survey *survey, int node) {
    char cpus[RK__CPUS_TEXT];
    rk__json_begin(json, "ranks", '[');
    for (int rank = 0; rank < survey->ranks; rank++) {
        if (survey->node_of_rank[rank] != node)
            continue;
        rk__json_begin(json, NULL, '{');
        rk__json_i64(json, "rank", rank);
        rk__json_i64(json, "cores", survey->cards[rank].cores);
        rk__json_string(json, "processing_units", rk__cpus_text(&survey->cards[rank], cpus, sizeof cpus));
        rk__json_end(json, '}');
    }
    rk__json_end(json, ']');
}

static void add_place(rk__json *json, const rk__place *place) {
    rk__json_begin(json, "output", '{');
    rk__json_bool(json, "answered", place->answered);
    if (place->answered) {
        rk__json_bool(json, "exists", place->there_errno == 0);
        rk__json_bool(json, "writable", place->there_errno == 0 && place->write_errno == 0);
        rk__json_bool(json, "shared", place->same != 0);
        rk__json_bool(json, "shared_safely", place->shared_safely != 0);
        rk__json_string(json, "file_system", place->filesystem);
        rk__json_u64(json, "free_bytes", place->free_bytes);
    }
    rk__json_end(json, '}');
}

static void add_link(rk__json *json, const rk__link *link) {
    rk__json_bool(json, "tried", link->tried);
    rk__json_bool(json, "reached", link->reached);
    if (!link->reached)
        return;
    rk__json_f64(json, "latency_seconds", link->latency_seconds);
    rk__json_f64(json, "bytes_per_second", link->bytes_per_second);
    rk__json_f64(json, "clock_seconds", link->clock_seconds);
    rk__json_f64(json, "clock_error_seconds", link->clock_error_seconds);
}

static void add_body(rk__json *json, const rk__card *card) {
    rk__json_string(json, "program", card->program);
    rk__json_string(json, "mpi", card->mpi);
    rk__json_string(json, "hdf5", card->hdf5);
    rk__json_i64(json, "cores", card->machine_cores);
    rk__json_u64(json, "memory_bytes", card->memory_bytes);
    rk__json_u64(json, "memory_free_bytes", card->memory_free_bytes);
    rk__json_u64(json, "shm_bytes", card->shm_bytes);
    rk__json_u64(json, "shm_free_bytes", card->shm_free_bytes);
    add_limit(json, "open_files", card->open_files);
    add_limit(json, "locked_bytes", card->locked_bytes);
    rk__json_bool(json, "infiniband", card->infiniband != 0);
}

static void add_node(rk__json *json, const rk__survey *survey, int node) {
    const rk__card *card = &survey->cards[survey->nodes[node].lead];
    char build[24];
    snprintf(build, sizeof build, "%016llx", (unsigned long long)card->build);
    rk__json_begin(json, NULL, '{');
    rk__json_string(json, "host", card->host);
    rk__json_string(json, "rankine", card->rankine);
    rk__json_string(json, "build", build);
    if (rk__card_is_known(card)) {
        add_body(json, card);
        add_ranks(json, survey, node);
        add_place(json, &survey->nodes[node].place);
    }
    if (node > 0) {
        rk__json_begin(json, "from_first", '{');
        add_link(json, &survey->nodes[node].link);
        rk__json_end(json, '}');
    }
    rk__json_end(json, '}');
}

static void add_pair(rk__json *json, const rk__survey *survey, const rk__node_pair *pair) {
    rk__json_begin(json, NULL, '{');
    rk__json_string(json, "from", survey->cards[survey->nodes[pair->a].lead].host);
    rk__json_string(json, "to", survey->cards[survey->nodes[pair->b].lead].host);
    add_link(json, &pair->link);
    rk__json_end(json, '}');
}

static void add_survey(rk__json *json, const rk__survey *survey) {
    rk__json_i64(json, "ranks", survey->ranks);
    rk__json_string(json, "directory", survey->directory);
    rk__json_begin(json, "nodes", '[');
    for (int node = 0; node < survey->node_count; node++)
        add_node(json, survey, node);
    rk__json_end(json, ']');
    rk__json_begin(json, "pairs", '[');
    for (size_t i = 0; i < survey->pair_count; i++)
        add_pair(json, survey, &survey->pairs[i]);
    rk__json_end(json, ']');
}

void rk__doctor_json(rk__json *json, const rk__survey *survey, const rk__findings *findings) {
    if (survey->ranks > 0)
        add_survey(json, survey);
    rk__json_begin(json, "findings", '[');
    for (size_t i = 0; i < findings->count; i++) {
        rk__json_begin(json, NULL, '{');
        rk__json_string(json, "severity", rk__severity_name(findings->items[i].severity));
        rk__json_string(json, "what", findings->items[i].what);
        rk__json_string(json, "remedy", findings->items[i].remedy);
        rk__json_end(json, '}');
    }
    rk__json_end(json, ']');
}
