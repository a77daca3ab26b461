/* Waiting. Who waits with the baton polls; after a while it sleeps, and whoever sends it something rings. */
#include <math.h>
#include <sched.h>

#include "mail/mail_private.h"

#define SLEEP_MAX_NS      UINT64_C(100000000)
#define LINK_NAP_FIRST_NS UINT64_C(20000) /* MPI rings no bell: between nodes we look, ever less often */
#define LINK_NAP_MAX_NS   UINT64_C(1000000)
enum { LOOKS_PER_CLOCK = 16, QUIET_BEFORE_PAUSES = 64, YIELDS = 100 };

uint64_t rk__deadline(double timeout_seconds) {
    if (timeout_seconds > 9e9)
        return RK__NEVER;
    if (!(timeout_seconds > 0)) /* a time that has passed, or none at all */
        return rk__clock_ns();
    return rk__clock_ns() + (uint64_t)llround(timeout_seconds * 1e9);
}

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* ---- sleeping ---- */

static uint64_t sleep_limit(const rk__mail *mail, uint64_t now_ns, uint64_t nap_ns) {
    uint64_t deadline = rk__strand_next_deadline(mail);
    uint64_t most = mail->place.link != NULL || mail->waiting_count > 0 ? nap_ns : SLEEP_MAX_NS;
    uint64_t left = deadline > now_ns ? deadline - now_ns : 0;
    return left < most ? left : most;
}

/* Asleep until there is something for any of the strands. What comes after the state is set, rings. */
static void sleep_until_rung(rk__mail *mail, rk__strand *me, uint64_t nap_ns) {
    uint32_t seen = atomic_load(&mail->box->strand_bell);
    uint64_t now = rk__clock_ns();
    atomic_store(&mail->box->state, RK__BOX_ASLEEP);
    if (!rk__mail_has_pending(mail) && mail->self_first == NULL && !me->condition(me->ctx) &&
        rk__strand_ready(mail, now) == NULL)
        rk__bell_wait(&mail->box->strand_bell, seen, sleep_limit(mail, now, nap_ns));
    atomic_store(&mail->box->state, RK__BOX_POLLED);
}

/* ---- a wait ---- */

typedef struct patience {
    uint64_t now_ns;   /* the last look at the clock */
    uint64_t began_ns; /* the first look after news; 0: not yet */
    uint64_t nap_ns;
    unsigned looks; /* since the last one at the clock */
    unsigned quiet; /* since the last news */
} patience;

/* The clock is not looked at: what came may be what is waited for. */
static void begin_patience(patience *p) {
    p->began_ns = 0;
    p->nap_ns = LINK_NAP_FIRST_NS;
    p->quiet = 0;
}

/* Now and then, whatever comes: deadlines and duties don't wait for a lull. */
static bool look_at_clock(const rk__mail *mail, patience *p) {
    if (++p->looks < LOOKS_PER_CLOCK && !mail->place.crowded)
        return false;
    p->looks = 0;
    p->now_ns = rk__clock_ns();
    if (p->began_ns == 0)
        p->began_ns = p->now_ns;
    return true;
}

static void be_patient(rk__mail *mail, rk__strand *me, patience *p) {
    if (!mail->place.crowded && (p->began_ns == 0 || p->now_ns - p->began_ns < RK__SPIN_NS)) {
        if (++p->quiet > QUIET_BEFORE_PAUSES)
            relax();
        return;
    }
    sleep_until_rung(mail, me, p->nap_ns);
    p->nap_ns = p->nap_ns * 2 < LINK_NAP_MAX_NS ? p->nap_ns * 2 : LINK_NAP_MAX_NS;
    p->looks = LOOKS_PER_CLOCK;
}

static bool pass_on(rk__mail *mail, patience *p) {
    rk__strand *other = rk__strand_ready(mail, p->now_ns);
    if (other == NULL)
        return false;
    rk__strand_pass(mail, other);
    atomic_store(&mail->box->state, RK__BOX_POLLED);
    begin_patience(p);
    p->looks = LOOKS_PER_CLOCK;
    return true;
}

/* The others have their turn first: this one may not heed its end, or wait no time at all, and come again at once. */
static rk_status give_up(rk__mail *mail, const rk__strand *me, patience *p, rk_status why) {
    p->now_ns = rk__clock_ns();
    pass_on(mail, p);
    return me->condition(me->ctx) ? RK_OK : why;
}

/* Conditions of other strands may have come true with news, or with time. */
static rk_status poll_until(rk__mail *mail, rk__strand *me) {
    patience p = {.looks = LOOKS_PER_CLOCK};
    begin_patience(&p);
    for (;;) {
        bool news = rk__mail_poll(mail) > 0;
        if (news)
            begin_patience(&p);
        rk__death_noted(mail);
        if (me->condition(me->ctx))
            return RK_OK;
        if (me->interrupted && !me->steadfast)
            return give_up(mail, me, &p, RK_ECANCELLED);
        bool timed = look_at_clock(mail, &p);
        if (timed && p.now_ns >= me->deadline_ns)
            return give_up(mail, me, &p, RK_ETIMEDOUT);
        if ((news || timed) && pass_on(mail, &p))
            continue;
        if (timed)
            rk__death_duty(mail, p.now_ns);
        be_patient(mail, me, &p);
    }
}

