/* The launcher's parts. Private to src/world.
 *
 * Problem. A person types `rankine run ... -n 8`: mpirun must be found and given sensible options, Ctrl-C must drain
 * the run and not kill it, the result must be the run's own, and nothing may be left behind, whatever died.
 *
 *   launcher.c         rk__launch: puts the parts together
 *   launch_command.c   mpirun's path, arguments and environment (no side effects)
 *   launch_job.c       the job's directories and shared memory; the exit code that rank 0 left
 *   launch_directory.c making and removing them, also those that killed launchers have left
 *   launch_child.c     fork and exec of mpirun
 *   launch_stop.c      what to send mpirun when: a state machine over a given clock
 *   launch_signals.c   our own signals, turned into notes in a pipe
 *   launch_relay.h     what the ranks and mpirun print, on its way to our stdout and stderr: parts of its own
 *   launch_rank.c      the rank's side
 *   launch_scribe.c    a rank's output, on its way to the launcher: see launch_relay.h
 *   launch_probe.c     can each of these hosts be started on?
 *   launch_doubt.c     asks why the ranks do not begin
 *
 * Processes. The launcher stays in the foreground; mpirun leads a process group of its own, so that a terminal's Ctrl-C
 * reaches the launcher alone; mpirun puts each rank into a group of its own.
 *
 * Why mpirun's stderr is relayed: ranks' lines get a label (launch_relay.h); and Open MPI 4.1 announces each signal
 * that it passes on ("mpirun: Forwarding signal 10 to job"). Its option to be quiet also silences its errors. */
#ifndef RANKINE_LAUNCH_PRIVATE_H
#define RANKINE_LAUNCH_PRIVATE_H

#include <sys/types.h>

#include "world/world.h"

/* ---- launch_directory.c ---- */

typedef struct rk__launch_directory {
    char *path;  /* NULL: none */
    int lock_fd; /* says that we live; -1 where locks are not to be had */
} rk__launch_directory;

rk_status rk__launch_directory_make(rk__launch_directory *out, const char *parent, rk_error *err);
/* Removes it with all that is in it, and the shared memory named after it. */
void rk__launch_directory_remove(rk__launch_directory *directory);
/* Removes those of this user in `parent` whose launcher was killed on this host. */
void rk__launch_directory_sweep(const char *parent);
/* Open MPI 4.1's session directory of that mpirun on this host, "ompi.HOST.UID/pid.PID", which it leaves if it is
 * killed. It cannot be in a directory of ours if there are several hosts: the others would have to make that, and
 * nobody removes it there; and the option for this host alone (orte_local_tmpdir_base) reaches the ranks too, which
 * refuse it. */
void rk__launch_session_remove(pid_t mpirun);

/* ---- launch_job.c ---- */

enum { RK__SECRET_BYTES = 17 }; /* 64 random bits in hexadecimal digits */

typedef struct rk__launch_job {
    rk__launch_directory directory; /* RANKINE_JOB */
    rk__launch_directory shm;       /* where Open MPI puts its shared memory; none: where it likes */
    char secret[RK__SECRET_BYTES];  /* RANKINE_SECRET: by it the ranks' words are told from what they print */
} rk__launch_job;

enum { RK__LAUNCH_NODES_MAX = 64, RK__LAUNCH_NAME_MAX = 32 };

/* Also removes what killed launchers have left. */
rk_status rk__launch_job_create(rk__launch_job *job, rk_error *err);
/* Removes all that the job left on this machine. */
void rk__launch_job_destroy(rk__launch_job *job);
bool rk__launch_job_begun(const rk__launch_job *job);
/* Rank 0 has begun on this host, and its process is there no more. */
bool rk__launch_job_headless(const rk__launch_job *job);
/* What rank 0 has left to be printed; the caller's to close. -1: nothing. */
int rk__launch_job_output(const rk__launch_job *job);
/* *broken: ranks were lost, and mpirun may wait for them for ever. */
bool rk__launch_job_reported(const rk__launch_job *job, int *exit_code, bool *broken);
/* The job's name for shared memory, made from its directory. */
void rk__launch_name_of(const char *directory, char *buffer, size_t size);

