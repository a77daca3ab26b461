#include <stdlib.h>
#include <string.h>

#include "process/process_private.h"

#define PATIENCE_NS UINT64_C(10000000000)

rk__room_of_processes *rk__process_room(const rk__mail *mail) {
    return rk__mail_room(mail, RK__ROOM_PROCESS);
}

void rk__process_send(rk__room_of_processes *room, uint32_t to, rk__process_op op, uint64_t a, uint64_t b, uint64_t c) {
    rk__letter letter = {.to = to, .room = RK__ROOM_PROCESS, .op = (uint16_t)op, .a = a, .b = b, .c = c};
    rk__mail_send(room->mail, &letter, RK__PAYLOAD_COPY, NULL);
}

void rk__process_send_failure(rk__room_of_processes *room, uint32_t to, rk__process_op op, uint64_t a, rk_status status,
                              const char *text) {
    rk__letter letter = {.to = to,
                         .room = RK__ROOM_PROCESS,
                         .op = (uint16_t)op,
                         .status = (int32_t)status,
                         .a = a,
                         .size = strlen(text),
                         .bytes = (void *)(uintptr_t)text};
    rk__mail_send(room->mail, &letter, RK__PAYLOAD_COPY, NULL);
}

/* ---- questions about a process that lives here ---- */

static void answer_look(rk__room_of_processes *room, rk__question question, const rk__process *process) {
    rk_process_info info;
    rk__home_describe(room, process, &info);
    rk__mail_answer(room->mail, question, RK_OK, 0, 0, &info, sizeof info, RK__PAYLOAD_COPY);
}

static void answer_result(rk__room_of_processes *room, rk__question question, const rk__process *process) {
    const rk__outcome *outcome = &process->outcome;
    if (process->phase != RK__PROCESS_OVER)
        rk__mail_refuse(room->mail, question, RK_EPERM, "'%s' has not ended: join it first", process->name);
    else if (outcome->status != RK_OK)
        rk__mail_refuse(room->mail, question, outcome->status, "%s", outcome->message);
    else
        rk__mail_answer(room->mail, question, RK_OK, process->rank, 0, outcome->bytes, outcome->size, RK__PAYLOAD_COPY);
}

static void answer_close(rk__room_of_processes *room, rk__question question, rk__process *process) {
    if (process->phase != RK__PROCESS_OVER) {
        rk__mail_refuse(room->mail, question, RK_EPERM, "'%s' still runs: join or terminate it before close",
                        process->name);
        return;
    }
    rk__home_free(process);
    rk__mail_answer(room->mail, question, RK_OK, 0, 0, NULL, 0, RK__PAYLOAD_COPY);
}

static void answer_signal(rk__room_of_processes *room, rk__question question, rk__process *process, int number) {
    rk_error err = RK_ERROR_INIT;
    rk_status status = rk__home_signal(process, number, &err);
    rk__mail_answer(room->mail, question, status, 0, 0, err.message, strlen(err.message), RK__PAYLOAD_COPY);
}

static void answer(rk__room_of_processes *room, const rk__letter *letter) {
    rk__question question = {letter->from, letter->call};
    rk__process *process = rk__home_find(room, letter->a);
    if (process == NULL && letter->a == RK__MAIN_SERIAL && letter->op == RK__PROCESS_LOOK)
        answer_look(room, question, NULL);
    else if (process == NULL && letter->a == RK__MAIN_SERIAL)
        rk__mail_refuse(room->mail, question, RK_EPERM, "this is the main process of a rank: nobody started it");
    else if (process == NULL)
        rk__mail_refuse(room->mail, question, RK_ENOENT, "this process has been closed");
    else if (letter->op == RK__PROCESS_LOOK)
        answer_look(room, question, process);
    else if (letter->op == RK__PROCESS_RESULT)
        answer_result(room, question, process);
    else if (letter->op == RK__PROCESS_CLOSE)
        answer_close(room, question, process);
    else
        answer_signal(room, question, process, (int)letter->b);
}

/* ---- letters ---- */

