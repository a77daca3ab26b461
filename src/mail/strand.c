/* Strands: the threads that run the user's functions in this process, one at a time. The one that runs holds the baton;
 * it gives it away only while it waits (or has ended), to one whose wait has come true, or that has not begun. */
#include <stdlib.h>

#include "mail/mail_private.h"

enum { LEAVES_PER_LOOK = 32 };

static _Thread_local rk__strand *self;
bool rk__copied;

rk__strand *rk__strand_self(void) {
    return self;
}

static void be_copy(void) {
    rk__copied = true;
    self = NULL;
}

static void watch_for_forks(void) {
    pthread_atfork(NULL, NULL, be_copy);
}

static rk_status refuse_stranger(rk_error *err) {
    if (rk__copied)
        return rk__fail(err, RK_EPERM,
                        "called in a process that was forked by a function that Rankine runs: there nothing of Rankine "
                        "can be used; rk_process_start with .isolate makes a process that can");
    return rk__fail(err, RK_EPERM,
                    "called by a thread that Rankine does not know: call it in the root function of rk_main, or in "
                    "functions that Rankine runs, on the thread it runs them on");
}

rk__mail *rk__enter(rk_error *err) {
    if (self == NULL) {
        refuse_stranger(err);
        return NULL;
    }
    pthread_mutex_lock(&self->mail->lock);
    self->entered = true;
    return self->mail;
}

/* MPI rings no bell, and the service thread looks at other nodes once in a while only: who calls again and again, say
 * for a lock that others want as well, looks too. */
static bool looks_at_link(rk__mail *mail) {
    return mail->place.link != NULL && ++mail->leaves % LEAVES_PER_LOOK == 0;
}

void rk__leave(rk__mail *mail) {
    if (looks_at_link(mail))
        rk__mail_poll(mail);
    while (mail->self_first != NULL) /* what we sent to ourselves is handled before we compute on */
        rk__mail_poll(mail);
    self->entered = false;
    pthread_mutex_unlock(&mail->lock);
}

void rk__mail_lock(rk__mail *mail) {
    pthread_mutex_lock(&mail->lock);
}

void rk__mail_unlock(rk__mail *mail) {
    pthread_mutex_unlock(&mail->lock);
}

uint32_t rk__mail_party(const rk__mail *mail) {
    return mail->place.endpoint * RK__STRANDS_MAX + mail->holder->number;
}

static rk_status make(rk__mail *mail, rk__strand **out, rk_error *err) {
    uint32_t number = 0;
    while (number < RK__STRANDS_MAX && mail->strands[number] != NULL)
        number++;
    if (number == RK__STRANDS_MAX)
        return rk__fail(err, RK_EFULL,
                        "rank %u runs %d functions side by side already, more it can't: start with more ranks",
                        rk__mail_rank_of(mail, mail->place.endpoint), RK__STRANDS_MAX);
    rk__strand *made;
    RK_TRY(rk__alloc((void **)&made, 1, sizeof *made, "a strand", err));
    made->mail = mail;
    made->number = number;
    pthread_cond_init(&made->turn, NULL);
    mail->strands[number] = made;
    mail->strand_count++;
    if (number >= mail->strand_top)
        mail->strand_top = number + 1;
    *out = made;
    return RK_OK;
}

static void forget(rk__strand *strand) {
    rk__mail *mail = strand->mail;
    mail->strands[strand->number] = NULL;
    mail->strand_count--;
    pthread_cond_destroy(&strand->turn);
    free(strand);
}

rk_status rk__strand_adopt(rk__mail *mail, rk_error *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_for_forks);
    RK_TRY(make(mail, &mail->holder, err));
    mail->holder->phase = RK__STRAND_RUNS;
    self = mail->holder;
    return RK_OK;
}

void rk__strand_abandon(rk__mail *mail) {
    forget(mail->holder);
    mail->holder = NULL;
    self = NULL;
}

/* ---- turns ---- */

static bool has_come_true(rk__strand *strand, uint64_t now_ns) {
    if (strand->phase == RK__STRAND_NEW)
        return true;
    return strand->phase == RK__STRAND_WAITS && ((strand->interrupted && !strand->steadfast) ||
                                                 strand->condition(strand->ctx) || strand->deadline_ns <= now_ns);
}

