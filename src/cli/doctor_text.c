#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/display.h"
#include "cli/doctor_out.h"
#include "cli/jsonout.h"
#include "cli/table.h"

enum { FINDINGS_SHOWN = 40, CELL = 48 };

static const rk__card *lead_of(const rk__survey *survey, int node) {
    return &survey->cards[survey->nodes[node].lead];
}

/* ---- nodes ---- */

static void add_head(rk__text *out, const rk__survey *survey) {
    const rk__card *root = &survey->cards[0];
    char nodes[40], ranks[40], line[320];
    snprintf(line, sizeof line, "%s, %s, Rankine %s (build %08x), %s, HDF5 %s",
             rk__display_number_of((uint64_t)survey->node_count, "node", nodes, sizeof nodes),
             rk__display_number_of((uint64_t)survey->ranks, "rank", ranks, sizeof ranks), root->rankine,
             (unsigned)(root->build >> 32), root->mpi, root->hdf5);
    rk__table_wrap(out, line, 0, 2, RK__DISPLAY_COLUMNS);
    rk__text_add(out, "\n");
}

/* The cores of each rank, or that all may use all. */
static void add_binding(const rk__survey *survey, int node, rk__text *out) {
    char cpus[RK__CPUS_TEXT];
    const rk__card *lead = lead_of(survey, node);
    bool alike = true;
    for (int rank = 0; rank < survey->ranks; rank++)
        if (survey->node_of_rank[rank] == node)
            alike = alike && memcmp(survey->cards[rank].cpus, lead->cpus, sizeof lead->cpus) == 0;
    if (alike && lead->cores >= lead->machine_cores) {
        rk__text_add(out, "not bound");
        return;
    }
    for (int rank = 0; rank < survey->ranks; rank++)
        if (survey->node_of_rank[rank] == node)
            rk__text_add(out, "%s%s", out->length > 0 ? " | " : "",
                         rk__cpus_text(&survey->cards[rank], cpus, sizeof cpus));
}

static void add_node(rk__table *table, const rk__survey *survey, int node) {
    const rk__card *card = lead_of(survey, node);
    char ranks[16], cores[16], free_memory[CELL], shm[CELL], files[CELL];
    rk__text bound = RK__TEXT_INIT;
    snprintf(ranks, sizeof ranks, "%d", survey->nodes[node].ranks);
    if (!rk__card_is_known(card)) {
        rk__table_row(table, (const char *const[]){card->host, ranks, "", "", "", "", "another build: not examined"});
        return;
    }
    snprintf(cores, sizeof cores, "%" PRId32, card->machine_cores);
    rk__format_bytes(card->memory_free_bytes, free_memory, sizeof free_memory);
    rk__format_bytes(card->shm_free_bytes, shm, sizeof shm);
    if (card->open_files == UINT64_MAX)
        snprintf(files, sizeof files, "any");
    else
        snprintf(files, sizeof files, "%" PRIu64, card->open_files);
    add_binding(survey, node, &bound);
    rk__table_row(table,
                  (const char *const[]){card->host, ranks, cores, free_memory, shm, files, rk__text_get(&bound)});
    rk__text_fini(&bound);
}

static void add_nodes(rk__text *out, const rk__survey *survey) {
    rk__table table;
    rk__table_init(&table, 7);
    rk__table_row(&table, (const char *const[]){"node", "ranks", "cores", "free memory", "/dev/shm", "open files",
                                                "cores of each rank"});
    for (int node = 0; node < survey->node_count; node++)
        add_node(&table, survey, node);
    rk__table_print(&table, out);
}

/* ---- the output directory ---- */

static const char *say_place(const rk__place *place, bool root, const char *root_host, char *buffer, size_t size) {
    if (!place->answered)
        return "not examined";
    if (place->there_errno != 0)
        return rk__errno_text(place->there_errno);
    const char *whose = root || place->same ? "" : "its own, ";
    if (place->write_errno != 0)
        snprintf(buffer, size, "%scannot be written: %s", whose, rk__errno_text(place->write_errno));
    else if (root)
        snprintf(buffer, size, "can be written");
    else if (!place->same)
        snprintf(buffer, size, "its own, not that of %s", root_host);
    else
        snprintf(buffer, size, "the same as on %s%s", root_host, place->shared_safely ? "" : "; results go by message");
    return buffer;
}

static void add_places(rk__text *out, const rk__survey *survey) {
    rk__table table;
    rk__table_init(&table, 4);
    rk__table_row(&table, (const char *const[]){"node", "file system", "free", "output directory"});
    for (int node = 0; node < survey->node_count; node++) {
        const rk__place *place = &survey->nodes[node].place;
        char room[CELL] = "", state[160];
        if (place->answered && place->there_errno == 0)
            rk__format_bytes(place->free_bytes, room, sizeof room);
        rk__table_row(&table,
                      (const char *const[]){lead_of(survey, node)->host, place->filesystem, room,
                                            say_place(place, node == 0, survey->cards[0].host, state, sizeof state)});
    }
    rk__text_add(out, "\nOutput directory: %s\n", survey->directory);
    rk__table_print(&table, out);
}

