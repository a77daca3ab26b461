/* Rank 0's part: cards, places, links, the end. Each step has a bound of its own, the whole has BUDGET_NS: what is left
 * then counts as not tried. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor/doctor_private.h"

#define CARDS_NS  (10 * RK__DOCTOR_SECOND)
#define PLACES_NS (10 * RK__DOCTOR_SECOND)
#define BUDGET_NS (45 * RK__DOCTOR_SECOND)
enum { ROUNDS_MAX = 31, CARD_ROOM = 8192 };

typedef struct survey_run {
    rk__survey *survey;
    int tag; /* of the latest order */
    uint64_t nonce[2];
    uint64_t end_ns;
} survey_run;

void rk__service_name(int rank, char name[RK__SERVICE_MAX]) {
    snprintf(name, RK__SERVICE_MAX, "rankine-doctor-%d", rank);
}

/* ---- orders ---- */

static int new_tag(survey_run *run) {
    return ++run->tag;
}

static bool give_order(int to, rk__order *order) {
    return rk__wire_send(order, sizeof *order, to, RK__DOCTOR_TAG_ORDER, rk__clock_ns() + RK__DOCTOR_SECOND);
}

static bool give(int to, rk__order_kind kind, int tag, int peer) {
    rk__order order = {.kind = kind, .tag = tag, .peer = peer};
    return give_order(to, &order);
}

/* ---- cards ---- */

static void take_card(survey_run *run, const void *bytes, size_t size, int rank) {
    rk__card *card = &run->survey->cards[rank];
    *card = (rk__card){0};
    memcpy(card, bytes, size < sizeof *card ? size : sizeof *card);
    if (size != sizeof *card)
        card->version = 0; /* the head is as ever */
    card->host[sizeof card->host - 1] = '\0';
    run->survey->heard[rank] = true;
    give(rank, RK__ORDER_WELCOME, 0, 0);
}

static void collect_cards(survey_run *run) {
    uint64_t deadline = rk__clock_ns() + CARDS_NS;
    unsigned char room[CARD_ROOM];
    size_t size;
    int from;
    rk__card_write(&run->survey->cards[0]);
    run->survey->heard[0] = true;
    for (int missing = run->survey->ranks - 1; missing > 0; missing--) {
        if (!rk__wire_receive(room, sizeof room, MPI_ANY_SOURCE, RK__DOCTOR_TAG_CARD, deadline, &size, &from))
            return;
        take_card(run, room, size, from);
    }
}

/* Those that were not heard have told the name service where they are, if they live. */
static void look_up_the_absent(rk__survey *survey) {
    for (int rank = 0; rank < survey->ranks; rank++) {
        char service[RK__SERVICE_MAX], port[MPI_MAX_PORT_NAME] = "";
        if (survey->heard[rank])
            continue;
        rk__service_name(rank, service);
        if (MPI_Lookup_name(service, MPI_INFO_NULL, port) == MPI_SUCCESS)
            snprintf(survey->absent[rank], RK__HOST_MAX, "%.*s", RK__HOST_MAX - 1, port);
    }
}

static bool is_heard_from(const rk__survey *survey, const char *host, size_t length) {
    const char *at = memchr(host, '@', length); /* user@host */
    size_t user = at != NULL ? (size_t)(at + 1 - host) : 0;
    for (int rank = 0; rank < survey->ranks; rank++) {
        const char *name = survey->cards[rank].host;
        size_t part = strcspn(name, ".");
        if (survey->heard[rank] && part == strcspn(host + user, ". ") && strncmp(name, host + user, part) == 0)
            return true;
    }
    return false;
}

