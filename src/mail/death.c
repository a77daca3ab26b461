/* Who is alive. On a node everyone looks whether the others' processes are there, a few times a second. Between nodes
 * the first living rank of each node tells the others of the deaths on its node, and that it is there; a node that is
 * not heard of for SILENCE_NS is dead. Children are their rank's affair: it buries them.
 *
 * In a star (rk__mail_place) rank 0 alone hears from the other nodes, and they from it: their first living ranks tell
 * it of deaths, and it tells them, who tell their nodes. A line that is opened to one who has just died may never come
 * into being, and take its MPI along: in a star nobody but the living open lines, to rank 0. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "mail/mail_private.h"

#define DUTY_NS    UINT64_C(200000000)
#define SILENCE_NS UINT64_C(10000000000)
#define LATELY_NS  UINT64_C(2000000000)
#define PAUSE_NS   UINT64_C(2000000000) /* between two looks: it is we who were stopped, not the others */

bool rk__mail_is_dead(const rk__mail *mail, uint32_t endpoint) {
    return mail->dead[endpoint];
}

/* How its predecessor ended is no news of this one. */
static void take_for_alive(rk__mail *mail, uint32_t child) {
    mail->dead[child] = false;
    mail->reasons[child] = 0;
}

/* Nothing more of the dead: rooms have done with them, and nobody would bury them again. A child that outlives its rank
 * for a moment goes on talking; while the rank lives, it is a new one in the place of one that died. */
bool rk__death_is_heard(rk__mail *mail, uint32_t from) {
    if (!mail->dead[from])
        return true;
    if (from < mail->place.ranks || mail->dead[rk__mail_rank_of(mail, from)])
        return false;
    take_for_alive(mail, from);
    return true;
}

static void bury_one(rk__mail *mail, uint32_t endpoint) {
    if (mail->dead[endpoint])
        return;
    rk__mail_poll(mail);
    if (rk__mail_on_my_node(mail, endpoint))
        rk__mail_last_words(mail, endpoint);
    if (mail->dead[endpoint])
        return;
    mail->dead[endpoint] = true;
    rk__outbox_drop(mail, endpoint);
    rk__ask_died(mail, endpoint);
    for (int room = 0; room < RK__ROOM_COUNT; room++)
        if (mail->rooms[room].ops != NULL && mail->rooms[room].ops->died != NULL)
            mail->rooms[room].ops->died(mail->rooms[room].ctx, endpoint);
}

/* A rank takes its children along. */
static void bury(rk__mail *mail, uint32_t endpoint) {
    bury_one(mail, endpoint);
    if (endpoint < mail->place.ranks)
        for (uint32_t child = endpoint + mail->place.ranks; child < mail->endpoints; child += mail->place.ranks)
            bury_one(mail, child);
}

static void tell(rk__mail *mail, uint32_t to, uint32_t who) {
    rk__letter letter = {.to = to, .room = RK__ROOM_MAIL, .op = RK__MAIL_OP_DIED, .a = who, .b = mail->reasons[who]};
    rk__mail_send(mail, &letter, RK__PAYLOAD_COPY, NULL);
}

static bool i_am_centre(const rk__mail *mail) {
    return mail->place.endpoint == 0;
}

/* Does this rank of another node hear from us of deaths, and that we live? Asked of all in turn, in one round: the
 * first living one of a node leads it. */
static bool hears_of_us(rk__mail *mail, uint32_t rank) {
    uint32_t *round = &mail->round_of_node[mail->place.node_of_rank[rank]];
    if (rk__mail_on_my_node(mail, rank) || mail->dead[rank])
        return false;
    if (!mail->place.star || rank == 0)
        return true;
    bool first = *round != mail->round;
    *round = mail->round;
    return i_am_centre(mail) && first;
}

/* When a node was last heard of: the best of its ranks. */
static uint64_t node_heard(const rk__mail *mail, int node) {
    uint64_t best = 0;
    for (uint32_t rank = 0; rank < mail->place.ranks; rank++)
        if (mail->place.node_of_rank[rank] == node && mail->heard_ns[rank] > best)
            best = mail->heard_ns[rank];
    return best;
}

