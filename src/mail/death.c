/* Who is alive. On a node everyone looks whether the others' processes are there, a few times a second. Between nodes
 * the first living rank of each node tells the others of the deaths on its node, and that it is there; a node that is
 * not heard of for SILENCE_NS is dead. Children are their rank's affair: it buries them.
 *
 * A child's endpoint is another's after it. Its rank tells everybody of a death, then of the birth; but on the node the
 * newborn may write to us before we have read that. So all that is told of a child, and each record in a ring, has the
 * tag of a birth: a new one in a record stands for the death of the one before, and news of who is no longer there are
 * none.
 *
 * In a star (rk__mail_place) rank 0 alone hears from the other nodes, and they from it: their first living ranks speak
 * for them, beat, and tell of deaths; rank 0 answers, and tells them, who tell their nodes. A line that is opened to
 * one who has just died may never come into being, and take its MPI along: in a star the living open lines, to rank 0,
 * and rank 0 writes to those that it has heard lately. */
#include <string.h>

#include "mail/mail_private.h"

#define DUTY_NS    UINT64_C(200000000)
#define SILENCE_NS UINT64_C(10000000000)
#define LATELY_NS  UINT64_C(2000000000)
#define PAUSE_NS   UINT64_C(2000000000) /* between two looks: it is we who were stopped, not the others */

uint32_t rk__death_tag(uint64_t birth) {
    return 1 + (uint32_t)(birth % (RK__RING_BIRTHS / 2));
}

bool rk__death_is_by(const rk__mail *mail, uint32_t endpoint, uint32_t tag) {
    return tag == 0 || mail->births[endpoint] == 0 || mail->births[endpoint] == tag;
}

/* A child of this node; else NULL. */
static rk__box *box_of_child(const rk__mail *mail, uint32_t endpoint) {
    if (endpoint < mail->place.ranks || !rk__mail_on_my_node(mail, endpoint))
        return NULL;
    return rk__arena_box(mail->arena, rk__mail_local_of(mail, endpoint));
}

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

/* All rooms hear of it. */
static void take_for_dead(rk__mail *mail, uint32_t endpoint) {
    if (mail->dead[endpoint])
        return;
    mail->dead[endpoint] = true;
    mail->met[endpoint] = false;
    rk__outbox_drop(mail, endpoint);
    rk__ask_died(mail, endpoint);
    for (int room = 0; room < RK__ROOM_COUNT; room++)
        if (mail->rooms[room].ops != NULL && mail->rooms[room].ops->died != NULL)
            mail->rooms[room].ops->died(mail->rooms[room].ctx, endpoint);
}

/* After its last letters. What a rank has sent may still lie with MPI. What a child has sent comes before the news of
 * its death, or lies in its ring: to poll would bring what comes after that news, such as the birth of its heir, who
 * would be buried in its stead. */
static void bury_one(rk__mail *mail, uint32_t endpoint, uint32_t heir) {
    if (mail->dead[endpoint])
        return;
    if (endpoint < mail->place.ranks)
        rk__mail_poll(mail);
    if (rk__mail_on_my_node(mail, endpoint) && endpoint != mail->place.endpoint)
        rk__mail_last_words(mail, endpoint, heir);
    take_for_dead(mail, endpoint);
}

/* A burial that was noted was its predecessor's. */
static void take_for_heir(rk__mail *mail, uint32_t endpoint) {
    if (mail->to_bury[endpoint])
        mail->to_bury_count--;
    mail->to_bury[endpoint] = mail->to_announce[endpoint] = false;
    mail->reasons[endpoint] = atomic_load(&box_of_child(mail, endpoint)->reason);
    take_for_dead(mail, endpoint);
    take_for_alive(mail, endpoint);
}

void rk__death_meet_writer(rk__mail *mail, uint32_t endpoint, uint32_t tag) {
    if (mail->births[endpoint] != 0 && !mail->dead[rk__mail_rank_of(mail, endpoint)])
        take_for_heir(mail, endpoint);
    mail->births[endpoint] = tag;
}

/* An heir has its birth in the box when it has emptied its rings: what we write is for the one we find, or a later
 * one. */
void rk__death_meet_reader(rk__mail *mail, uint32_t endpoint) {
    rk__box *box = box_of_child(mail, endpoint);
    uint32_t birth = box != NULL ? atomic_load(&box->birth) : 0;
    if (birth != 0)
        mail->births[endpoint] = rk__death_tag(birth);
}

