/* The agent of a node, and what rank 0 answers: who computes which blocks, and what becomes of those of the dead.
 *
 * An agent has at most one question under way; rank 0 answers each at once, also when nothing is left. Answers come as
 * letters, which the mail's own thread handles: also while a task keeps this rank busy. All of this is done with the
 * crew's lock. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rankine/command.h>

#include "run/crew.h"

#define ASK_EVERY_NS UINT64_C(100000000) /* counts for progress */
#define ASK_AGAIN_NS UINT64_C(5000000000)
#define MARKS_AGE_NS UINT64_C(500000000) /* marks come every few seconds */
enum { LINE_MAX_BYTES = 400 };

/* ---- the node's side ---- */

static void set_phase(rk__window *window, uint32_t phase) {
    if (atomic_load_explicit(&window->phase, memory_order_relaxed) < phase)
        atomic_store_explicit(&window->phase, phase, memory_order_release);
}

static void take_answer(rk__session_run *session, const rk__span_answer *answer) {
    rk__window *window = session->segment.window;
    if (answer->count > 0)
        rk__window_give(window, answer->first, answer->count, answer->number, answer->again != 0);
    if (answer->drain)
        atomic_store(&window->drain, 1);
    set_phase(window, answer->phase);
}

static void write_question(rk__session_run *session, rk__ask *ask) {
    rk__window *window = session->segment.window;
    bool ended = atomic_load(&window->phase) == RK__PHASE_END;
    *ask = (rk__ask){.node = (uint32_t)session->world->node,
                     .wants = !ended && rk__window_wants(window),
                     .finished = rk__window_is_finished(window),
                     .drain = atomic_load(&window->drain),
                     .term = atomic_load(&window->term),
                     .taken = atomic_load(&window->taken),
                     .counts = rk__window_count(window)};
}

static void ask_directly(rk__session_run *session, uint64_t now) {
    rk__ask ask;
    rk__span_answer answer;
    write_question(session, &ask);
    rk__ledger_answer(&session->ledger, &ask, now, &answer);
    take_answer(session, &answer);
}

/* What is wanted and not to be had is asked for again as often as counts are told at the end. A question whose answer
 * does not come is asked again: rank 0 may have had no memory for it. */
static void ask_by_letter(rk__session_run *session, uint64_t now) {
    rk__agent *own = &session->agent;
    rk__ask ask;
    write_question(session, &ask);
    bool ended = atomic_load(&session->segment.window->phase) == RK__PHASE_END;
    bool all_given = atomic_load(&session->segment.window->phase) == RK__PHASE_LAST;
    bool news = (ask.wants && !all_given) || ask.finished != own->question.finished || ask.drain != own->question.drain;
    uint64_t every_ns = ask.finished || ask.wants ? ASK_EVERY_NS / 10 : ASK_EVERY_NS;
    bool waits = own->asked && now - own->asked_ns < ASK_AGAIN_NS;
    if (waits || ended || (!news && now - own->asked_ns < every_ns))
        return;
    own->question = ask;
    own->asked = true;
    own->asked_ns = now;
    rk__crew_send(session->crew, 0, RK__CREW_ASK, &ask, sizeof ask);
}

static void hear_answer(rk__session_run *session, const rk__letter *letter) {
    rk__span_answer answer;
    if (letter->size != sizeof answer || !session->agent.asked)
        return;
    memcpy(&answer, letter->bytes, sizeof answer);
    session->agent.asked = false;
    take_answer(session, &answer);
}

/* ---- the dead of the node ---- */

/* Those that some process may still claim for are left to a later look: a worker ends some moments after its rank. */
static bool bury_claimers(rk__session_run *session, int rank) {
    rk__window *window = session->segment.window;
    uint32_t first, count = rk__session_claimers(session, rank, &first);
    bool all = true;
    for (uint32_t i = first; i < first + count; i++) {
        const rk__claimer_line *line = rk__window_line(window, i);
        uint32_t worker = atomic_load(&line->worker);
        bool buried = atomic_load(&line->state) == RK__CLAIMER_DEAD;
        if (!buried && (worker == 0 || !rk__is_alive((long)worker)))
            rk__window_bury(window, i);
        else
            all = all && buried;
    }
    return all;
}

static void bury_neighbours(rk__session_run *session) {
    const rk__world *world = session->world;
    bool all = true;
    for (int rank = 0; rank < world->size; rank++)
        if (world->node_of_rank[rank] == world->node && rk__crew_has_lost(session->crew, rank))
            all = bury_claimers(session, rank) && all;
    session->agent.buried = all ? rk__crew_losses(session->crew) : 0;
}

/* A kernel that ends its process ends the run: it would do so with the next one that has the task. */
static bool has_crashed(const rk__session_run *session) {
    return atomic_load(&session->segment.window->crashed) != 0;
}

/* The first one of a node is its agent from the beginning; another when all before it have died. */
static void take_over(rk__session_run *session) {
    if (!rk__crew_is_agent(session->crew))
        return;
    session->agent.is = true;
    if (session->world->node_rank > 0) {
        rk__window_inherit(session->segment.window);
        rk__crew_tune(session->crew, true);
    }
}

static void tend_node(rk__session_run *session, uint64_t now) {
    rk__window *window = session->segment.window;
    if (session->agent.buried != rk__crew_losses(session->crew))
        bury_neighbours(session);
    if (has_crashed(session))
        atomic_store(&window->drain, 1);
    rk__search_tick(&session->agent.search, window, now);
}

/* ---- rank 0's side ---- */

