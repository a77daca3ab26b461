#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/base.h"

enum { SIGNAL_STACK_BYTES = 64 << 10 };
#define UNLIMITED (UINT64_C(64) << 20) /* of a thread, where the limit is none: glibc would give it 2 MiB */
#define SLACK     (UINT64_C(1) << 20)  /* how far behind the end of the stack a large frame may reach */

static _Thread_local uintptr_t top;
static _Thread_local void *signal_stack; /* NULL: the thread had one, or none was asked for */

/* That of a sanitizer, or of the program. */
static bool has_one(void) {
    stack_t now;
    return sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_DISABLE) == 0;
}

rk_status rk__stack_watch(rk_error *err) {
    char here;
    size_t bytes = (size_t)SIGSTKSZ > SIGNAL_STACK_BYTES ? (size_t)SIGSTKSZ : SIGNAL_STACK_BYTES;
    top = (uintptr_t)&here;
    if (has_one())
        return RK_OK;
    RK_TRY(rk__alloc(&signal_stack, 1, bytes, "a stack for signals", err));
    stack_t stack = {.ss_sp = signal_stack, .ss_size = bytes};
    if (sigaltstack(&stack, NULL) == 0)
        return RK_OK;
    free(signal_stack);
    signal_stack = NULL;
    return rk__fail(err, RK_ENOMEM, "a stack for signals: %s", rk__errno_text(errno));
}

void rk__stack_unwatch(void) {
    stack_t none = {.ss_flags = SS_DISABLE};
    if (signal_stack != NULL)
        sigaltstack(&none, NULL);
    free(signal_stack);
    signal_stack = NULL;
}

/* 0: there is none. */
static uint64_t limit_bytes(void) {
    struct rlimit limit;
    bool some = getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return some ? limit.rlim_cur : 0;
}

int rk__thread_start(pthread_t *thread, bool detached, void *(*body)(void *ctx), void *ctx) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    if (detached)
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (limit_bytes() == 0)
        pthread_attr_setstacksize(&attributes, UNLIMITED);
    int failed = pthread_create(thread, &attributes, body, ctx);
    pthread_attr_destroy(&attributes);
    return failed;
}

bool rk__stack_holds(uintptr_t address) {
    uint64_t bytes = limit_bytes();
    if (bytes == 0)
        bytes = UNLIMITED;
    return address <= top && top - address <= bytes + SLACK;
}