static void go_away(rk__mail *mail) {
    atomic_store(&mail->box->state, RK__BOX_AWAY);
    if (rk__mail_has_pending(mail))
        rk__bell_ring(&mail->box->service_bell);
}

static rk_status wait_for(rk__mail *mail, rk__condition condition, void *ctx, uint64_t deadline_ns, bool steadfast) {
    rk__strand *me = mail->holder;
    if (condition(ctx))
        return RK_OK;
    me->steadfast = steadfast;
    me->condition = condition;
    me->ctx = ctx;
    me->deadline_ns = deadline_ns;
    me->phase = RK__STRAND_WAITS;
    atomic_store(&mail->box->state, RK__BOX_POLLED);
    rk_status status = poll_until(mail, me);
    me->phase = RK__STRAND_RUNS;
    go_away(mail);
    return status;
}

rk_status rk__wait(rk__mail *mail, rk__condition condition, void *ctx, uint64_t deadline_ns) {
    return wait_for(mail, condition, ctx, deadline_ns, false);
}

void rk__wait_out(rk__mail *mail, rk__condition condition, void *ctx) {
    wait_for(mail, condition, ctx, RK__NEVER, true);
}

static bool never(void *ctx) {
    (void)ctx;
    return false;
}

void rk__yield(rk__mail *mail) {
    rk__strand *me = mail->holder;
    rk__mail_poll(mail);
    me->condition = never;
    me->deadline_ns = 0; /* its turn comes when the other one waits */
    rk__strand *other = rk__strand_ready(mail, rk__clock_ns());
    if (other != NULL) {
        me->phase = RK__STRAND_WAITS;
        rk__strand_pass(mail, other);
        me->phase = RK__STRAND_RUNS;
        go_away(mail);
    }
}

void rk__help(rk__mail *mail) {
    if (!rk__mail_has_pending(mail))
        return;
    atomic_store(&mail->helping, true);
    pthread_mutex_lock(&mail->lock);
    atomic_store(&mail->helping, false);
    rk__mail_poll(mail);
    pthread_mutex_unlock(&mail->lock);
}

/* ---- the service thread ---- */

/* Letters to another node wait for room, which comes as they are read there: while they go, naps are short. Those of
 * their reader are as short as it takes. */
static uint64_t service_nap(const rk__mail *mail, bool news, uint64_t last_ns) {
    rk__link *link = mail->place.link;
    if (link == NULL)
        return SLEEP_MAX_NS;
    bool pressed = link->pressed;
    link->pressed = false;
    uint64_t nap = pressed ? last_ns / 2 : last_ns * 2;
    if (nap < LINK_NAP_FIRST_NS || (mail->waiting_count > 0 && news))
        nap = LINK_NAP_FIRST_NS;
    return nap < mail->link_nap_ns ? nap : mail->link_nap_ns;
}

static void *serve(void *ctx) {
    rk__mail *mail = ctx;
    rk__box *box = mail->box;
    uint64_t nap_ns = LINK_NAP_MAX_NS;
    for (;;) {
        bool news = false;
        uint32_t seen = atomic_load(&box->service_bell);
        atomic_store(&box->serving, 1);
        pthread_mutex_lock(&mail->lock);
        bool ending = mail->ending;
        if (!ending && atomic_load(&box->state) == RK__BOX_AWAY) {
            news = rk__mail_poll(mail) > 0;
            rk__death_duty(mail, rk__clock_ns());
        }
        nap_ns = service_nap(mail, news, nap_ns);
        pthread_mutex_unlock(&mail->lock);
        if (ending)
            return NULL;
        for (int i = 0; i < YIELDS && atomic_load(&mail->helping); i++)
            sched_yield(); /* mutexes are not fair */
        atomic_store(&box->serving, 0);
        if (atomic_load(&box->state) == RK__BOX_AWAY && rk__mail_has_pending(mail))
            continue;
        rk__bell_wait(&box->service_bell, seen, nap_ns);
    }
}

void rk__mail_set_link_nap(rk__mail *mail, uint64_t nap_ns) {
    mail->link_nap_ns = nap_ns > 0 ? nap_ns : LINK_NAP_MAX_NS;
}

rk_status rk__mail_serve_begin(rk__mail *mail, rk_error *err) {
    rk__mail_set_link_nap(mail, 0);
    int failed = pthread_create(&mail->service, NULL, serve, mail);
    return failed == 0 ? RK_OK : rk__fail(err, RK_ENOMEM, "starting a thread: %s", rk__errno_text(failed));
}

void rk__mail_serve_end(rk__mail *mail) {
    pthread_mutex_lock(&mail->lock);
    mail->ending = true;
    pthread_mutex_unlock(&mail->lock);
    rk__bell_ring(&mail->box->service_bell);
    pthread_join(mail->service, NULL);
}