static void receive_for_home(rk__room_of_processes *room, rk__letter *letter) {
    switch ((rk__process_op)letter->op) {
    case RK__PROCESS_PLACED:
        rk__home_placed(room, letter);
        break;
    case RK__PROCESS_STARTED:
        rk__home_started(room, letter);
        break;
    case RK__PROCESS_ENDED:
        rk__home_ended(room, letter);
        break;
    case RK__PROCESS_WATCH:
        rk__watch_begin(room, letter);
        break;
    case RK__PROCESS_UNWATCH:
        rk__watch_end(room, letter);
        break;
    case RK__PROCESS_READY:
        rk__watch_ready(room, letter);
        break;
    case RK__PROCESS_FINISH:
        rk__home_finish(room, letter);
        break;
    case RK__PROCESS_BORN:
        rk__bearing_born(room, letter);
        break;
    default:
        answer(room, letter);
    }
}

static void receive(void *ctx, rk__letter *letter) {
    rk__room_of_processes *room = ctx;
    switch ((rk__process_op)letter->op) {
    case RK__PROCESS_PLACE:
        rk__place_ask(room, letter);
        break;
    case RK__PROCESS_UNPLACE:
        rk__place_end(room, letter);
        break;
    case RK__PROCESS_RUN:
        rk__run_receive(room, letter);
        break;
    case RK__PROCESS_STOP:
        rk__run_stop(room, letter);
        break;
    case RK__PROCESS_BEAR:
        rk__nursery_bear(room, letter);
        break;
    case RK__PROCESS_HELLO:
        rk__nursery_hello(room, letter);
        break;
    case RK__PROCESS_KNOWN:
        rk__nursery_known(room, letter);
        break;
    case RK__PROCESS_SIGNAL_CHILD:
        rk__nursery_signal(room, letter);
        break;
    case RK__PROCESS_LOST:
        rk__nursery_lost(room, letter);
        break;
    case RK__PROCESS_HELPER_GONE:
        rk__nursery_helper_gone(room);
        break;
    case RK__PROCESS_LEAVE:
        room->leaving |= letter->b == rk__mail_birth(room->mail);
        break;
    default:
        receive_for_home(room, letter);
    }
}

/* The child's slot is free before its process counts as ended: whoever waited for that may start the next. */
static void died(void *ctx, uint32_t endpoint) {
    rk__room_of_processes *room = ctx;
    rk__nursery_died(room, endpoint);
    rk__bearing_died(room, endpoint);
    rk__home_died(room, endpoint);
    rk__watch_died(room, endpoint);
    rk__run_died(room, endpoint);
    rk__place_died(room, endpoint);
}

static void destroy(void *ctx) {
    rk__room_of_processes *room = ctx;
    rk__nursery_destroy(room->nursery);
    rk__bearing_fini(room);
    rk__home_fini(room);
    while (room->placings != NULL) {
        rk__placing *placing = room->placings;
        room->placings = placing->next;
        free(placing);
    }
    free(room);
}

rk_status rk__process_attach(rk__mail *mail, rk__process_failed failed, rk_error *err) {
    static const rk__room_ops ops = {receive, died, destroy};
    rk__room_of_processes *room;
    RK_TRY(rk__alloc((void **)&room, 1, sizeof *room, "the room of processes", err));
    room->mail = mail;
    room->failed = failed;
    room->last_serial = room->last_run = room->last_request = rk__wall_ns();
    rk__mail_attach(mail, RK__ROOM_PROCESS, &ops, room);
    return RK_OK;
}

static bool finish(rk__mail *mail, uint32_t rank, uint64_t daemons, uint64_t deadline_ns) {
    rk__letter question = {.to = rank, .room = RK__ROOM_PROCESS, .op = RK__PROCESS_FINISH, .a = daemons};
    return rk__mail_ask(mail, &question, deadline_ns, NULL, NULL) != RK_ETIMEDOUT;
}

bool rk__process_finish(void (*waits)(uint32_t rank)) {
    rk__mail *mail = rk__enter(NULL);
    bool all = true;
    uint32_t ranks = mail != NULL ? rk__mail_ranks(mail) : 0;
    for (uint32_t rank = 0; rank < ranks; rank++)
        if (!finish(mail, rank, 0, rk__clock_ns() + PATIENCE_NS)) {
            if (waits != NULL)
                waits(rank);
            finish(mail, rank, 0, RK__NEVER);
        }
    uint64_t deadline = rk__clock_ns() + RK__DAEMONS_NS;
    for (uint32_t rank = 0; rank < ranks; rank++)
        all &= finish(mail, rank, 1, deadline);
    if (mail != NULL)
        rk__leave(mail);
    return all;
}
