/* A rank's children: slots, one for each endpoint they may have, and a thread that hears of their ends from the helper
 * while nobody else looks. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "process/process_private.h"

#define NAP_NS UINT64_C(1000000)
enum { LISTEN_MS = 1000 }; /* then it looks again: a function may have closed what it listens to */

typedef enum slot_phase {
    SLOT_FREE = 0,
    SLOT_FORKED,     /* the helper was told to */
    SLOT_INTRODUCED, /* it serves, but some ranks do not know it yet */
    SLOT_TAKEN
} slot_phase;

typedef struct slot {
    slot_phase phase;
    uint64_t birth;
    uint32_t owner;
    uint64_t request;
    bool used;       /* its endpoint was somebody's, whose death was announced */
    bool *strangers; /* [ranks] that do not know it yet */
} slot;

struct rk__nursery {
    rk__mail *mail;
    int helper_fd, arena_fd;
    uint64_t arena_bytes, last_birth;
    uint32_t slots_count, last_slot;
    slot *slots;
    bool *strangers; /* [slots * ranks] */
    bool gone;       /* the helper */
    atomic_bool ending;
    pthread_t listener;
};

static uint32_t endpoint_of(const rk__nursery *nursery, uint32_t number) {
    return rk__mail_endpoint(nursery->mail) + (number + 1) * rk__mail_ranks(nursery->mail);
}

static slot *slot_of(rk__nursery *nursery, uint32_t endpoint) {
    uint32_t ranks = rk__mail_ranks(nursery->mail);
    if (endpoint < ranks || endpoint % ranks != rk__mail_endpoint(nursery->mail))
        return NULL;
    return &nursery->slots[endpoint / ranks - 1];
}

/* ---- births ---- */

static void refuse(rk__room_of_processes *room, uint32_t owner, uint64_t request, rk_status status, const char *text) {
    rk__process_send_failure(room, owner, RK__PROCESS_BORN, request, status, text);
}

static slot *find_free(rk__nursery *nursery, uint32_t *number) {
    for (uint32_t i = 1; i <= nursery->slots_count; i++) {
        *number = (nursery->last_slot + i) % nursery->slots_count;
        if (nursery->slots[*number].phase == SLOT_FREE)
            return &nursery->slots[*number];
    }
    return NULL;
}

static rk_status tell_helper(const rk__nursery *nursery, const rk__keeper_message *message, rk_error *err) {
    const int descriptors[2] = {nursery->arena_fd, nursery->arena_fd};
    return rk__helper_send(nursery->helper_fd, message, sizeof *message,
                           message->verb == RK__KEEPER_FORK ? descriptors : NULL, err);
}

static rk_status begin(rk__nursery *nursery, const rk__letter *letter, rk_error *err) {
    uint32_t number;
    slot *found = find_free(nursery, &number);
    if (nursery->gone)
        return rk__fail(err, RK_EDEAD, "the helper that starts isolated processes of rank %u has died",
                        rk__mail_endpoint(nursery->mail));
    if (found == NULL)
        return rk__fail(err, RK_EFULL,
                        "rank %u has %u isolated processes already: wait for one, or raise rk_main_options.children",
                        rk__mail_endpoint(nursery->mail), nursery->slots_count);
    rk__keeper_message message = {
        RK__KEEPER_FORK, number, ++nursery->last_birth, nursery->arena_bytes, endpoint_of(nursery, number), 0};
    rk__mail_vacate(nursery->mail, message.endpoint);
    RK_TRY(tell_helper(nursery, &message, err));
    found->phase = SLOT_FORKED;
    found->birth = message.birth;
    found->owner = letter->from;
    found->request = letter->a;
    nursery->last_slot = number;
    return RK_OK;
}

void rk__nursery_bear(rk__room_of_processes *room, const rk__letter *letter) {
    rk_error err = RK_ERROR_INIT;
    if (room->nursery == NULL)
        rk__fail(&err, RK_EUNSUPPORTED, "rank %u may have no isolated processes: set rk_main_options.children",
                 rk__mail_endpoint(room->mail));
    if (room->nursery == NULL || begin(room->nursery, letter, &err) != RK_OK)
        refuse(room, letter->from, letter->a, err.code, err.message);
}

static bool any_stranger(const rk__nursery *nursery, const slot *child) {
    for (uint32_t rank = 0; rank < rk__mail_ranks(nursery->mail); rank++)
        if (child->strangers[rank])
            return true;
    return false;
}