/* Where nothing came from of those we were told of: there the others must be. */
static void guess_the_absent(rk__survey *survey, const char *hosts) {
    rk__text silent = RK__TEXT_INIT;
    for (const char *host = hosts; host != NULL && *host != '\0';) {
        size_t length = strcspn(host, " ");
        if (length > 0 && !is_heard_from(survey, host, length))
            rk__text_add(&silent, "%s%.*s", silent.length > 0 ? " or " : "", (int)length, host);
        host += length + (host[length] == ' ');
    }
    for (int rank = 0; rank < survey->ranks; rank++)
        if (!survey->heard[rank] && *survey->absent[rank] == '\0')
            snprintf(survey->absent[rank], RK__HOST_MAX, "%s", rk__text_get(&silent));
    rk__text_fini(&silent);
}

/* ---- nodes ---- */

static bool is_same_node(const rk__card *a, const rk__card *b) {
    return strcmp(a->host, b->host) == 0 && strcmp(a->machine, b->machine) == 0;
}

static void sort_into_nodes(rk__survey *survey) {
    for (int rank = 0; rank < survey->ranks; rank++) {
        int node = 0;
        survey->node_of_rank[rank] = -1;
        if (!survey->heard[rank])
            continue;
        while (node < survey->node_count &&
               !is_same_node(&survey->cards[rank], &survey->cards[survey->nodes[node].lead]))
            node++;
        if (node == survey->node_count)
            survey->nodes[survey->node_count++] = (rk__doctor_node){.lead = rank};
        survey->nodes[node].ranks++;
        survey->node_of_rank[rank] = node;
    }
}

/* May its lead be ordered about? */
static bool obeys(const rk__survey *survey, int node) {
    return rk__card_is_known(&survey->cards[survey->nodes[node].lead]);
}

/* ---- places ---- */

static void order_places(survey_run *run, int tag) {
    rk__survey *survey = run->survey;
    rk__order order = {.kind = RK__ORDER_PLACE, .tag = tag, .nonce = {run->nonce[0], run->nonce[1]}};
    memcpy(order.directory, survey->directory, sizeof order.directory);
    for (int node = 1; node < survey->node_count; node++)
        if (obeys(survey, node))
            give_order(survey->nodes[node].lead, &order);
}

static void survey_places(survey_run *run) {
    rk__survey *survey = run->survey;
    int tag = new_tag(run);
    rk__place_mark(survey->directory, run->nonce);
    order_places(run, tag);
    rk__place_look(survey->directory, run->nonce, 0, &survey->nodes[0].place);
    uint64_t deadline = rk__clock_ns() + PLACES_NS;
    for (int node = 1; node < survey->node_count; node++)
        if (obeys(survey, node))
            rk__wire_receive(&survey->nodes[node].place, sizeof(rk__place), survey->nodes[node].lead, tag, deadline,
                             NULL, NULL);
    rk__place_unmark(survey->directory, run->nonce);
}

/* ---- links ---- */

static void survey_links(survey_run *run) {
    rk__survey *survey = run->survey;
    for (int node = 1; node < survey->node_count && rk__clock_ns() < run->end_ns; node++) {
        int tag = new_tag(run), lead = survey->nodes[node].lead;
        if (obeys(survey, node) && give(lead, RK__ORDER_ECHO, tag, 0))
            rk__link_probe(lead, tag, &survey->nodes[node].link);
    }
}

/* Nodes that rank 0 reaches and may order about. */
static int list_players(const rk__survey *survey, int *players) {
    int count = 0;
    for (int node = 1; node < survey->node_count; node++)
        if (survey->nodes[node].link.reached)
            players[count++] = node;
    return count;
}

static void order_pair(survey_run *run, int a, int b) {
    rk__survey *survey = run->survey;
    rk__node_pair *pair = &survey->pairs[survey->pair_count++];
    int first = survey->nodes[a].lead, second = survey->nodes[b].lead, tag = new_tag(run);
    *pair = (rk__node_pair){.a = a, .b = b, .link.tried = true};
    give(second, RK__ORDER_ECHO, tag, first);
    give(first, RK__ORDER_PROBE, tag, second);
}

/* A round of a tournament, all games at once: the players stand in a ring of `size` places (the last is empty, if they
 * are odd in number), one stays, the others move on (Lucas, Recreations mathematiques, 1883). */
