/* src/batch: Slurm, as a user has it: a script for sbatch, the job that we are in, and what the queue says.
 *
 * Problem. A run that takes longer than a job may, in jobs that Slurm stops, moves and starts again, has to finish by
 * itself, with no task lost or computed for nothing, and without a daemon that watches it.
 *
 * Idea. The run file says what is done, so all that is needed is a batch script that can be started any number of
 * times: it runs or resumes, passes Slurm's warning before the time limit on to the run, and asks for the next start.
 * It is plain text that a person can read, change and submit again.
 *
 *     directives  sbatch's options, as #SBATCH lines; those that the script depends on are understood
 *     script      the script, from these and the run's words
 *     command     runs sbatch and squeue: no shell, bounded time
 *     queue       what is submitted, and what the queue says of it
 *     obstacle    reasons for waiting that waiting does not mend
 *     note        FILE.job, beside the run file: the id of its job
 *     job         the job that this process is in, by its environment
 *
 * Invariants. A start never overwrites what an earlier one has computed. Every loop of the script has a bound. After a
 * TERM, which is Slurm's or the user's will that the job ends, nothing is started.
 *
 * Slurm's words: sbatch(1), squeue(1), scontrol(1). Private to the library. */
#ifndef RANKINE_BATCH_H
#define RANKINE_BATCH_H

#include "base/base.h"

/* ---- directives.c ---- */

typedef struct rk__batch_directives {
    rk__text lines;           /* "#SBATCH --nodes=3\n..." */
    uint64_t signal_seconds;  /* how long before the time limit the script is told */
    const char *chdir, *cpus; /* --chdir (which is no line yet), --cpus-per-task; NULL: not given; borrowed */
    bool names_job, asks_signal, says_open_mode, says_requeue;
} rk__batch_directives;

/* Words of a command line as sbatch takes them: -N3, -N 3, --nodes=3, --nodes 3. RK_EINVAL: one that the script cannot
 * live with (an array, another signal), or that cannot stand in a line. Fini it in any case. */
rk_status rk__batch_directives_read(rk__batch_directives *out, const char *const *words, size_t count, rk_error *err);
/* Those that the script needs, as far as they were not given. `directory`: where the job starts; absolute. */
rk_status rk__batch_directives_complete(rk__batch_directives *directives, const char *job_name, const char *directory,
                                        rk_error *err);
void rk__batch_directives_fini(rk__batch_directives *directives);
/* "30", "10:00", "1:30:00", "2-12", "2-12:30", "2-12:30:00": seconds. False: no such time, or none ("UNLIMITED"). */
bool rk__batch_seconds(const char *text, uint64_t *out);

/* ---- script.c ---- */

typedef struct rk__batch_script {
    const rk__batch_directives *directives;
    /* Words for bash, quoted: */
    const char *typed;       /* the command line that asked for it */
    const char *program;     /* the command */
    const char *file, *path; /* the run file; this script, absolute */
    const char *note;        /* FILE.job */
    const char *run;         /* "run pi --repeat 1000"; NULL: there is only something to resume */
    const char *resume;      /* "resume --threads=2" */
    bool srun;               /* ranks are started by srun, not by our launcher */
    uint64_t restarts;       /* at most so many until the run is done; 0: it is not restarted by itself */
} rk__batch_script;

void rk__batch_script_write(const rk__batch_script *script, rk__text *out);

/* ---- command.c ---- */

typedef struct rk__batch_answer {
    rk__text out, err;
    int code; /* exit code; 128 and the signal */
} rk__batch_answer;

/* Run a program found along PATH; argv ends with NULL. RK_ENOENT: it is not there. RK_ETIMEDOUT: it was ended. Fini the
 * answer in any case. */
rk_status rk__batch_ask(rk__batch_answer *answer, const char *const *argv, rk_error *err);
void rk__batch_answer_fini(rk__batch_answer *answer);

/* ---- queue.c ---- */

typedef struct rk__batch_entry {
    char id[32], state[32], reason[64];
    char left[32];           /* of its time, as Slurm writes it */
    char nodes[16];          /* how many */
    char node_list[256];     /* "" while it waits */
    char start[32], end[32]; /* local time, or "N/A" */
    char command[4096];      /* the script, and its arguments */
} rk__batch_entry;

/* Is there a Slurm to ask? */
bool rk__batch_is_here(void);
/* RK_EINVAL: Slurm refuses the job, in its own words. */
rk_status rk__batch_submit(const char *script, char id[32], rk_error *err);
/* *found false: Slurm does not know the job (any more). */
rk_status rk__batch_find(const char *id, rk__batch_entry *out, bool *found, rk_error *err);
/* The file that its output goes to, as Slurm has it: patterns (%j) are replaced. RK_EINVAL: it does not know the job.
 */
rk_status rk__batch_log_of(const char *id, char *out, size_t size, rk_error *err);
/* This user's jobs that wait or run; caller frees. */
rk_status rk__batch_mine(rk__batch_entry **out, size_t *count, rk_error *err);
/* Will it run, or does it? Not so when it has ended in whatever way. */
bool rk__batch_entry_lives(const rk__batch_entry *entry);

/* ---- obstacle.c ---- */

typedef struct rk__batch_obstacle {
    const char *meaning;          /* "it asks for more time than its partition gives" */
    const char *command, *effect; /* "scancel", "and submit it anew ...": the job's id stands between; NULL: none */
} rk__batch_obstacle;

/* Of a waiting job's reason: as things are it does not start. NULL: it has to wait, that is all. */
const rk__batch_obstacle *rk__batch_obstacle_of(const char *reason);

/* ---- note.c ---- */

typedef struct rk__batch_note {
    char id[32];
    uint64_t restarts; /* as in the script */
} rk__batch_note;

/* "FILE.job" and "FILE.sbatch"; RK_EINVAL: too long a path. */
enum { RK__BATCH_PATH_MAX = 4096 + 16 };
void rk__batch_note_path(const char *file, char out[RK__BATCH_PATH_MAX]);
void rk__batch_script_path(const char *file, char out[RK__BATCH_PATH_MAX]);
rk_status rk__batch_note_write(const char *file, const rk__batch_note *note, rk_error *err);
/* False: there is none, or it is no note. */
bool rk__batch_note_read(const char *file, rk__batch_note *out);
/* The run file of a job's command, as squeue gives it. False: the command is none of ours. */
bool rk__batch_file_of(const char *command, char out[RK__BATCH_PATH_MAX]);

/* ---- job.c ---- */

typedef struct rk__batch_job {
    const char *id; /* NULL: this is no Slurm job; borrowed from the environment, as all strings here */
    uint64_t restarts;
    uint64_t tasks, cpus_per_task; /* all of the job's tasks; 0: unknown */
    uint64_t end_ns;               /* wall clock, when it must have ended; 0: unknown */
    uint64_t array_tasks;          /* 0: no array */
} rk__batch_job;

void rk__batch_job_read(rk__batch_job *out);
/* Have RK__BATCH_END say when the job ends, for us and for who inherits the environment. Slurm does so itself
 * from 23.02 on; before, it is asked. */
void rk__batch_job_ask_end(void);
#define RK__BATCH_END "SLURM_JOB_END_TIME"

#endif