static void answer_agent(rk__session_run *session, const rk__letter *letter) {
    rk__ask ask;
    rk__span_answer answer;
    if (letter->size != sizeof ask)
        return;
    memcpy(&ask, letter->bytes, sizeof ask);
    if (ask.node >= (uint32_t)session->world->node_count)
        return;
    rk__ledger_answer(&session->ledger, &ask, rk__clock_ns(), &answer);
    rk__crew_send(session->crew, (int)letter->from, RK__CREW_SPAN, &answer, sizeof answer);
}

static bool is_node_lost(const rk__session_run *session, int node) {
    const rk__world *world = session->world;
    for (int rank = world->node_leader[node]; rank < world->size; rank++)
        if (world->node_of_rank[rank] == node && !rk__crew_has_lost(session->crew, rank))
            return false;
    return true;
}

static void say(const rk__session_run *session, const char *text) {
    if (session->options->notice != NULL)
        session->options->notice(session->options->progress_ctx, text);
}

static void say_node_is_lost(const rk__session_run *session, int node) {
    bool repeatable = session->job->identity.deterministic;
    char text[LINE_MAX_BYTES];
    snprintf(text, sizeof text, "host %.64s is lost (%s)",
             rk__crew_host(session->crew, session->world->node_leader[node]),
             repeatable ? "what it had not finished is computed again"
                        : "it may still be at work: what it had not finished is not given to others, since the kernel "
                          "is not deterministic");
    say(session, text);
}

static void say_rank_is_lost(const rk__session_run *session, int rank) {
    char text[LINE_MAX_BYTES];
    snprintf(text, sizeof text, "rank %d on %.64s has died; what it had not finished is computed again", rank,
             rk__crew_host(session->crew, rank));
    say(session, text);
}

static void look_for_crash(const rk__session_run *session) {
    rk__failure crash;
    bool found = false;
    rk__record_read_crash(session->record, session->number, &crash, &found, NULL);
    if (found || has_crashed(session))
        _exit(RK_EXIT_STOPPED); /* who crashed has said it all */
}

/* In the file at once: rank 0 may be the next. */
static void note_loss(rk__session_run *session, int rank) {
    if (!session->told_lost[rank])
        rk__record_lose_rank(session->record, session->number, (uint32_t)rank, NULL);
    session->told_lost[rank] = true;
}

static void lose_rank(rk__session_run *session, int rank) {
    const rk__world *world = session->world;
    int node = world->node_of_rank[rank];
    if (!is_node_lost(session, node)) {
        note_loss(session, rank);
        say_rank_is_lost(session, rank);
        return;
    }
    for (int r = rank; r < world->size; r++)
        if (world->node_of_rank[r] == node)
            note_loss(session, r);
    say_node_is_lost(session, node);
    rk__ledger_lose(&session->ledger, (uint32_t)node, session->job->identity.deterministic);
}

static void mourn(rk__session_run *session) {
    if (session->agent.mourned == rk__crew_losses(session->crew))
        return;
    session->agent.mourned = rk__crew_losses(session->crew);
    look_for_crash(session);
    for (int rank = 1; rank < session->world->size; rank++)
        if (rk__crew_has_lost(session->crew, rank) && !session->told_lost[rank])
            lose_rank(session, rank);
}

/* ---- what the file says of a block ---- */

static bool is_marked(rk__session_run *session, const rk__block_record *entry) {
    uint64_t now = rk__clock_ns();
    if (session->trust == NULL || now - session->trust_ns > MARKS_AGE_NS) {
        rk__trust_destroy(session->trust);
        session->trust = NULL;
        session->trust_ns = now;
        rk__trust_read(&session->trust, session->record, NULL);
    }
    return session->trust != NULL && rk__trust_covers(session->trust, entry);
}

/* What rank 0 writes itself, or a process of its host, it syncs at the end. Of a lost node's blocks that are not marked
 * the rows are held against their record: what can be read here does not depend on the lost one any more. */
rk__block_fate rk__agent_look(void *ctx, uint64_t block) {
    rk__session_run *session = ctx;
    const rk__world *world = session->world;
    rk__block_record entry;
    if (rk__window_is_done(session->segment.window, block))
        return RK__BLOCK_SAFE;
    if (!rk__record_block(session->record, block, &entry))
        return RK__BLOCK_OPEN;
    uint32_t rank = entry.owner / session->threads;
    if (session->gathers || entry.session != session->number || rank >= (uint32_t)world->size ||
        world->node_of_rank[rank] == 0 || is_marked(session, &entry))
        return RK__BLOCK_SAFE;
    if (!session->nodes[world->node_of_rank[rank]].lost)
        return RK__BLOCK_COMMITTED;
    bool sound = false;
    rk__record_check_block(session->record, block, &sound, NULL);
    return sound ? RK__BLOCK_SAFE : RK__BLOCK_OPEN;
}

/* ---- both ---- */

void rk__agent_tend(rk__session_run *session, uint64_t now) {
    rk__crew_lock(session->crew);
    if (!session->agent.is)
        take_over(session);
    if (session->agent.is)
        tend_node(session, now);
    if (session->world->rank == 0) {
        mourn(session);
        rk__ledger_tick(&session->ledger, now);
        ask_directly(session, now);
    } else if (session->agent.is) {
        ask_by_letter(session, now);
    }
    rk__crew_unlock(session->crew);
}

void rk__agent_receive(rk__session_run *session, const rk__letter *letter) {
    switch (letter->op) {
    case RK__CREW_ASK:
        answer_agent(session, letter);
        break;
    case RK__CREW_SPAN:
        hear_answer(session, letter);
        break;
    case RK__CREW_BYTES:
        rk__courier_serve(session->courier, letter);
        break;
    case RK__CREW_MOVED:
        rk__courier_hear(session->courier, letter);
        break;
    default:
        break;
    }
}