bool rk__mail_hears(const rk__mail *mail, uint32_t rank) {
    if (mail->dead[rank])
        return false;
    return rk__mail_on_my_node(mail, rank) ||
           rk__clock_ns() < node_heard(mail, mail->place.node_of_rank[rank]) + LATELY_NS;
}

static void tell_other_nodes(rk__mail *mail, uint32_t who) {
    mail->round++;
    for (uint32_t rank = 0; mail->place.link != NULL && rank < mail->place.ranks; rank++)
        if (hears_of_us(mail, rank) && (!mail->place.star || !i_am_centre(mail) || rk__mail_hears(mail, rank)))
            tell(mail, rank, who);
}

static bool lives_here(rk__mail *mail, uint32_t local) {
    return local != mail->local && atomic_load(&rk__arena_box(mail->arena, local)->life) == RK__LIFE_ALIVE;
}

static bool is_my_child(const rk__mail *mail, uint32_t endpoint) {
    return endpoint >= mail->place.ranks && endpoint % mail->place.ranks == mail->place.endpoint;
}

/* Of deaths and births of children each hears from one only, so in order: on their node from their rank, and children
 * of other nodes from their own rank. Ranks are not born again. */
static bool hears_from_me(rk__mail *mail, uint32_t local, uint32_t who, bool announce) {
    uint32_t to = rk__mail_of_local(mail, local);
    if (to == who || !lives_here(mail, local))
        return false;
    if (who >= mail->place.ranks && rk__mail_on_my_node(mail, who))
        return announce;
    return is_my_child(mail, to) || (announce && to < mail->place.ranks);
}

static void tell_my_node(rk__mail *mail, uint32_t who, bool announce) {
    for (uint32_t local = 0; local < mail->arena->locals; local++)
        if (hears_from_me(mail, local, who, announce))
            tell(mail, rk__mail_of_local(mail, local), who);
}

/* Later: not while a letter is handled, or rooms would be called from within themselves. */
static void note(rk__mail *mail, uint32_t endpoint, bool announce, uint32_t reason) {
    if (mail->dead[endpoint])
        return;
    if (reason != 0 || !mail->to_bury[endpoint])
        mail->reasons[endpoint] = reason;
    if (!mail->to_bury[endpoint])
        mail->to_bury_count++;
    mail->to_bury[endpoint] = true;
    mail->to_announce[endpoint] |= announce;
}

static void bury_for(rk__mail *mail, uint32_t endpoint, uint32_t reason) {
    if (rk__mail_on_my_node(mail, endpoint)) {
        rk__box *box = rk__arena_box(mail->arena, rk__mail_local_of(mail, endpoint));
        atomic_store(&box->reason, reason);
        atomic_store(&box->life, RK__LIFE_DEAD);
    }
    note(mail, endpoint, true, reason);
}

void rk__mail_bury(rk__mail *mail, uint32_t endpoint) {
    bury_for(mail, endpoint, 0);
}

void rk__mail_bury_child(rk__mail *mail, uint32_t endpoint, int wait_status) {
    bury_for(mail, endpoint, (uint32_t)wait_status + 1);
}

bool rk__mail_death_reason(const rk__mail *mail, uint32_t endpoint, int *wait_status) {
    if (mail->reasons[endpoint] == 0)
        return false;
    *wait_status = (int)(mail->reasons[endpoint] - 1);
    return true;
}

static void bury_noted(rk__mail *mail, uint32_t endpoint) {
    bool announce = mail->to_announce[endpoint];
    mail->to_bury[endpoint] = mail->to_announce[endpoint] = false;
    mail->to_bury_count--;
    bury(mail, endpoint);
    if (announce || (mail->place.star && i_am_centre(mail)))
        tell_other_nodes(mail, endpoint);
    tell_my_node(mail, endpoint, announce);
}

/* ---- births ---- */

void rk__mail_revive(rk__mail *mail, uint32_t child) {
    atomic_store(&rk__arena_box(mail->arena, rk__mail_local_of(mail, child))->life, RK__LIFE_ABSENT);
}

void rk__mail_tell_deaths(rk__mail *mail, uint32_t child) {
    for (uint32_t endpoint = 0; endpoint < mail->endpoints; endpoint++)
        if (mail->dead[endpoint])
            tell(mail, child, endpoint);
}