static void play_round(survey_run *run, const int *players, int count, int round) {
    int size = count + count % 2, first_tag = run->tag + 1;
    size_t first = run->survey->pair_count;
    for (int i = 0; i < size / 2; i++) {
        int a = i == 0 ? size - 1 : (round + i) % (size - 1), b = (round + size - 1 - i) % (size - 1);
        if (a < count && b < count)
            order_pair(run, players[a], players[b]);
    }
    uint64_t deadline = rk__clock_ns() + 2 * RK__LINK_NS;
    for (size_t i = first; i < run->survey->pair_count; i++) {
        rk__node_pair *pair = &run->survey->pairs[i];
        rk__wire_receive(&pair->link, sizeof pair->link, run->survey->nodes[pair->a].lead, first_tag + (int)(i - first),
                         deadline, NULL, NULL);
    }
}

static void survey_pairs(survey_run *run) {
    rk__survey *survey = run->survey;
    int *players = NULL;
    size_t nodes = (size_t)survey->node_count;
    if (rk__alloc((void **)&players, nodes, sizeof *players, "nodes", NULL) != RK_OK)
        return;
    int count = list_players(survey, players), rounds = count + count % 2 - 1;
    rounds = rounds < ROUNDS_MAX ? rounds : ROUNDS_MAX;
    if (count > 1 &&
        rk__alloc((void **)&survey->pairs, (size_t)rounds * (nodes / 2), sizeof *survey->pairs, "pairs", NULL) == RK_OK)
        for (int round = 0; round < rounds && rk__clock_ns() < run->end_ns; round++)
            play_round(run, players, count, round);
    free(players);
}

/* ---- the whole ---- */

static void let_go(rk__survey *survey) {
    for (int rank = 1; rank < survey->ranks; rank++)
        if (survey->heard[rank])
            give(rank, RK__ORDER_END, 0, 0);
}

rk_status rk__survey_create(rk__survey *survey, int ranks, rk_error *err) {
    *survey = (rk__survey){.ranks = ranks};
    size_t count = (size_t)ranks;
    RK_TRY(rk__alloc((void **)&survey->cards, count, sizeof *survey->cards, "cards", err));
    RK_TRY(rk__alloc((void **)&survey->heard, count, sizeof *survey->heard, "cards", err));
    RK_TRY(rk__alloc((void **)&survey->absent, count, sizeof *survey->absent, "names of hosts", err));
    RK_TRY(rk__alloc((void **)&survey->node_of_rank, count, sizeof *survey->node_of_rank, "the map of nodes", err));
    return rk__alloc((void **)&survey->nodes, count, sizeof *survey->nodes, "nodes", err);
}

rk_status rk__survey_take(rk__survey *survey, const char *output, const char *hosts, rk_error *err) {
    survey_run run = {.survey = survey, .tag = RK__DOCTOR_TAG_FIRST, .end_ns = rk__clock_ns() + BUDGET_NS};
    run.nonce[0] = rk__wall_ns();
    run.nonce[1] = run.nonce[0] ^ ((uint64_t)getpid() << 32);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    collect_cards(&run);
    sort_into_nodes(survey);
    look_up_the_absent(survey);
    guess_the_absent(survey, hosts);
    rk_status status = rk__place_directory(output, survey->directory, sizeof survey->directory, err);
    if (status == RK_OK) {
        survey_places(&run);
        survey_links(&run);
        survey_pairs(&run);
    }
    let_go(survey);
    return status;
}

bool rk__survey_is_whole(const rk__survey *survey) {
    for (int rank = 0; rank < survey->ranks; rank++)
        if (!survey->heard[rank])
            return false;
    return true;
}

void rk__survey_fini(rk__survey *survey) {
    free(survey->cards);
    free(survey->heard);
    free(survey->absent);
    free(survey->node_of_rank);
    free(survey->nodes);
    free(survey->pairs);
    *survey = (rk__survey){0};
}