/* A rank takes its children along. */
static void bury(rk__mail *mail, uint32_t endpoint) {
    bury_one(mail, endpoint, 0);
    if (endpoint < mail->place.ranks)
        for (uint32_t child = endpoint + mail->place.ranks; child < mail->endpoints; child += mail->place.ranks)
            bury_one(mail, child, 0);
}

static void tell(rk__mail *mail, uint32_t to, uint32_t who) {
    rk__letter letter = {.to = to,
                         .room = RK__ROOM_MAIL,
                         .op = RK__MAIL_OP_DIED,
                         .a = who,
                         .b = mail->reasons[who],
                         .c = mail->births[who]};
    rk__mail_send(mail, &letter, RK__PAYLOAD_COPY, NULL);
}

static bool i_am_centre(const rk__mail *mail) {
    return mail->place.endpoint == 0;
}

static uint32_t node_of(const rk__mail *mail, uint32_t rank) {
    return (uint32_t)mail->place.node_of_rank[rank];
}

static bool is_heard_lately(const rk__mail *mail, uint32_t node) {
    return rk__clock_ns() < mail->heard_ns[node] + LATELY_NS;
}

bool rk__mail_hears(const rk__mail *mail, uint32_t rank) {
    return !mail->dead[rank] && (rk__mail_on_my_node(mail, rank) || is_heard_lately(mail, node_of(mail, rank)));
}

/* Those of other nodes that hear from us: all ranks; in a star rank 0, or, from rank 0, the one that speaks for each
 * node. */
static bool is_told(const rk__mail *mail, uint32_t rank) {
    if (rk__mail_on_my_node(mail, rank) || mail->dead[rank])
        return false;
    if (mail->place.star && i_am_centre(mail))
        return mail->speakers[node_of(mail, rank)] == rank && is_heard_lately(mail, node_of(mail, rank));
    return !mail->place.star || rank == 0;
}