/* ---- launch_command.c ---- */

typedef struct rk__launch_plan {
    const rk__launch_options *options;
    const rk__launch_job *job;
    int cores;
    int tty_columns; /* 0: no terminal to write progress to */
    bool root;
    bool allocation; /* a batch system gave us the machine */
} rk__launch_plan;

typedef struct rk__launch_command {
    char *path;  /* mpirun */
    char **argv; /* owned, as is envp */
    char **envp;
} rk__launch_command;

/* In a job of Slurm, PBS, LSF or Grid Engine? Then mpirun takes hosts and slots from there. */
bool rk__launch_in_allocation(void);
rk_status rk__launch_find_mpirun(char **path, rk_error *err);
rk_status rk__launch_command_create(rk__launch_command *command, const rk__launch_plan *plan, rk_error *err);
void rk__launch_command_fini(rk__launch_command *command);

/* ---- launch_child.c ---- */

/* Starts mpirun as the leader of a process group of its own. *stderr_fd: its stderr, to read without blocking. */
rk_status rk__launch_child_start(const rk__launch_command *command, pid_t *pid, int *stderr_fd, rk_error *err);

/* ---- launch_stop.c ---- */

typedef enum rk__stop_phase { RK__STOP_NONE, RK__STOP_DRAIN, RK__STOP_TERM, RK__STOP_KILL } rk__stop_phase;

typedef struct rk__stop {
    rk__stop_phase phase;
    bool asked;           /* somebody wants us to end */
    bool lingering;       /* mpirun is there for nothing */
    uint64_t request_ns;  /* of the last request that counted; 0: there was none */
    uint64_t deadline_ns; /* when to act next; UINT64_MAX: never */
} rk__stop;

void rk__stop_init(rk__stop *stop);
/* INT, TERM or HUP came; have the ranks begun? */
void rk__stop_request(rk__stop *stop, uint64_t now_ns, bool begun);
/* USR1 came: DRAIN, however often. It is no reason to take the next request for the second one. */
void rk__stop_drain(rk__stop *stop, uint64_t now_ns, bool begun);
/* Rank 0 has left its result, or is gone: mpirun has to end soon. The first call counts. */
void rk__stop_linger(rk__stop *stop, uint64_t now_ns, uint64_t patience_ns);
/* It has not to end before then, unless somebody asked for it. */
void rk__stop_put_off(rk__stop *stop, uint64_t until_ns);
/* What is due: a signal for mpirun's process (SIGUSR1) or its whole group (SIGTERM, SIGKILL); 0: nothing. Call until 0.
 */
int rk__stop_due(rk__stop *stop, uint64_t now_ns);

/* ---- launch_signals.c ---- */

typedef struct rk__signal_note {
    uint64_t at_ns; /* when it came */
    int number;
} rk__signal_note;

/* From open to close this process's INT, TERM, HUP, USR1, TSTP and CHLD become notes to read from the returned
 * descriptor, and PIPE is ignored. One launch at a time in a process. */
rk_status rk__launch_signals_open(int *fd, rk_error *err);
/* Stop as TSTP does by default; returns when we go on. */
void rk__launch_signals_suspend(void);
void rk__launch_signals_close(void);

/* ---- launch_doubt.c ---- */

typedef struct rk__launch_doubt {
    bool asked;
    pid_t pid;
    int fd;       /* the answer will come here; -1: nobody is asking */
    rk__text why; /* the answer; empty: it is not known */
} rk__launch_doubt;

/* Asks options->doubt, in a process of its own. */
void rk__launch_doubt_begin(rk__launch_doubt *doubt, const rk__launch_options *options, bool ended);
/* Reads what is there of the answer, without waiting. */
void rk__launch_doubt_read(rk__launch_doubt *doubt);
/* Nobody wants to know any more. */
void rk__launch_doubt_end(rk__launch_doubt *doubt);

/* ---- launch_rank.c ---- */

uint64_t rk__launch_random(void);
/* What this rank's launcher knows its words by; "": there is none. */
const char *rk__launch_secret(void);
/* Columns of the terminal that is our stderr; 0: it is none. */
int rk__launch_own_columns(void);

#endif
