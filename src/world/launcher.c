#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world/helper.h"
#include "world/launch_private.h"
#include "world/launch_relay.h"

enum { WAIT_MS = 1000, HELD_BACK_MS = 50 };
#define LOOK_NS     UINT64_C(2000000000)
#define DESERTED_NS UINT64_C(15000000000)
#define LINGER_NS   UINT64_C(10000000000) /* mpirun's own end takes a second or two */
#define BROKEN_NS   UINT64_C(2000000000)
#define REST_NS     UINT64_C(3000000000)
#define START_NS    UINT64_C(30000000000) /* and for each rank: */
#define RANK_NS     UINT64_C(50000000)
#define DOUBT_NS    UINT64_C(2000000000)

typedef struct launch {
    const rk__launch_options *options;
    const rk__launch_job *job;
    pid_t mpirun;
    int signal_fd, stderr_fd;
    bool ended;
    int wait_status;
    rk__stop stop;
    uint64_t began_ns;
    bool begun, stuck;                /* stuck: they have not all begun, and will not */
    int ranks, started;               /* wanted; there at the last look */
    bool all_local;                   /* the ranks are children of mpirun */
    uint64_t end_ns;                  /* when the job has to end; UINT64_MAX: never */
    uint64_t looked_ns, inhabited_ns; /* when we looked for them; when there was one; 0: not yet */
    rk__launch_doubt doubt;           /* of a start that does not get on */
    rk__relay relay;
} launch;

/* ---- what rank 0 has left, or said ---- */

static bool has_begun(const launch *self) {
    return self->relay.begun || rk__launch_job_begun(self->job);
}

static bool has_reported(const launch *self, int *exit_code, bool *broken) {
    if (!self->relay.reported)
        return rk__launch_job_reported(self->job, exit_code, broken);
    *exit_code = self->relay.exit_code;
    *broken = self->relay.broken;
    return true;
}

/* ---- what is printed ---- */

/* What mpirun takes for a fault. Asked to end before all ranks listen to signals, those that do not yet end at the
 * first one, as they should; asked to end at once, all do. */
static bool is_expected(const launch *self) {
    bool at_once = self->stop.phase >= RK__STOP_TERM;
    return self->stop.asked && (at_once || (self->all_local && !has_begun(self)));
}

static bool read_stderr(launch *self) {
    char input[RK__RELAY_BYTES];
    ssize_t got = read(self->stderr_fd, input, sizeof input);
    self->relay.muted = is_expected(self);
    if (got > 0)
        rk__relay_add(&self->relay, input, (size_t)got, rk__clock_ns());
    if (got == 0) {
        close(self->stderr_fd);
        self->stderr_fd = -1;
    }
    return got > 0;
}

static const int output_fds[RK__STREAMS] = {STDOUT_FILENO, STDERR_FILENO};

/* false: somebody has to read first. */
static bool write_out(launch *self) {
    return rk__output_write(&self->relay.lines.output, output_fds);
}

static int blocked_fd(const launch *self) {
    return rk__output_waits_for(&self->relay.lines.output, output_fds);
}

static void relay_output(launch *self) {
    if (write_out(self) && self->stderr_fd >= 0) {
        read_stderr(self);
        write_out(self);
    }
}

/* ---- signals ---- */

/* A terminal's Ctrl-Z reaches us alone. mpirun stops the ranks, and goes on itself. */
static void suspend(const launch *self) {
    if (self->ended)
        return;
    kill(self->mpirun, SIGTSTP);
    rk__launch_signals_suspend();
    kill(self->mpirun, SIGCONT);
}

static void take_signals(launch *self) {
    rk__signal_note notes[16];
    ssize_t got = read(self->signal_fd, notes, sizeof notes);
    for (ssize_t i = 0; i < got / (ssize_t)sizeof *notes; i++) {
        if (notes[i].number == SIGTSTP)
            suspend(self);
        else if (notes[i].number == SIGUSR1)
            rk__stop_drain(&self->stop, notes[i].at_ns, has_begun(self));
        else if (notes[i].number != SIGCHLD)
            rk__stop_request(&self->stop, notes[i].at_ns, has_begun(self));
    }
}

static void send_due(launch *self) {
    int number;
    while ((number = rk__stop_due(&self->stop, rk__clock_ns())) != 0)
        kill(number == SIGUSR1 ? self->mpirun : -self->mpirun, number);
}

/* ---- waiting ---- */

static int wait_ms(const launch *self) {
    if (self->relay.matched > 0 || self->relay.held > 0)
        return HELD_BACK_MS;
    uint64_t now = rk__clock_ns(), deadline = self->stop.deadline_ns, due = rk__lines_due(&self->relay.lines);
    if (due < deadline)
        deadline = due;
    if (deadline <= now)
        return 0;
    uint64_t left_ms = (deadline - now) / 1000000 + 1;
    return left_ms < WAIT_MS ? (int)left_ms : WAIT_MS;
}