static void present(rk__mail *mail, uint32_t to, uint32_t child, uint16_t room, uint16_t op) {
    rk__letter letter = {.to = to, .room = RK__ROOM_MAIL, .op = RK__MAIL_OP_BORN, .a = child, .b = room, .c = op};
    rk__mail_send(mail, &letter, RK__PAYLOAD_COPY, NULL);
}

static void present_to_my_node(rk__mail *mail, uint32_t child, bool announce) {
    for (uint32_t local = 0; local < mail->arena->locals; local++) {
        uint32_t to = rk__mail_of_local(mail, local);
        if (to >= mail->place.ranks && hears_from_me(mail, local, child, announce))
            present(mail, to, child, RK__ROOM_MAIL, 0);
    }
}

void rk__mail_introduce(rk__mail *mail, uint32_t child, rk__room room, uint16_t op) {
    present_to_my_node(mail, child, true);
    for (uint32_t rank = 0; rank < mail->place.ranks; rank++)
        if (rank != mail->place.endpoint)
            present(mail, rank, child, (uint16_t)room, op);
}

static void note_newcomer(rk__mail *mail, const rk__letter *letter) {
    rk__newcomer *newcomer = &mail->newcomers[letter->a];
    if (!newcomer->wanted)
        mail->to_bury_count++;
    *newcomer = (rk__newcomer){true, (uint16_t)letter->b, (uint16_t)letter->c};
}

/* Who has missed the death of the predecessor hears of it now. */
static void meet(rk__mail *mail, uint32_t child) {
    rk__newcomer newcomer = mail->newcomers[child];
    mail->newcomers[child].wanted = false;
    mail->to_bury_count--;
    bury_one(mail, child);
    take_for_alive(mail, child);
    present_to_my_node(mail, child, false);
    rk__letter letter = {.to = rk__mail_rank_of(mail, child), .room = newcomer.room, .op = newcomer.op, .a = child};
    if (newcomer.room != RK__ROOM_MAIL)
        rk__mail_send(mail, &letter, RK__PAYLOAD_COPY, NULL);
}

/* Polls, and so may be called again while it goes on. */
void rk__death_noted(rk__mail *mail) {
    for (uint32_t endpoint = 0; mail->to_bury_count > 0 && endpoint < mail->endpoints; endpoint++) {
        if (mail->to_bury[endpoint])
            bury_noted(mail, endpoint);
        if (mail->newcomers[endpoint].wanted)
            meet(mail, endpoint);
    }
}

/* ---- on the node ---- */

/* A process that has ended, and that its parent has not yet looked at, is as dead as any. */
static bool is_zombie(uint32_t pid) {
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    size_t got = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[got] = '\0';
    const char *after_name = strrchr(text, ')');
    return after_name != NULL && after_name[1] == ' ' && (after_name[2] == 'Z' || after_name[2] == 'X');
}

static bool process_is_there(uint32_t pid) {
    if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
        return false;
    return !is_zombie(pid);
}

bool rk__mail_is_gone(const rk__mail *mail, uint32_t endpoint) {
    rk__box *box = rk__arena_box(mail->arena, rk__mail_local_of(mail, endpoint));
    return mail->dead[endpoint] || atomic_load(&box->life) != RK__LIFE_ALIVE ||
           !process_is_there(atomic_load(&box->pid));
}

bool rk__mail_is_absent(const rk__mail *mail, uint32_t endpoint) {
    if (endpoint < mail->place.ranks || endpoint == mail->place.endpoint || !rk__mail_on_my_node(mail, endpoint))
        return false;
    return atomic_load(&rk__arena_box(mail->arena, rk__mail_local_of(mail, endpoint))->life) != RK__LIFE_ALIVE;
}

/* Of a child its rank knows better: how it ended. */
static void look_at(rk__mail *mail, uint32_t local) {
    rk__box *box = rk__arena_box(mail->arena, local);
    uint32_t life = atomic_load(&box->life), endpoint = rk__mail_of_local(mail, local);
    if (life == RK__LIFE_ALIVE && endpoint < mail->place.ranks && !process_is_there(atomic_load(&box->pid)))
        atomic_store(&box->life, life = RK__LIFE_DEAD);
    if (life == RK__LIFE_DEAD)
        note(mail, endpoint, false, atomic_load(&box->reason));
}

