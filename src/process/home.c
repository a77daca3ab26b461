/* Processes that were started here. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/process_private.h"

rk__process *rk__home_find(rk__room_of_processes *room, uint64_t serial) {
    rk__process *process = room->processes;
    while (process != NULL && process->serial != serial)
        process = process->next;
    return process;
}

static void forget_orders(rk__process *process) {
    free(process->orders);
    process->orders = NULL;
    process->orders_size = 0;
}

void rk__home_free(rk__process *process) {
    rk__process **at = &process->room->processes;
    while (*at != process)
        at = &(*at)->next;
    *at = process->next;
    rk__watch_tell(process);
    forget_orders(process);
    free(process->outcome.bytes);
    free(process);
}

void rk__home_fini(rk__room_of_processes *room) {
    while (room->processes != NULL) {
        rk__process *process = room->processes;
        room->processes = process->next;
        while (process->watchers != NULL) {
            rk__watcher *watcher = process->watchers;
            process->watchers = watcher->next;
            free(watcher);
        }
        forget_orders(process);
        free(process->outcome.bytes);
        free(process);
    }
}

/* ---- its end ---- */

static void look_at_finish(rk__room_of_processes *room) {
    if (!room->finishing || rk__home_any_left(room, UINT64_MAX, room->finishing_daemons))
        return;
    room->finishing = false;
    rk__mail_answer(room->mail, room->finisher, RK_OK, 0, 0, NULL, 0, RK__PAYLOAD_COPY);
}

/* Nobody may ever ask. That of one that was not started is its starter's to tell. */
static void complain(const rk__process *process) {
    const rk__room_of_processes *room = process->room;
    rk_process_info info;
    if (room->failed == NULL || process->outcome.status == RK_OK || process->terminated || process->pid == 0)
        return;
    rk__home_describe(room, process, &info);
    room->failed(&info);
}

static void end(rk__process *process, int exit_code) {
    rk__room_of_processes *room = process->room;
    process->phase = RK__PROCESS_OVER;
    process->exit_code = exit_code;
    complain(process);
    forget_orders(process);
    if (process->placed)
        rk__process_send(room, 0, RK__PROCESS_UNPLACE, process->serial, 0, 0);
    rk__watch_tell(process);
    if (process->abandoned)
        rk__home_free(process);
    look_at_finish(room);
}

static void set_failure(rk__process *process, rk_status status, const char *text, uint64_t size) {
    process->outcome.status = status;
    snprintf(process->outcome.message, sizeof process->outcome.message, "%.*s", (int)size, text);
}

static void fail(rk__process *process, rk_status status, const char *text, uint64_t size) {
    set_failure(process, status, text, size);
    end(process, (int)status);
}

static int code_of_outcome(const rk__process *process) {
    rk_status status = process->outcome.status;
    return process->terminated && status == RK_ECANCELLED ? -SIGTERM : (int)status;
}

/* It has not returned. */
static void end_without_outcome(rk__process *process, bool known, int wait_status) {
    char text[200];
    int code = -SIGKILL;
    if (!known)
        snprintf(text, sizeof text, "rank %u, where '%s' ran, has died", process->rank, process->name);
    else if (WIFSIGNALED(wait_status)) {
        code = -WTERMSIG(wait_status);
        snprintf(text, sizeof text, "'%s' was ended by signal %d (%s)", process->name, -code, strsignal(-code));
    } else {
        code = WEXITSTATUS(wait_status);
        snprintf(text, sizeof text, "'%s' ended itself with exit code %d", process->name, code);
    }
    set_failure(process, RK_EDEAD, text, strlen(text));
    end(process, code);
}

static void host_died(rk__process *process) {
    int wait_status = 0;
    bool known = process->isolated && rk__mail_death_reason(process->room->mail, process->host, &wait_status);
    if (process->returned)
        end(process, code_of_outcome(process));
    else
        end_without_outcome(process, known, wait_status);
}

void rk__home_died(rk__room_of_processes *room, uint32_t endpoint) {
    for (rk__process *process = room->processes, *next; process != NULL; process = next) {
        next = process->next;
        if (process->host == endpoint && (process->phase == RK__PROCESS_STARTING || process->phase == RK__PROCESS_RUNS))
            host_died(process);
    }
}