static void wait_event(launch *self) {
    int blocked = blocked_fd(self);
    struct pollfd events[4] = {{.fd = self->signal_fd, .events = POLLIN},
                               {.fd = blocked < 0 ? self->stderr_fd : -1, .events = POLLIN},
                               {.fd = self->doubt.fd, .events = POLLIN},
                               {.fd = blocked, .events = POLLOUT}};
    int ready = poll(events, 4, wait_ms(self));
    if (ready == 0)
        rk__relay_flush(&self->relay);
    if (events[0].revents != 0)
        take_signals(self);
    if (ready == 0 || events[1].revents != 0 || events[3].revents != 0)
        relay_output(self);
    if (blocked >= 0) /* we have not read: nobody is late with the rest of a line */
        rk__lines_wait_anew(&self->relay.lines, rk__clock_ns());
    rk__lines_give_due(&self->relay.lines, rk__clock_ns());
    write_out(self);
}

/* Others are processes that the ranks have left behind: somebody may wait for them to be gone. */
static void reap(launch *self) {
    int wait_status;
    pid_t got;
    while (!self->ended && (got = waitpid(-1, &wait_status, WNOHANG)) != 0) {
        if (got == self->mpirun)
            self->wait_status = wait_status;
        self->ended = got == self->mpirun || (got < 0 && errno == ECHILD);
    }
}

/* While they start ranks wait for each other, and mpirun, told to let the others live, lets them: for one that has
 * ended before it could begin too. mpirun starts one after the other: at two looks it would have come further. */
static void look_at_start(launch *self, uint64_t now) {
    if (self->begun || self->stop.lingering || self->stop.asked)
        return;
    self->begun = has_begun(self);
    int before = self->started, ranks = self->all_local ? rk__left_count_children(self->mpirun) : 0;
    bool missing = ranks > 0 && ranks < self->ranks && ranks == before;
    self->started = ranks;
    if (self->begun || (!missing && now - self->began_ns < START_NS + (uint64_t)self->ranks * RANK_NS))
        return;
    self->stuck = true;
    rk__stop_linger(&self->stop, now, 0);
}

/* The first sign of trouble, or too long a time. */
static void look_at_doubt(launch *self) {
    uint64_t now = rk__clock_ns();
    if (self->options->doubt == NULL || !self->relay.keeping)
        return;
    rk__launch_doubt_read(&self->doubt);
    if (has_begun(self) || self->stop.asked) {
        rk__launch_doubt_end(&self->doubt);
        rk__relay_give_kept(&self->relay);
    } else if (!self->doubt.asked && (self->relay.lost || now - self->began_ns > DOUBT_NS)) {
        rk__launch_doubt_begin(&self->doubt, self->options, false);
    } else if (self->doubt.why.length > 0 && self->doubt.fd < 0) {
        self->stuck = true;
        rk__stop_linger(&self->stop, now, 0);
    }
}

static void await_answer(launch *self) {
    while (self->doubt.fd >= 0 && !self->stop.asked) {
        wait_event(self);
        rk__launch_doubt_read(&self->doubt);
    }
}

/* mpirun has ended, and no run has begun: now all hosts are asked. */
static void doubt_the_end(launch *self) {
    await_answer(self);
    if (self->doubt.why.length > 0 || self->stop.asked)
        return;
    rk__launch_doubt_begin(&self->doubt, self->options, true);
    await_answer(self);
}

/* mpirun of Open MPI 4.1 waits for ever if a rank is killed while it starts (seen at one of some hundred kills at
 * random moments): if it has had ranks and has none any more, it is ended. */
static void end_deserted(launch *self, uint64_t now) {
    if (!self->all_local)
        return;
    if (rk__left_count_children(self->mpirun) > 0)
        self->inhabited_ns = now;
    else if (self->inhabited_ns != 0 && now - self->inhabited_ns > DESERTED_NS)
        kill(-self->mpirun, SIGKILL);
}

/* As if asked to end at once. */
static void end_in_time(launch *self) {
    uint64_t now = rk__clock_ns();
    if (now < self->end_ns)
        return;
    self->end_ns = UINT64_MAX;
    self->stop.asked = true;
    if (self->stop.phase < RK__STOP_TERM) {
        self->stop.phase = RK__STOP_TERM;
        self->stop.deadline_ns = now;
    }
}

/* Without rank 0 the others end; mpirun may not. */
static void look_at_result(launch *self) {
    int ignored;
    bool broken;
    if (self->stop.lingering)
        return;
    if (has_reported(self, &ignored, &broken))
        rk__stop_linger(&self->stop, rk__clock_ns(), broken ? BROKEN_NS : LINGER_NS);
    else if (rk__launch_job_headless(self->job))
        rk__stop_linger(&self->stop, rk__clock_ns(), BROKEN_NS);
}

static void look_at_ranks(launch *self) {
    uint64_t now = rk__clock_ns();
    if (now - self->looked_ns < LOOK_NS)
        return;
    self->looked_ns = now;
    look_at_start(self, now);
    end_deserted(self, now);
}

/* Nobody reads what we print, nor asks us to end: mpirun may wait for the same, and what rank 0 said may be behind it.
 * That time does not count. */
