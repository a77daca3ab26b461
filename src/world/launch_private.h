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
 *   launch_signals.c   our own signals, turned into bytes of a pipe
 *   launch_relay.c     mpirun's stderr to ours, less what mpirun says of the signals we send it, and less what rank 0
 *                      tells us by it from a host that does not see the job's directory
 *   launch_rank.c      the rank's side
 *   launch_probe.c     can each of these hosts be started on?
 *
 * Processes. The launcher stays in the foreground; mpirun leads a process group of its own, so that a terminal's Ctrl-C
 * reaches the launcher alone; mpirun puts each rank into a group of its own.
 *
 * Why mpirun's stderr is relayed: Open MPI 4.1 announces each signal that it passes on ("mpirun: Forwarding signal 10
 * to job"). Its option to be quiet also silences its errors. */
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

/* ---- launch_job.c ---- */

typedef struct rk__launch_job {
    rk__launch_directory directory; /* RANKINE_JOB */
    rk__launch_directory shm;       /* where Open MPI puts its shared memory; none: where it likes */
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
/* What is due: a signal for mpirun's process (SIGUSR1) or its whole group (SIGTERM, SIGKILL); 0: nothing. Call until 0.
 */
int rk__stop_due(rk__stop *stop, uint64_t now_ns);

/* ---- launch_signals.c ---- */

/* From open to close this process's INT, TERM, HUP, USR1, TSTP and CHLD become bytes to read from the returned
 * descriptor, and PIPE is ignored. One launch at a time in a process. */
rk_status rk__launch_signals_open(int *fd, rk_error *err);
/* Stop as TSTP does by default; returns when we go on. */
void rk__launch_signals_suspend(void);
void rk__launch_signals_close(void);

/* ---- launch_relay.c ---- */

enum { RK__RELAY_BYTES = 4096, RK__BANNER_BYTES = 2048, RK__LAUNCH_WORD = '\x01' };

typedef struct rk__relay {
    size_t matched;  /* bytes of the announcement seen so far, held back */
    bool swallowing; /* the rest of its line */
    bool in_line;    /* something stands before on the line */
    bool in_banner;  /* behind its first line */
    bool in_note;    /* the line held back begins with a bracket */
    bool only_rule;  /* so far the line held back is of dashes */
    size_t held;     /* of banner */
    size_t line_at;  /* in banner: where its last line begins */
    /* rank 0's, if it is on another host: RK__LAUNCH_WORD "begun", RK__LAUNCH_WORD "exit CODE BROKEN", to line ends */
    bool in_word, begun, reported, broken;
    int exit_code;
    size_t word_length;
    char word[32];
    char banner[RK__BANNER_BYTES];
    size_t length; /* of output */
    char output[2 * RK__RELAY_BYTES + RK__BANNER_BYTES];
} rk__relay;

/* Adds at most RK__RELAY_BYTES of input to an empty output, without announcements, and without what mpirun says between
 * two lines of dashes of a rank that ended as one that can be resumed: that is told better elsewhere. */
void rk__relay_add(rk__relay *relay, const char *input, size_t length);
/* Gives out what is held back, when nothing came for a while. */
void rk__relay_flush(rk__relay *relay);
/* Writes the output out; false: a signal came first, call again. What cannot be written is dropped. */
bool rk__relay_write(rk__relay *relay, int fd);

/* ---- launch_rank.c ---- */

/* Columns of the terminal that is our stderr; 0: it is none. */
int rk__launch_own_columns(void);

#endif
