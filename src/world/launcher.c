#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world/helper.h"
#include "world/launch_private.h"

enum { WAIT_MS = 1000, HELD_BACK_MS = 50 };
#define LOOK_NS     UINT64_C(2000000000)
#define DESERTED_NS UINT64_C(15000000000)
#define LINGER_NS   UINT64_C(10000000000) /* mpirun's own end takes a second or two */
#define BROKEN_NS   UINT64_C(2000000000)
#define START_NS    UINT64_C(30000000000) /* and for each rank: */
#define RANK_NS     UINT64_C(50000000)

typedef struct launch {
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

/* ---- mpirun's stderr ---- */

/* What mpirun takes for a fault. Asked to end before all ranks listen to signals, those that do not yet end at the
 * first one, as they should; asked to end at once, all do. */
static bool is_expected(const launch *self) {
    bool at_once = self->stop.phase >= RK__STOP_TERM;
    return self->stop.asked && (at_once || (self->all_local && !has_begun(self)));
}

static bool read_stderr(launch *self) {
    char input[RK__RELAY_BYTES];
    ssize_t got = read(self->stderr_fd, input, sizeof input);
    if (got > 0 && !is_expected(self))
        rk__relay_add(&self->relay, input, (size_t)got);
    if (got == 0) {
        close(self->stderr_fd);
        self->stderr_fd = -1;
    }
    return got > 0;
}

static void relay_stderr(launch *self) {
    if (rk__relay_write(&self->relay, STDERR_FILENO) && self->stderr_fd >= 0) {
        read_stderr(self);
        rk__relay_write(&self->relay, STDERR_FILENO);
    }
}

/* What is in the pipe once mpirun has ended. Somebody else may hold the other end: no waiting for its end. */
static void relay_rest(launch *self) {
    while (self->stderr_fd >= 0 && read_stderr(self))
        while (!rk__relay_write(&self->relay, STDERR_FILENO))
            continue;
    rk__relay_flush(&self->relay);
    while (!rk__relay_write(&self->relay, STDERR_FILENO))
        continue;
    if (self->stderr_fd >= 0)
        close(self->stderr_fd);
}

/* ---- signals ---- */

/* A terminal's Ctrl-Z reaches us alone. mpirun stops the ranks, and goes on itself. */
static void suspend(const launch *self) {
    kill(self->mpirun, SIGTSTP);
    rk__launch_signals_suspend();
    kill(self->mpirun, SIGCONT);
}

static void take_signals(launch *self) {
    unsigned char numbers[64];
    ssize_t got = read(self->signal_fd, numbers, sizeof numbers);
    for (ssize_t i = 0; i < got; i++) {
        if (numbers[i] == SIGTSTP)
            suspend(self);
        else if (numbers[i] == SIGUSR1)
            rk__stop_drain(&self->stop, rk__clock_ns(), has_begun(self));
        else if (numbers[i] != SIGCHLD)
            rk__stop_request(&self->stop, rk__clock_ns(), has_begun(self));
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
    uint64_t now = rk__clock_ns(), deadline = self->stop.deadline_ns;
    if (deadline <= now)
        return 0;
    uint64_t left_ms = (deadline - now) / 1000000 + 1;
    return left_ms < WAIT_MS ? (int)left_ms : WAIT_MS;
}

static void wait_event(launch *self) {
    struct pollfd events[2] = {{.fd = self->signal_fd, .events = POLLIN}, {.fd = self->stderr_fd, .events = POLLIN}};
    int ready = poll(events, 2, wait_ms(self));
    if (ready == 0)
        rk__relay_flush(&self->relay);
    if (events[0].revents != 0)
        take_signals(self);
    if (ready == 0 || events[1].revents != 0 || self->relay.length > 0)
        relay_stderr(self);
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

static void stay_parent(launch *self) {
    self->began_ns = rk__clock_ns();
    while (!self->ended) {
        wait_event(self);
        end_in_time(self);
        look_at_result(self);
        look_at_ranks(self);
        send_due(self);
        reap(self);
    }
    relay_rest(self);
}

/* ---- the whole ---- */

static int exit_code_of(int wait_status) {
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

static rk_status run_mpirun(const rk__launch_command *command, const rk__launch_plan *plan, int signal_fd,
                            rk__launch_result *result, rk_error *err) {
    uint64_t limit_ns = plan->options->limit_ns;
    launch self = {.job = plan->job,
                   .signal_fd = signal_fd,
                   .all_local = plan->options->hostfile == NULL && !plan->allocation,
                   .ranks = plan->options->ranks,
                   .end_ns = limit_ns > 0 ? rk__clock_ns() + limit_ns : UINT64_MAX};
    rk__stop_init(&self.stop);
    rk__left_adopt(true);
    rk_status status = rk__launch_child_start(command, &self.mpirun, &self.stderr_fd, err);
    if (status == RK_OK)
        stay_parent(&self);
    rk__left_end();
    rk__left_adopt(false);
    if (status != RK_OK)
        return status;
    result->exit_code = exit_code_of(self.wait_status);
    bool broken;
    result->reported = has_reported(&self, &result->exit_code, &broken);
    result->interrupted = self.stop.asked;
    result->stuck = self.stuck;
    if (result->reported)
        result->output_fd = rk__launch_job_output(self.job);
    return RK_OK;
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