void rk__home_ended(rk__room_of_processes *room, rk__letter *letter) {
    rk__process *process = rk__home_find(room, letter->a);
    if (process == NULL || process->host != letter->from || process->returned)
        return;
    process->returned = true;
    if (letter->status != RK_OK) {
        set_failure(process, (rk_status)letter->status, letter->bytes != NULL ? letter->bytes : "", letter->size);
    } else {
        process->outcome.size = letter->size;
        process->outcome.bytes = rk__letter_take(letter);
        if (process->outcome.size > 0 && process->outcome.bytes == NULL)
            set_failure(process, RK_ENOMEM, "no memory for what it returned", 30);
    }
    if (!process->isolated)
        end(process, code_of_outcome(process));
}

/* ---- ending it ---- */

static bool lives(const rk__process *process) {
    return process->phase != RK__PROCESS_OVER;
}

rk_status rk__home_signal(rk__process *process, int signal_number, rk_error *err) {
    rk__room_of_processes *room = process->room;
    if (!lives(process))
        return RK_OK;
    if (!process->isolated && signal_number == SIGKILL)
        return rk__fail(err, RK_EUNSUPPORTED,
                        "'%s' shares its process with rank %u and can't be killed: terminate it, or start it with "
                        ".isolate",
                        process->name, process->rank);
    process->terminated = true;
    if (process->phase < RK__PROCESS_STARTING) /* it is stopped as soon as it is there */
        return RK_OK;
    if (process->isolated)
        rk__child_signal(room->mail, &process->child, signal_number);
    else
        rk__process_send(room, process->host, RK__PROCESS_STOP, process->serial, 0, 0);
    return RK_OK;
}

static bool belongs_to(const rk__process *process, uint64_t parent_run) {
    return parent_run == UINT64_MAX || process->parent_run == parent_run;
}

void rk__home_terminate_daemons(rk__room_of_processes *room, uint64_t parent_run) {
    for (rk__process *process = room->processes; process != NULL; process = process->next)
        if (process->daemon && belongs_to(process, parent_run))
            rk__home_signal(process, SIGTERM, NULL);
}

bool rk__home_any_left(const rk__room_of_processes *room, uint64_t parent_run, bool daemons) {
    for (const rk__process *process = room->processes; process != NULL; process = process->next)
        if (lives(process) && belongs_to(process, parent_run) && (daemons || !process->daemon))
            return true;
    return false;
}

void rk__home_adopt(rk__room_of_processes *room, uint64_t parent_run) {
    for (rk__process *process = room->processes; process != NULL; process = process->next)
        if (process->parent_run == parent_run)
            process->parent_run = 0;
}

typedef struct finishing {
    const rk__room_of_processes *room;
    uint64_t parent_run;
    bool daemons;
} finishing;

static bool none_left(void *ctx) {
    const finishing *self = ctx;
    return !rk__home_any_left(self->room, self->parent_run, self->daemons);
}

bool rk__home_finish_own(rk__room_of_processes *room, uint64_t parent_run) {
    finishing own = {room, parent_run, false};
    rk__home_terminate_daemons(room, parent_run);
    if (rk__wait(room->mail, none_left, &own, RK__NEVER) != RK_OK)
        return false;
    own.daemons = true;
    return rk__wait(room->mail, none_left, &own, rk__clock_ns() + RK__DAEMONS_NS) == RK_OK;
}

void rk__home_finish(rk__room_of_processes *room, const rk__letter *letter) {
    rk__home_terminate_daemons(room, UINT64_MAX);
    room->finishing = true;
    room->finishing_daemons = letter->a != 0;
    room->finisher = (rk__question){letter->from, letter->call};
    look_at_finish(room);
}

/* ---- its beginning ---- */

static rk_status write_orders(rk__process *process, const rk__process_wish *wish, rk_error *err) {
    if (wish->size > SIZE_MAX - sizeof wish->orders)
        return rk__fail(err, RK_EOVERFLOW, "an argument of %zu bytes", wish->size);
    process->orders_size = sizeof wish->orders + wish->size;
    process->orders = malloc(process->orders_size);
    if (process->orders == NULL)
        return rk__fail(err, RK_ENOMEM, "no memory for an argument of %zu bytes", wish->size);
    memcpy(process->orders, &wish->orders, sizeof wish->orders);
    if (wish->size > 0)
        memcpy((char *)process->orders + sizeof wish->orders, wish->arg, wish->size);
    return RK_OK;
}

