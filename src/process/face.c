/* Starting processes, and looking at them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process/process_private.h"

/* ---- who is who ---- */

static rk_process process_of(uint32_t home, uint64_t serial) {
    return (rk_process){{serial, home, RK__KIND_PROCESS}};
}

static rk_process current(rk__room_of_processes *room) {
    const rk__run *run = rk__run_current(room);
    return run != NULL ? process_of(run->home, run->serial)
                       : process_of(rk__mail_endpoint(room->mail), RK__MAIN_SERIAL);
}

rk_status rk_current_process(rk_process *process, rk_error *err) {
    RK__NEED(process, err);
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    *process = current(rk__process_room(mail));
    rk__leave(mail);
    return RK_OK;
}

rk_status rk_parent_process(rk_process *parent, rk_error *err) {
    RK__NEED(parent, err);
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    const rk__run *run = rk__run_current(rk__process_room(mail));
    rk_status status = RK_OK;
    if (run != NULL)
        parent->ref = run->orders->parent;
    else
        status = rk__fail(err, RK_ENOENT, "the main process of a rank has no parent");
    rk__leave(mail);
    return status;
}

int rk_active_children(rk_process *list, int max) {
    rk__mail *mail = rk__enter(NULL);
    if (mail == NULL)
        return -1;
    rk__room_of_processes *room = rk__process_room(mail);
    rk__yield(mail);
    const rk__run *run = rk__run_current(room);
    uint64_t number = run != NULL ? run->number : 0;
    int count = 0;
    for (const rk__process *process = room->processes; process != NULL; process = process->next) {
        if (process->parent_run != number || process->phase != RK__PROCESS_RUNS)
            continue;
        if (count < max && list != NULL)
            list[count] = process_of(rk__mail_endpoint(mail), process->serial);
        count++;
    }
    rk__leave(mail);
    return count;
}

/* ---- start ---- */

static rk_status check(const rk__mail *mail, const rk__run *run, const rk_process_options *options, rk_error *err) {
    if (run != NULL && run->orders->daemon)
        return rk__fail(err, RK_EPERM, "'%s' is a daemon: daemons may not start processes", run->orders->name);
    if (options->where < 0 || options->where > (int)rk__mail_ranks(mail))
        return rk__fail(err, RK_EINVAL, "rank %d: this program has ranks 0 to %u (any: .where = 0)", options->where - 1,
                        rk__mail_ranks(mail) - 1);
    if (options->where > 0 && rk__mail_is_dead(mail, (uint32_t)options->where - 1))
        return rk__fail(err, RK_EDEAD, "rank %d has died", options->where - 1);
    return RK_OK;
}

static void name_it(rk__orders *orders, const char *name, rk__room_of_processes *room, rk__run *run) {
    uint64_t number = run != NULL ? ++run->children : ++room->children;
    snprintf(orders->identity, sizeof orders->identity, "%s%s%llu", run != NULL ? run->orders->identity : "",
             run != NULL ? ":" : "", (unsigned long long)number);
    if (name != NULL)
        snprintf(orders->name, sizeof orders->name, "%s", name);
    else
        snprintf(orders->name, sizeof orders->name, "Process-%s", orders->identity);
}

static rk_status make_wish(rk__room_of_processes *room, rk_function function, const rk_process_options *options,
                           rk__process_wish *wish, rk_error *err) {
    rk__run *run = rk__run_current(room);
    RK_TRY(check(room->mail, run, options, err));
    RK_TRY(rk__function_name_of(function, &wish->orders.function, err));
    wish->wanted_rank = (uint32_t)options->where;
    wish->parent_run = run != NULL ? run->number : 0;
    wish->orders.parent = current(room).ref;
    wish->orders.daemon = options->daemon;
    wish->orders.isolated = options->isolate;
    name_it(&wish->orders, options->name, room, run);
    return RK_OK;
}

static bool is_decided(void *ctx) {
    return ((const rk__process *)ctx)->phase >= RK__PROCESS_RUNS;
}

static rk_status begin(rk__mail *mail, const rk__process_wish *wish, rk_process *out, rk_error *err) {
    rk__process *process;
    RK_TRY(rk__home_begin(rk__process_room(mail), wish, &process, err));
    rk_status status = rk__wait(mail, is_decided, process, RK__NEVER);
    if (status != RK_OK) {
        process->abandoned = process->daemon = true;
        return rk__fail(err, status, "terminated while starting '%s'", process->name);
    }
    if (process->pid != 0) {
        *out = process_of(rk__mail_endpoint(mail), process->serial);
        return RK_OK;
    }
    rk__fail(err, process->outcome.status, "%s", process->outcome.message);
    rk__home_free(process);
    return err != NULL ? err->code : RK_EDEAD;
}