/* ---- network ---- */

static void format_link(const rk__link *link, char *latency, char *bandwidth, char *clock) {
    snprintf(latency, CELL,
             link->reached ? "%.0f us"
             : link->tried ? "not reached"
                           : "not tried",
             link->latency_seconds * 1e6);
    *bandwidth = *clock = '\0';
    if (link->bytes_per_second > 0)
        snprintf(bandwidth, CELL, "%.0f MB/s", link->bytes_per_second / 1e6);
    if (link->reached)
        snprintf(clock, CELL, "%+.3f ms, within %.3f ms", link->clock_seconds * 1e3, link->clock_error_seconds * 1e3);
}

/* The slowest and the fastest of those that were reached. */
static void add_pairs(rk__text *out, const rk__survey *survey) {
    double quick = 1e9, slow = 0, narrow = 1e18, wide = 0;
    size_t reached = 0;
    for (size_t i = 0; i < survey->pair_count; i++) {
        const rk__link *link = &survey->pairs[i].link;
        if (!link->reached)
            continue;
        reached++;
        quick = link->latency_seconds < quick ? link->latency_seconds : quick;
        slow = link->latency_seconds > slow ? link->latency_seconds : slow;
        narrow = link->bytes_per_second < narrow ? link->bytes_per_second : narrow;
        wide = link->bytes_per_second > wide ? link->bytes_per_second : wide;
    }
    if (reached > 0)
        rk__text_add(out, "  among the others: %zu of %zu pairs reached, %.0f to %.0f us, %.0f to %.0f MB/s\n", reached,
                     survey->pair_count, quick * 1e6, slow * 1e6, narrow / 1e6, wide / 1e6);
}

static void add_links(rk__text *out, const rk__survey *survey) {
    rk__table table;
    char heading[RK__HOST_MAX + 8];
    if (survey->node_count < 2)
        return;
    snprintf(heading, sizeof heading, "%s to", survey->cards[0].host);
    rk__table_init(&table, 4);
    rk__table_row(&table, (const char *const[]){heading, "latency", "bandwidth", "its clock is ahead by"});
    for (int node = 1; node < survey->node_count; node++) {
        char latency[CELL], bandwidth[CELL], clock[CELL];
        format_link(&survey->nodes[node].link, latency, bandwidth, clock);
        rk__table_row(&table, (const char *const[]){lead_of(survey, node)->host, latency, bandwidth, clock});
    }
    rk__text_add(out, "\nNetwork:\n");
    rk__table_print(&table, out);
    add_pairs(out, survey);
}

/* ---- findings ---- */

static void add_finding(rk__text *out, const rk__finding *finding) {
    const char *name = rk__severity_name(finding->severity);
    rk__text_add(out, "%s: ", name);
    size_t at = strlen(name) + 2;
    rk__table_wrap(out, finding->what, at, 4, RK__DISPLAY_COLUMNS);
    if (*finding->remedy != '\0') {
        rk__text_add(out, "    ");
        rk__table_wrap(out, finding->remedy, 4, 4, RK__DISPLAY_COLUMNS);
    }
}

static void add_findings(rk__text *out, const rk__findings *findings) {
    size_t wrong = rk__findings_wrong(findings);
    if (wrong == 0)
        rk__text_add(out, "Nothing is wrong.\n");
    for (size_t i = 0; i < findings->count && i < FINDINGS_SHOWN; i++)
        add_finding(out, &findings->items[i]);
    if (findings->count > FINDINGS_SHOWN)
        rk__text_add(out, "and %zu more (all of them: --json)\n", findings->count - FINDINGS_SHOWN);
}

void rk__doctor_text(rk__text *out, const rk__survey *survey, const rk__findings *findings) {
    if (survey->ranks > 0) {
        add_head(out, survey);
        add_nodes(out, survey);
        add_places(out, survey);
        add_links(out, survey);
        rk__text_add(out, "\n");
    }
    add_findings(out, findings);
}

int rk__doctor_say(const rk__cli *cli, const rk__survey *survey, const rk__findings *findings) {
    int code = rk__findings_wrong(findings) > 0 || findings->failed ? RK_EXIT_ERROR : RK_EXIT_OK;
    if (cli->arguments.json) {
        rk__json json = {0};
        rk__jsonout_begin(&json, code);
        rk__doctor_json(&json, survey, findings);
        return rk__jsonout_print(&json, code);
    }
    rk__text out = RK__TEXT_INIT;
    rk__doctor_text(&out, survey, findings);
    return rk__cli_print(&out, code);
}