static void look_at(rk__room_of_processes *room, slot *child) {
    const rk__nursery *nursery = room->nursery;
    if (child->phase != SLOT_INTRODUCED || any_stranger(nursery, child))
        return;
    child->phase = SLOT_TAKEN;
    uint32_t endpoint = endpoint_of(nursery, (uint32_t)(child - nursery->slots));
    rk__process_send(room, child->owner, RK__PROCESS_BORN, child->request, endpoint, child->birth);
}

static slot *slot_named(rk__nursery *nursery, const rk__letter *letter) {
    slot *named = nursery != NULL && letter->a < nursery->slots_count ? &nursery->slots[letter->a] : NULL;
    return named != NULL && named->phase != SLOT_FREE && named->birth == letter->b ? named : NULL;
}

void rk__nursery_hello(rk__room_of_processes *room, const rk__letter *letter) {
    rk__nursery *nursery = room->nursery;
    slot *child = slot_named(nursery, letter);
    if (child == NULL || child->phase != SLOT_FORKED)
        return;
    child->phase = SLOT_INTRODUCED;
    rk__mail_tell_deaths(room->mail, letter->from);
    for (uint32_t rank = 0; child->used && rank < rk__mail_ranks(room->mail); rank++)
        child->strangers[rank] = rank != rk__mail_endpoint(room->mail) && !rk__mail_is_dead(room->mail, rank);
    if (child->used)
        rk__mail_introduce(room->mail, letter->from, child->birth, RK__ROOM_PROCESS, RK__PROCESS_KNOWN);
    look_at(room, child);
}

void rk__nursery_known(rk__room_of_processes *room, const rk__letter *letter) {
    slot *child = room->nursery != NULL ? slot_of(room->nursery, (uint32_t)letter->a) : NULL;
    if (child == NULL || child->birth != letter->b) /* a predecessor's */
        return;
    child->strangers[letter->from] = false;
    look_at(room, child);
}

/* ---- ends ---- */

static void send_signal(rk__nursery *nursery, const slot *child, int number) {
    rk__keeper_message message = {
        .verb = RK__KEEPER_KILL, .slot = (uint32_t)(child - nursery->slots), .birth = child->birth, .value = number};
    tell_helper(nursery, &message, NULL);
}

void rk__nursery_signal(rk__room_of_processes *room, const rk__letter *letter) {
    slot *child = room->nursery != NULL ? slot_of(room->nursery, (uint32_t)letter->a) : NULL;
    if (child != NULL && child->phase != SLOT_FREE && child->birth == letter->b)
        send_signal(room->nursery, child, (int)letter->c);
}