rk_status rk_process_start(rk_process *process, rk_function function, const void *arg, size_t size,
                           const rk_process_options *options, rk_error *err) {
    RK__NEED(process, err);
    RK__NEED_BYTES(arg, size, err);
    static const rk_process_options defaults = RK_PROCESS_OPTIONS_INIT;
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    rk__process_wish wish = {.arg = arg, .size = size};
    rk_status status = make_wish(rk__process_room(mail), function, options != NULL ? options : &defaults, &wish, err);
    if (status == RK_OK)
        status = begin(mail, &wish, process, err);
    rk__leave(mail);
    return status;
}

/* ---- join ---- */

static bool is_ready(void *ctx) {
    return ((const rk__watch *)ctx)->ready;
}

static rk_status ask(rk__mail *mail, rk_ref ref, rk__process_op op, uint64_t b, rk__letter *answer, rk_error *err) {
    rk__letter question = {.to = ref.home, .room = RK__ROOM_PROCESS, .op = (uint16_t)op, .a = ref.serial, .b = b};
    RK_TRY(rk__ref_check(mail, ref, RK__KIND_PROCESS, err));
    return rk__mail_ask(mail, &question, RK__NEVER, answer, err);
}

static rk_status look(rk__mail *mail, rk_ref ref, rk_process_info *info, rk_error *err) {
    rk__letter answer;
    RK_TRY(ask(mail, ref, RK__PROCESS_LOOK, 0, &answer, err));
    memcpy(info, answer.bytes, sizeof *info);
    free(answer.bytes);
    return RK_OK;
}

static rk_status join(rk__mail *mail, rk_ref ref, double timeout_seconds, rk_error *err) {
    rk__watch watch;
    rk_ref me = current(rk__process_room(mail)).ref;
    if (me.serial == ref.serial && me.home == ref.home)
        return rk__fail(err, RK_EPERM, "a process can't join itself");
    RK_TRY(rk__process_watch(mail, ref, &watch, err));
    rk_status status = rk__wait(mail, is_ready, &watch, rk__deadline(timeout_seconds));
    rk__process_unwatch(mail, &watch);
    if (status != RK_OK)
        return rk__fail(err, status, status == RK_ETIMEDOUT ? "the process has not ended after %g s" : "terminated",
                        timeout_seconds);
    return rk__ref_check(mail, ref, RK__KIND_PROCESS, err);
}

rk_status rk_process_join(rk_process process, double timeout_seconds, rk_error *err) {
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    rk_status status = join(mail, process.ref, timeout_seconds, err);
    rk__leave(mail);
    return status;
}

/* ---- what can be seen ---- */

static rk_status look_and_let_run(rk_process process, rk_process_info *info, rk_error *err) {
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    rk__yield(mail);
    rk_status status = look(mail, process.ref, info, err);
    rk__leave(mail);
    return status;
}

rk_status rk_process_get_info(rk_process process, rk_process_info *info, rk_error *err) {
    RK__NEED(info, err);
    return look_and_let_run(process, info, err);
}

rk_status rk_process_is_alive(rk_process process, bool *alive, rk_error *err) {
    RK__NEED(alive, err);
    rk_process_info info;
    RK_TRY(look_and_let_run(process, &info, err));
    *alive = info.alive;
    return RK_OK;
}

rk_status rk_process_exit_code(rk_process process, int *code, rk_error *err) {
    RK__NEED(code, err);
    rk_process_info info;
    RK_TRY(look_and_let_run(process, &info, err));
    *code = info.exit_code;
    return RK_OK;
}

rk_status rk_process_result(rk_process process, void **bytes, size_t *size, rk_error *err) {
    rk__letter answer;
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    rk_status status = ask(mail, process.ref, RK__PROCESS_RESULT, 0, &answer, err);
    rk__leave(mail);
    if (status != RK_OK)
        return status;
    if (bytes != NULL)
        *bytes = answer.bytes;
    else
        free(answer.bytes);
    if (size != NULL)
        *size = (size_t)answer.size;
    return RK_OK;
}