rk__strand *rk__strand_ready(rk__mail *mail, uint64_t now_ns) {
    if (mail->strand_count == 1)
        return NULL;
    uint32_t first = mail->holder->number; /* those behind us first, so that each has its turn */
    for (uint32_t i = 1; i < mail->strand_top; i++) {
        rk__strand *strand = mail->strands[(first + i) % mail->strand_top];
        if (strand != NULL && strand != mail->holder && has_come_true(strand, now_ns))
            return strand;
    }
    return NULL;
}

uint64_t rk__strand_next_deadline(const rk__mail *mail) {
    uint64_t next = RK__NEVER;
    for (uint32_t i = 0; i < mail->strand_top; i++)
        if (mail->strands[i] != NULL && mail->strands[i]->phase == RK__STRAND_WAITS &&
            mail->strands[i]->deadline_ns < next)
            next = mail->strands[i]->deadline_ns;
    return next;
}

void rk__strand_pass(rk__mail *mail, rk__strand *to) {
    rk__strand *me = mail->holder;
    mail->holder = to;
    pthread_cond_signal(&to->turn);
    while (mail->holder != me)
        pthread_cond_wait(&me->turn, &mail->lock);
}

/* Any other will do: it polls for all. The first strand is always there, and waits. */
static void pass_and_go(rk__mail *mail) {
    rk__strand *to = rk__strand_ready(mail, rk__clock_ns());
    for (uint32_t i = 0; to == NULL; i++)
        if (mail->strands[i] != NULL && mail->strands[i] != mail->holder)
            to = mail->strands[i];
    forget(mail->holder);
    mail->holder = to;
    pthread_cond_signal(&to->turn);
}

static void begin(rk__strand *strand) {
    rk__mail *mail = strand->mail;
    rk__stack_watch(NULL); /* without, an overflow is not told */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_mutex_lock(&mail->lock);
    while (mail->holder != strand)
        pthread_cond_wait(&strand->turn, &mail->lock);
    self = strand;
    strand->phase = RK__STRAND_RUNS;
    atomic_store(&mail->box->state, RK__BOX_AWAY);
    if (rk__mail_has_pending(mail))
        rk__bell_ring(&mail->box->service_bell);
    pthread_mutex_unlock(&mail->lock);
}

static void end(rk__strand *strand) {
    rk__mail *mail = strand->mail;
    rk__stack_unwatch();
    pthread_mutex_lock(&mail->lock);
    pass_and_go(mail);
    pthread_mutex_unlock(&mail->lock);
}

static void be_lost(void *ctx) {
    rk__strand *strand = ctx;
    if (strand->entered) /* cancelled in a call: nobody knows what of it is done */
        abort();
    if (strand->lost != NULL)
        strand->lost(strand->body_ctx);
    end(strand);
}

static void *run(void *ctx) {
    rk__strand *strand = ctx;
    begin(strand);
    pthread_cleanup_push(be_lost, strand);
    strand->body(strand->body_ctx);
    pthread_cleanup_pop(0);
    end(strand);
    return NULL;
}

rk_status rk__strand_start(rk__mail *mail, void (*body)(void *ctx), void *ctx, uint32_t *party, rk_error *err) {
    rk__strand *made;
    RK_TRY(make(mail, &made, err));
    made->body = body;
    made->body_ctx = ctx;
    int failed = rk__thread_start(&made->thread, true, run, made);
    if (failed != 0) {
        forget(made);
        return rk__fail(err, RK_ENOMEM, "starting a thread: %s", rk__errno_text(failed));
    }
    *party = mail->place.endpoint * RK__STRANDS_MAX + made->number;
    return RK_OK;
}

void rk__strand_set_lost(rk__mail *mail, void (*lost)(void *ctx)) {
    mail->holder->lost = lost;
}

bool rk__strand_interrupt(rk__mail *mail, uint32_t party) {
    rk__strand *strand = mail->strands[party % RK__STRANDS_MAX];
    if (rk__party_endpoint(party) != mail->place.endpoint || strand == NULL)
        return false;
    strand->interrupted = true;
    return true;
}

bool rk__strand_interrupted(const rk__mail *mail) {
    return mail->holder->interrupted;
}

void rk__strand_set_context(rk__mail *mail, void *context) {
    mail->holder->context = context;
}

void *rk__strand_context(const rk__mail *mail) {
    return mail->holder->context;
}