rk_status rk__home_begin(rk__room_of_processes *room, const rk__process_wish *wish, rk__process **out, rk_error *err) {
    rk__process *made;
    RK_TRY(rk__alloc((void **)&made, 1, sizeof *made, "a process", err));
    rk_status status = write_orders(made, wish, err);
    if (status != RK_OK) {
        free(made);
        return status;
    }
    made->room = room;
    made->serial = ++room->last_serial;
    made->parent_run = wish->parent_run;
    made->daemon = wish->orders.daemon != 0;
    made->isolated = wish->orders.isolated != 0;
    made->host = RK__NOBODY;
    made->exit_code = RK_PROCESS_RUNNING;
    memcpy(made->name, wish->orders.name, sizeof made->name);
    made->next = room->processes;
    room->processes = made;
    rk__process_send(room, 0, RK__PROCESS_PLACE, made->serial, wish->wanted_rank, 0);
    *out = made;
    return RK_OK;
}

static void send_orders(rk__process *process, uint32_t host) {
    rk__mail *mail = process->room->mail;
    rk__letter letter = {.to = host,
                         .room = RK__ROOM_PROCESS,
                         .op = RK__PROCESS_RUN,
                         .a = process->serial,
                         .b = process->child.birth,
                         .size = process->orders_size,
                         .bytes = process->orders};
    process->phase = RK__PROCESS_STARTING;
    process->host = host;
    process->orders = NULL;
    rk_error err = RK_ERROR_INIT;
    if (rk__mail_is_dead(mail, host)) {
        free(letter.bytes);
        host_died(process);
    } else if (rk__mail_send(mail, &letter, RK__PAYLOAD_TAKE, &err) != RK_OK) {
        fail(process, err.code, err.message, strlen(err.message));
    }
}

static void child_is_ready(void *ctx, rk_status status, const rk__child *child, const char *text) {
    rk__process *process = ctx;
    if (status != RK_OK) {
        fail(process, status, text, strlen(text));
        return;
    }
    process->child = *child;
    send_orders(process, child->endpoint);
}

void rk__home_placed(rk__room_of_processes *room, const rk__letter *letter) {
    rk__process *process = rk__home_find(room, letter->a);
    rk_error err = RK_ERROR_INIT;
    if (process == NULL || process->phase != RK__PROCESS_PLACING)
        return;
    process->placed = true;
    process->rank = (uint32_t)letter->b;
    if (!process->isolated) {
        send_orders(process, process->rank);
        return;
    }
    process->phase = RK__PROCESS_BEARING;
    if (rk__child_start(room->mail, process->rank, child_is_ready, process, &err) != RK_OK)
        fail(process, err.code, err.message, strlen(err.message));
}

void rk__home_started(rk__room_of_processes *room, const rk__letter *letter) {
    rk__process *process = rk__home_find(room, letter->a);
    if (process == NULL || process->phase != RK__PROCESS_STARTING || process->host != letter->from)
        return;
    if (letter->status != RK_OK) {
        if (process->isolated)
            rk__child_end(room->mail, &process->child);
        fail(process, (rk_status)letter->status, letter->bytes != NULL ? letter->bytes : "", letter->size);
        return;
    }
    process->phase = RK__PROCESS_RUNS;
    process->pid = (int64_t)letter->b;
    if (process->abandoned || process->terminated)
        rk__home_signal(process, SIGTERM, NULL);
}

/* ---- what can be seen of it ---- */

static void describe_main(const rk__mail *mail, rk_process_info *info) {
    snprintf(info->name, sizeof info->name, "MainProcess");
    info->pid = getpid();
    info->rank = (int)rk__mail_rank_of(mail, rk__mail_endpoint(mail));
    info->alive = true;
    info->exit_code = RK_PROCESS_RUNNING;
}

void rk__home_describe(const rk__room_of_processes *room, const rk__process *process, rk_process_info *info) {
    memset(info, 0, sizeof *info);
    if (process == NULL) {
        describe_main(room->mail, info);
        return;
    }
    memcpy(info->name, process->name, sizeof info->name);
    info->pid = process->pid;
    info->rank = (int)process->rank;
    info->daemon = process->daemon;
    info->isolated = process->isolated;
    info->alive = lives(process);
    info->exit_code = process->exit_code;
    info->status = info->alive ? RK_OK : process->outcome.status;
    if (!info->alive)
        memcpy(info->message, process->outcome.message, sizeof info->message);
}