static void describe_end(int wait_status, char *text, size_t size) {
    const char *what = "the isolated process ended before it was ready";
    if (wait_status == RK__KEEPER_NO_FORK)
        snprintf(text, size, "the isolated process could not be started: no memory, or too many processes?");
    else if (WIFSIGNALED(wait_status))
        snprintf(text, size, "%s: by signal %d (%s)", what, WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
    else
        snprintf(text, size, "%s: exit code %d", what, WEXITSTATUS(wait_status));
}

static void free_slot(rk__room_of_processes *room, slot *child, int wait_status) {
    slot_phase phase = child->phase;
    char text[160];
    child->phase = SLOT_FREE;
    memset(child->strangers, 0, rk__mail_ranks(room->mail) * sizeof *child->strangers);
    describe_end(wait_status, text, sizeof text);
    if (phase == SLOT_FORKED || phase == SLOT_INTRODUCED)
        refuse(room, child->owner, child->request, RK_EDEAD, text);
}

/* Who has not been heard needs no burial: everybody takes its endpoint for absent or dead. It may have been about to
 * say hello. */
static void lose(rk__room_of_processes *room, slot *child, int wait_status) {
    uint32_t endpoint = endpoint_of(room->nursery, (uint32_t)(child - room->nursery->slots));
    if (child->phase == SLOT_FORKED) {
        rk__mail_vacate(room->mail, endpoint);
        free_slot(room, child, wait_status);
        return;
    }
    child->used = true;
    rk__mail_bury_child(room->mail, endpoint, wait_status);
}

void rk__nursery_lost(rk__room_of_processes *room, const rk__letter *letter) {
    slot *child = slot_named(room->nursery, letter);
    if (child != NULL)
        lose(room, child, (int)letter->c);
}

void rk__nursery_helper_gone(rk__room_of_processes *room) {
    rk__nursery *nursery = room->nursery;
    nursery->gone = true;
    for (uint32_t i = 0; i < nursery->slots_count; i++) /* they end with it */
        if (nursery->slots[i].phase != SLOT_FREE)
            lose(room, &nursery->slots[i], SIGKILL);
}

void rk__nursery_died(rk__room_of_processes *room, uint32_t endpoint) {
    rk__nursery *nursery = room->nursery;
    if (nursery == NULL)
        return;
    slot *own = slot_of(nursery, endpoint);
    int wait_status = SIGKILL;
    rk__mail_death_reason(room->mail, endpoint, &wait_status);
    if (own != NULL && own->phase != SLOT_FREE)
        free_slot(room, own, wait_status);
    for (uint32_t i = 0; i < nursery->slots_count; i++) {
        slot *child = &nursery->slots[i];
        if (child->phase != SLOT_FREE && child->owner == endpoint)
            send_signal(nursery, child, SIGKILL);
        if (endpoint < rk__mail_ranks(room->mail))
            child->strangers[endpoint] = false;
        look_at(room, child);
    }
}

/* ---- the thread that listens ---- */

static void post(rk__nursery *nursery, rk__process_op op, const rk__keeper_message *message) {
    rk__letter letter = {.room = RK__ROOM_PROCESS,
                         .op = (uint16_t)op,
                         .a = message->slot,
                         .b = message->birth,
                         .c = (uint64_t)message->value};
    while (!rk__mail_post(nursery->mail, &letter))
        rk__sleep_ns(NAP_NS);
}

static void *listen_to_helper(void *ctx) {
    rk__nursery *nursery = ctx;
    rk__keeper_message message = {0};
    bool got;
    while (!atomic_load(&nursery->ending) &&
           rk__helper_receive(nursery->helper_fd, &message, sizeof message, LISTEN_MS, NULL, &got, NULL) == RK_OK)
        if (got && message.verb == RK__KEEPER_LOST)
            post(nursery, RK__PROCESS_LOST, &message);
    post(nursery, RK__PROCESS_HELPER_GONE, &message);
    return NULL;
}

static void free_memory(rk__nursery *nursery) {
    free(nursery->slots);
    free(nursery->strangers);
    free(nursery);
}

static rk_status allocate(rk__nursery *nursery, rk_error *err) {
    uint32_t ranks = rk__mail_ranks(nursery->mail);
    RK_TRY(rk__alloc((void **)&nursery->slots, nursery->slots_count, sizeof *nursery->slots, "children", err));
    RK_TRY(rk__alloc((void **)&nursery->strangers, (size_t)nursery->slots_count * ranks, sizeof *nursery->strangers,
                     "children", err));
    for (uint32_t i = 0; i < nursery->slots_count; i++)
        nursery->slots[i].strangers = &nursery->strangers[(size_t)i * ranks];
    return RK_OK;
}

rk_status rk__process_keep(rk__mail *mail, const rk__helper *helper, int arena_fd, uint64_t arena_bytes,
                           rk_error *err) {
    rk__nursery *made;
    RK_TRY(rk__alloc((void **)&made, 1, sizeof *made, "children", err));
    made->mail = mail;
    made->helper_fd = helper->fd;
    made->arena_fd = arena_fd;
    made->arena_bytes = arena_bytes;
    made->last_birth = rk__wall_ns();
    made->slots_count = rk__mail_endpoints(mail) / rk__mail_ranks(mail) - 1;
    made->last_slot = made->slots_count - 1;
    rk_status status = allocate(made, err);
    int failed = status == RK_OK ? pthread_create(&made->listener, NULL, listen_to_helper, made) : 0;
    if (failed != 0)
        status = rk__fail(err, RK_ENOMEM, "starting a thread: %s", rk__errno_text(failed));
    if (status != RK_OK)
        free_memory(made);
    else
        rk__process_room(mail)->nursery = made;
    return status;
}

void rk__nursery_destroy(rk__nursery *nursery) {
    if (nursery == NULL)
        return;
    atomic_store(&nursery->ending, true);
    shutdown(nursery->helper_fd, SHUT_RDWR); /* the thread and the helper find that nobody is there */
    pthread_join(nursery->listener, NULL);
    free_memory(nursery);
}