static void tell_other_nodes(rk__mail *mail, uint32_t who) {
    for (uint32_t rank = 0; mail->place.link != NULL && rank < mail->place.ranks; rank++)
        if (is_told(mail, rank))
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

/* Of one that we never had to do with, and its heir is there already? */
static bool is_old_news(const rk__mail *mail, uint32_t endpoint, uint32_t tag) {
    rk__box *box = mail->births[endpoint] == 0 && tag != 0 ? box_of_child(mail, endpoint) : NULL;
    return box != NULL && atomic_load(&box->life) == RK__LIFE_ALIVE && rk__death_tag(atomic_load(&box->birth)) != tag;
}

/* Later: not while a letter is handled, or rooms would be called from within themselves. tag 0: whoever is there. */
static void note(rk__mail *mail, uint32_t endpoint, uint32_t tag, bool announce, uint32_t reason) {
    if (mail->dead[endpoint] || !rk__death_is_by(mail, endpoint, tag) || is_old_news(mail, endpoint, tag))
        return;
    if (tag != 0)
        mail->births[endpoint] = tag;
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
    note(mail, endpoint, 0, true, reason);
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

void rk__mail_vacate(rk__mail *mail, uint32_t child) {
    rk__mail_skip_words(mail, child);
    atomic_store(&box_of_child(mail, child)->life, RK__LIFE_ABSENT);
}

void rk__mail_tell_deaths(rk__mail *mail, uint32_t child) {
    for (uint32_t endpoint = 0; endpoint < mail->endpoints; endpoint++)
        if (mail->dead[endpoint])
            tell(mail, child, endpoint);
}

typedef struct introduction {
    uint32_t child;
    uint16_t room, op; /* as rk__newcomer */
    uint64_t birth;
} introduction;

static void present(rk__mail *mail, uint32_t to, const introduction *it) {
    rk__letter letter = {.to = to,
                         .room = RK__ROOM_MAIL,
                         .op = RK__MAIL_OP_BORN,
                         .a = it->child,
                         .b = (uint64_t)it->room << 16 | it->op,
                         .c = it->birth};
    rk__mail_send(mail, &letter, RK__PAYLOAD_COPY, NULL);
}

static void present_to_my_node(rk__mail *mail, uint32_t child, uint64_t birth, bool announce) {
    const introduction it = {.child = child, .room = RK__ROOM_MAIL, .birth = birth};
    for (uint32_t local = 0; local < mail->arena->locals; local++) {
        uint32_t to = rk__mail_of_local(mail, local);
        if (to >= mail->place.ranks && hears_from_me(mail, local, child, announce))
            present(mail, to, &it);
    }
}

void rk__mail_introduce(rk__mail *mail, uint32_t child, uint64_t birth, rk__room room, uint16_t op) {
    const introduction it = {child, (uint16_t)room, op, birth};
    present_to_my_node(mail, child, birth, true);
    for (uint32_t rank = 0; rank < mail->place.ranks; rank++)
        if (rank != mail->place.endpoint)
            present(mail, rank, &it);
}

static void note_newcomer(rk__mail *mail, const rk__letter *letter) {
    rk__newcomer *newcomer = &mail->newcomers[letter->a];
    if (!newcomer->wanted)
        mail->to_bury_count++;
    *newcomer = (rk__newcomer){true, (uint16_t)(letter->b >> 16), (uint16_t)letter->b, letter->c};
}

/* Who has missed the death of the predecessor hears of it now. */
static void meet(rk__mail *mail, uint32_t child) {
    rk__newcomer newcomer = mail->newcomers[child];
    uint32_t tag = rk__death_tag(newcomer.birth);
    mail->newcomers[child].wanted = false;
    mail->to_bury_count--;
    if (mail->dead[child] || mail->births[child] != tag) { /* else it has written already */
        bury_one(mail, child, tag);
        take_for_alive(mail, child);
        mail->births[child] = tag;
    }
    present_to_my_node(mail, child, newcomer.birth, false);
    rk__letter letter = {
        .to = rk__mail_rank_of(mail, child), .room = newcomer.room, .op = newcomer.op, .a = child, .b = newcomer.birth};
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

bool rk__mail_is_gone(const rk__mail *mail, uint32_t endpoint, uint32_t birth) {
    rk__box *box = rk__arena_box(mail->arena, rk__mail_local_of(mail, endpoint));
    return atomic_load(&box->life) != RK__LIFE_ALIVE || (atomic_load(&box->birth) & 0xff) != birth ||
           !rk__is_alive((long)atomic_load(&box->pid));
}

static bool is_here(const rk__mail *mail, uint32_t endpoint) {
    return atomic_load(&rk__arena_box(mail->arena, rk__mail_local_of(mail, endpoint))->life) == RK__LIFE_ALIVE;
}

/* The answer, or the death of the rank, comes in any case. */
static rk_status ask_rank_of(rk__mail *mail, uint32_t child) {
    rk__letter question = {
        .to = rk__mail_rank_of(mail, child), .room = RK__ROOM_MAIL, .op = RK__MAIL_OP_LOOK, .a = child};
    rk_status status = rk__mail_ask_cancelable(mail, &question, RK__NEVER, RK__MAIL_OP_LOOK, NULL, NULL);
    mail->met[child] = status == RK_OK && !mail->dead[child];
    return status;
}

rk_status rk__mail_look_for(rk__mail *mail, uint32_t endpoint) {
    if (mail->dead[endpoint])
        return RK_EDEAD;
    if (endpoint < mail->place.ranks || endpoint == mail->place.endpoint || mail->met[endpoint])
        return RK_OK;
    if (!rk__mail_on_my_node(mail, endpoint))
        return ask_rank_of(mail, endpoint);
    return is_here(mail, endpoint) ? RK_OK : RK_EDEAD;
}

static void answer_look(rk__mail *mail, const rk__letter *letter) {
    bool here = letter->a < mail->endpoints && rk__mail_on_my_node(mail, (uint32_t)letter->a) &&
                is_here(mail, (uint32_t)letter->a);
    rk__question question = {letter->from, letter->call};
    rk__mail_answer(mail, question, here ? RK_OK : RK_EDEAD, 0, 0, NULL, 0, RK__PAYLOAD_COPY);
}

/* Of a child its rank knows better: how it ended. */
static void look_at(rk__mail *mail, uint32_t local) {
    rk__box *box = rk__arena_box(mail->arena, local);
    uint32_t tag = rk__death_tag(atomic_load(&box->birth)); /* first: an heir has a birth before it lives */
    uint32_t life = atomic_load(&box->life), endpoint = rk__mail_of_local(mail, local);
    if (life == RK__LIFE_ALIVE && endpoint < mail->place.ranks && !rk__is_alive((long)atomic_load(&box->pid)))
        atomic_store(&box->life, life = RK__LIFE_DEAD);
    if (life == RK__LIFE_DEAD)
        note(mail, endpoint, tag, false, atomic_load(&box->reason));
}

static bool i_lead(const rk__mail *mail) {
    for (uint32_t place = 0; place < mail->place.node_ranks; place++)
        if (!mail->dead[mail->rank_at[place]])
            return mail->rank_at[place] == mail->place.endpoint;
    return false;
}

/* ---- between nodes ---- */

void rk__death_heard(rk__mail *mail, uint32_t endpoint) {
    mail->heard_ns[node_of(mail, rk__mail_rank_of(mail, endpoint))] = rk__clock_ns();
}

static void beat_for(rk__mail *mail, uint32_t rank) {
    rk__letter letter = {.to = rank, .room = RK__ROOM_MAIL, .op = RK__MAIL_OP_BEAT};
    rk__mail_send(mail, &letter, RK__PAYLOAD_COPY, NULL);
}

static void beat(rk__mail *mail) {
    bool answers = mail->place.star && i_am_centre(mail);
    for (uint32_t rank = 0; rank < mail->place.ranks && !answers; rank++)
        if (is_told(mail, rank))
            beat_for(mail, rank);
    for (uint32_t place = 0; place < mail->place.node_ranks; place++)
        if (mail->dead[mail->rank_at[place]])
            tell_other_nodes(mail, mail->rank_at[place]);
}

/* Rank 0 of a star: who speaks for its node has to know what those before it were told. */
static void answer_beat(rk__mail *mail, uint32_t from) {
    uint32_t *speaker = &mail->speakers[node_of(mail, from)];
    if (*speaker != from)
        rk__mail_tell_deaths(mail, from);
    *speaker = from;
    beat_for(mail, from);
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
        uint64_t *heard_ns = &mail->heard_ns[node_of(mail, rank)];
        if (*heard_ns == 0)
            *heard_ns = now_ns;
        if (now_ns > *heard_ns + SILENCE_NS) {
            tell_my_node(mail, rank, true);
            if (mail->place.star && i_am_centre(mail))
                tell_other_nodes(mail, rank);
            bury(mail, rank);
            tell_my_node(mail, rank, false); /* children that have come meanwhile */
        }
    }
}

/* While we were stopped we could not hear: that time does not count. */
static void forgive_silence(rk__mail *mail, uint64_t pause_ns, uint64_t now_ns) {
    for (uint32_t node = 0; node < mail->place.ranks; node++) { /* there are as many, at most */
        uint64_t *heard_ns = &mail->heard_ns[node];
        if (*heard_ns != 0)
            *heard_ns = *heard_ns + pause_ns < now_ns ? *heard_ns + pause_ns : now_ns;
    }
}

void rk__death_receive(rk__mail *mail, const rk__letter *letter) {
    bool for_my_node = mail->place.star && letter->from == 0 && !rk__mail_on_my_node(mail, 0);
    if (letter->op == RK__MAIL_OP_DIED && letter->a < mail->endpoints)
        note(mail, (uint32_t)letter->a, (uint32_t)letter->c, for_my_node, (uint32_t)letter->b);
    else if (letter->op == RK__MAIL_OP_BEAT && mail->place.star && i_am_centre(mail))
        answer_beat(mail, letter->from);
    else if (letter->op == RK__MAIL_OP_LOOK)
        answer_look(mail, letter);
    else if (letter->op == RK__MAIL_OP_BORN && letter->a >= mail->place.ranks && letter->a < mail->endpoints)
        note_newcomer(mail, letter);
}

uint64_t rk__mail_pause_ns(const rk__mail *mail) {
    uint64_t now_ns = rk__clock_ns();
    uint64_t pause_ns = mail->duty_ns > 0 && now_ns > mail->duty_ns ? now_ns - mail->duty_ns : 0;
    return pause_ns > mail->longest_pause_ns ? pause_ns : mail->longest_pause_ns;
}

void rk__death_duty(rk__mail *mail, uint64_t now_ns) {
    rk__death_noted(mail);
    if (now_ns < mail->duty_ns)
        return;
    uint64_t pause_ns = mail->duty_ns > 0 ? now_ns - mail->duty_ns : 0;
    if (pause_ns > PAUSE_NS)
        forgive_silence(mail, pause_ns, now_ns);
    if (pause_ns > mail->longest_pause_ns)
        mail->longest_pause_ns = pause_ns;
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