static bool i_lead(const rk__mail *mail) {
    for (uint32_t place = 0; place < mail->place.node_ranks; place++)
        if (!mail->dead[mail->rank_at[place]])
            return mail->rank_at[place] == mail->place.endpoint;
    return false;
}

/* ---- between nodes ---- */

void rk__death_heard(rk__mail *mail, uint32_t endpoint) {
    mail->heard_ns[rk__mail_rank_of(mail, endpoint)] = rk__clock_ns();
}

static void beat_for(rk__mail *mail, uint32_t rank) {
    rk__letter letter = {.to = rank, .room = RK__ROOM_MAIL, .op = RK__MAIL_OP_BEAT};
    rk__mail_send(mail, &letter, RK__PAYLOAD_COPY, NULL);
}

/* In a star rank 0 only answers. */
static void beat(rk__mail *mail) {
    mail->round++;
    for (uint32_t rank = 0; rank < mail->place.ranks; rank++)
        if (hears_of_us(mail, rank) && !(mail->place.star && i_am_centre(mail)))
            beat_for(mail, rank);
    for (uint32_t place = 0; place < mail->place.node_ranks; place++)
        if (mail->dead[mail->rank_at[place]])
            tell_other_nodes(mail, mail->rank_at[place]);
}

/* Whose silence do we look at? In a star ours is rank 0's, if we lead our node. */
static bool is_watched(const rk__mail *mail, uint32_t rank) {
    if (rk__mail_on_my_node(mail, rank) || mail->dead[rank])
        return false;
    return !mail->place.star || i_am_centre(mail) || (rank == 0 && i_lead(mail));
}

/* Others hear of it first: rooms may end this process. */
static void look_at_nodes(rk__mail *mail, uint64_t now_ns) {
    for (uint32_t rank = 0; rank < mail->place.ranks; rank++) {
        if (!is_watched(mail, rank))
            continue;
        if (mail->heard_ns[rank] == 0)
            mail->heard_ns[rank] = now_ns;
        if (now_ns > node_heard(mail, mail->place.node_of_rank[rank]) + SILENCE_NS) {
            tell_my_node(mail, rank, true);
            if (mail->place.star && i_am_centre(mail))
                tell_other_nodes(mail, rank);
            bury(mail, rank);
        }
    }
}

static void forgive_silence(rk__mail *mail, uint64_t now_ns) {
    for (uint32_t rank = 0; rank < mail->place.ranks; rank++)
        mail->heard_ns[rank] = now_ns;
}

void rk__death_receive(rk__mail *mail, const rk__letter *letter) {
    bool for_my_node = mail->place.star && letter->from == 0 && !rk__mail_on_my_node(mail, 0);
    if (letter->op == RK__MAIL_OP_DIED && letter->a < mail->endpoints)
        note(mail, (uint32_t)letter->a, for_my_node, (uint32_t)letter->b);
    else if (letter->op == RK__MAIL_OP_BEAT && mail->place.star && i_am_centre(mail))
        beat_for(mail, letter->from);
    else if (letter->op == RK__MAIL_OP_BORN && letter->a >= mail->place.ranks && letter->a < mail->endpoints)
        note_newcomer(mail, letter);
}

void rk__death_duty(rk__mail *mail, uint64_t now_ns) {
    rk__death_noted(mail);
    if (now_ns < mail->duty_ns)
        return;
    if (now_ns - mail->duty_ns > PAUSE_NS)
        forgive_silence(mail, now_ns);
    mail->duty_ns = now_ns + DUTY_NS;
    bool led = mail->place.link != NULL && i_lead(mail);
    for (uint32_t local = 0; local < mail->arena->locals; local++)
        if (local != mail->local)
            look_at(mail, local);
    rk__death_noted(mail);
    if (mail->place.link != NULL && (led || i_lead(mail)))
        beat(mail);
    if (mail->place.link != NULL)
        look_at_nodes(mail, now_ns);
}
