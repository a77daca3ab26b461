/* Process. */
#include "scenarios.h"

static rk_status tell_code(const char *what, rk_process process, rk_error *err) {
    int code;
    RK_TRY(rk_process_exit_code(process, &code, err));
    if (code == RK_PROCESS_RUNNING)
        printf("%s: None\n", what);
    else
        printf("%s: %s\n", what, code == 0 ? "0" : code < 0 ? "a signal" : "a failure");
    return RK_OK;
}

static rk_status tell_alive(rk_process process, rk_error *err) {
    bool alive;
    RK_TRY(rk_process_is_alive(process, &alive, err));
    answered("is_alive", alive);
    return RK_OK;
}

static rk_status life(rk_error *err) {
    gated gate = {.x = 2};
    rk_process process;
    rk_process_info info;
    RK_TRY(make_gate(&gate, err));
    RK_TRY(rk_process_start(&process, wait_at_gate, &gate, sizeof gate, NULL, err));
    rk_process_join(process, 0.05, NULL);
    RK_TRY(tell_alive(process, err));
    RK_TRY(tell_code("exitcode", process, err));
    numbered("active_children", rk_active_children(NULL, 0));
    told("close", rk_process_close(process, NULL));
    RK_TRY(rk_event_set(gate.gate, err));
    told("join", rk_process_join(process, RK_FOREVER, err));
    told("join", rk_process_join(process, RK_FOREVER, err));
    RK_TRY(tell_alive(process, err));
    RK_TRY(tell_code("exitcode", process, err));
    numbered("active_children", rk_active_children(NULL, 0));
    RK_TRY(rk_process_get_info(process, &info, err));
    answered("daemon", info.daemon);
    told("close", rk_process_close(process, err));
    told("join after close", rk_process_join(process, RK_FOREVER, NULL) == RK_ENOENT ? RK_ECLOSED : RK_OK);
    return RK_OK;
}

static rk_status fail(rk_call *call) {
    return rk_call_fail(call, RK_EINVAL, "not today");
}

static rk_status ends(rk_error *err) {
    gated gate = {.x = 2};
    rk_process failing, stopped;
    RK_TRY(make_gate(&gate, err));
    RK_TRY(rk_process_start(&failing, fail, NULL, 0, NULL, err));
    RK_TRY(rk_process_join(failing, RK_FOREVER, err));
    RK_TRY(tell_code("exitcode", failing, err));
    RK_TRY(rk_process_start(&stopped, wait_at_gate, &gate, sizeof gate, NULL, err));
    RK_TRY(rk_event_wait(gate.begun, RK_FOREVER, err));
    RK_TRY(rk_process_terminate(stopped, err));
    RK_TRY(rk_process_join(stopped, RK_FOREVER, err));
    return tell_code("exitcode", stopped, err);
}

static rk_status tell_names(rk_call *call) {
    rk_process me, parent;
    rk_process_info mine, its;
    char text[2 * RK_PROCESS_NAME_MAX];
    RK_TRY(rk_current_process(&me, NULL));
    RK_TRY(rk_parent_process(&parent, NULL));
    RK_TRY(rk_process_get_info(me, &mine, NULL));
    RK_TRY(rk_process_get_info(parent, &its, NULL));
    int size = snprintf(text, sizeof text, "%s of %s", mine.name, its.name);
    return rk_call_return(call, text, (size_t)size + 1);
}

static rk_status names(rk_error *err) {
    rk_process_options options = RK_PROCESS_OPTIONS_INIT;
    rk_process process;
    void *text;
    size_t size;
    options.name = "worker";
    RK_TRY(rk_process_start(&process, tell_names, NULL, 0, &options, err));
    RK_TRY(rk_process_join(process, RK_FOREVER, err));
    RK_TRY(rk_process_result(process, &text, &size, err));
    printf("%s\n", (const char *)text);
    rk_free(text);
    return RK_OK;
}

/* ---- isolated ones end by themselves and at once ---- */

static rk_status compute_for_ever(rk_call *call) {
    RK_TRY(rk_event_set(*(const rk_event *)call->arg, NULL));
    for (volatile uint64_t n = 0;; n++)
        ;
}

static rk_status leave(rk_call *call) {
    (void)call;
    exit(7);
}

static rk_status crash(rk_call *call) {
    (void)call;
    abort();
}

static rk_status tell_end(const char *what, rk_process process, rk_error *err) {
    int code;
    RK_TRY(rk_process_join(process, RK_FOREVER, err));
    RK_TRY(rk_process_exit_code(process, &code, err));
    numbered(what, code);
    return RK_OK;
}

static rk_status isolated(rk_error *err) {
    static const struct {
        const char *what;
        rk_status (*end)(rk_process process, rk_error *err);
    } ends[] = {{"terminate", rk_process_terminate}, {"kill", rk_process_kill}};
    rk_process_options options = RK_PROCESS_OPTIONS_INIT;
    rk_process process;
    rk_event begun;
    options.isolate = true;
    RK_TRY(rk_event_create(&begun, err));
    for (int i = 0; i < 2; i++) {
        RK_TRY(rk_event_clear(begun, err));
        RK_TRY(rk_process_start(&process, compute_for_ever, &begun, sizeof begun, &options, err));
        RK_TRY(rk_event_wait(begun, RK_FOREVER, err));
        RK_TRY(ends[i].end(process, err));
        RK_TRY(tell_end(ends[i].what, process, err));
    }
    RK_TRY(rk_process_start(&process, leave, NULL, 0, &options, err));
    RK_TRY(tell_end("exit", process, err));
    RK_TRY(rk_process_start(&process, crash, NULL, 0, &options, err));
    return tell_end("abort", process, err);
}

static rk_status cores(rk_error *err) {
    (void)err;
    numbered("cpu_count", rk_node_cpu_count());
    numbered("sched_getaffinity", rk_affinity(NULL, 0));
    answered("as many on each node", rk_cpu_count() == rk_node_count() * rk_node_cpu_count());
    return RK_OK;
}

const scenario process_scenarios[] = {{"life", life},         {"ends", ends},   {"names", names},
                                      {"isolated", isolated}, {"cores", cores}, {NULL, NULL}};