static bool is_held_up(launch *self) {
    uint64_t now = rk__clock_ns();
    if (blocked_fd(self) < 0 || self->stop.asked)
        return false;
    self->began_ns = now;
    if (self->inhabited_ns != 0)
        self->inhabited_ns = now;
    rk__stop_put_off(&self->stop, now + BROKEN_NS);
    return true;
}

/* mpirun has ended. false: asked to end, we have waited long enough for somebody to read it. */
static bool write_rest(launch *self) {
    uint64_t since = rk__clock_ns();
    size_t before = 0;
    while (!write_out(self)) {
        struct pollfd events[2] = {{.fd = self->signal_fd, .events = POLLIN},
                                   {.fd = blocked_fd(self), .events = POLLOUT}};
        poll(events, 2, HELD_BACK_MS);
        if (events[0].revents != 0)
            take_signals(self);
        end_in_time(self);
        if (self->relay.lines.output.written != before || !self->stop.asked)
            since = rk__clock_ns();
        before = self->relay.lines.output.written;
        if (rk__clock_ns() - since > REST_NS)
            return false;
    }
    return true;
}

/* What is in the pipe once mpirun has ended. Somebody else may hold the other end: no waiting for its end. */
static void relay_rest(launch *self) {
    bool written = write_rest(self);
    while (written && self->stderr_fd >= 0 && read_stderr(self))
        written = write_rest(self);
    rk__relay_end(&self->relay);
    if (written)
        write_rest(self);
    if (self->stderr_fd >= 0)
        close(self->stderr_fd);
}

static void stay_parent(launch *self) {
    self->began_ns = rk__clock_ns();
    while (!self->ended) {
        wait_event(self);
        end_in_time(self);
        if (!is_held_up(self)) {
            look_at_result(self);
            look_at_ranks(self);
            look_at_doubt(self);
        }
        send_due(self);
        reap(self);
    }
    if (self->relay.keeping && !has_begun(self))
        doubt_the_end(self);
    rk__launch_doubt_end(&self->doubt);
    if (self->doubt.why.length == 0)
        rk__relay_give_kept(&self->relay);
    relay_rest(self);
}

/* ---- the whole ---- */

static int exit_code_of(int wait_status) {
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

static void tell_result(const launch *self, rk__launch_result *result) {
    bool broken;
    result->exit_code = exit_code_of(self->wait_status);
    result->reported = has_reported(self, &result->exit_code, &broken);
    result->interrupted = self->stop.asked;
    result->stuck = self->stuck;
    snprintf(result->why, sizeof result->why, "%s", rk__text_get(&self->doubt.why));
    if (result->reported)
        result->output_fd = rk__launch_job_output(self->job);
}

static rk_status run_mpirun(const rk__launch_command *command, const rk__launch_plan *plan, int signal_fd,
                            rk__launch_result *result, rk_error *err) {
    uint64_t limit_ns = plan->options->limit_ns;
    launch self = {.options = plan->options,
                   .job = plan->job,
                   .doubt = {.fd = -1},
                   .signal_fd = signal_fd,
                   .all_local = plan->options->hostfile == NULL && !plan->allocation,
                   .ranks = plan->options->ranks,
                   .end_ns = limit_ns > 0 ? rk__clock_ns() + limit_ns : UINT64_MAX};
    rk__stop_init(&self.stop);
    RK_TRY(rk__relay_init(&self.relay, plan->options->ranks, plan->job->secret, err));
    self.relay.keeping = plan->options->doubt != NULL;
    rk__left_adopt(true);
    rk_status status = rk__launch_child_start(command, &self.mpirun, &self.stderr_fd, err);
    if (status == RK_OK)
        stay_parent(&self);
    rk__left_end();
    rk__left_adopt(false);
    if (status == RK_OK)
        rk__launch_session_remove(self.mpirun);
    if (status == RK_OK)
        tell_result(&self, result);
    rk__relay_fini(&self.relay);
    rk__text_fini(&self.doubt.why);
    return status;
}

static rk_status launch_job(const rk__launch_options *options, const rk__launch_job *job, int signal_fd,
                            rk__launch_result *result, rk_error *err) {
    rk__launch_plan plan = {.options = options,
                            .job = job,
                            .cores = rk__world_cores(),
                            .tty_columns = options->quiet ? 0 : rk__launch_own_columns(),
                            .root = geteuid() == 0,
                            .allocation = rk__launch_in_allocation()};
    rk__launch_command command;
    RK_TRY(rk__launch_command_create(&command, &plan, err));
    rk_status status = run_mpirun(&command, &plan, signal_fd, result, err);
    rk__launch_command_fini(&command);
    return status;
}

rk_status rk__launch(const rk__launch_options *options, rk__launch_result *result, rk_error *err) {
    int signal_fd;
    result->output_fd = -1;
    RK_TRY(rk__launch_signals_open(&signal_fd, err)); /* first, so that no signal leaves a directory behind */
    rk__launch_job job;
    rk_status status = rk__launch_job_create(&job, err);
    if (status == RK_OK) {
        status = launch_job(options, &job, signal_fd, result, err);
        rk__launch_job_destroy(&job);
    }
    rk__launch_signals_close();
    return status;
}
