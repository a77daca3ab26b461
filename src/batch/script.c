/* The script that submit writes: text that a person may read, change and submit again. Checked with shellcheck.
 *
 *                   exit 75 or a signal,
 *                   and the run died: at most LAUNCHES times
 *                  +---------+
 *                  v         |
 *     start ---> launch ---> wait ---> done, or nothing to mend ---> exit
 *                            |
 *                            | USR1 (time limit) or TERM: passed on as USR1; wait on
 *                            v
 *                          stopped ---> TERM came: exit, Slurm decides
 *                            |
 *                            v
 *              until done: requeue, or a new job ---> exit 75
 *
 * `wait` returns when a trapped signal comes; the status of the child is given again by a further wait. The run is
 * started in a subshell that it replaces, so that $! is the run itself. */
#include <inttypes.h>

#include "batch/batch.h"

enum { LAUNCHES = 5 };

static void add_head(const rk__batch_script *s, rk__text *out) {
    rk__text_add(out, "#!/bin/bash\n%s\n", rk__text_get(&s->directives->lines));
    rk__text_add(
        out,
        "# Written by: %s\n"
        "# Slurm may start this several times (requeue, preemption, a lost node): it goes on with what the run\n"
        "# file has. By hand: sbatch %s\n\n",
        s->typed, s->path);
}

static void add_settings(const rk__batch_script *s, rk__text *out) {
    rk__text_add(out, "rankine=%s\nfile=%s\nlaunches=%d    # of a run that dies, in one job\n", s->program, s->file,
                 LAUNCHES);
    if (s->restarts > 0)
        rk__text_add(out,
                     "restarts=%" PRIu64 "   # of the job, until the run is done\n"
                     "restart=$((${1:-0} + ${SLURM_RESTART_COUNT:-0}))   # this one; $1: those of jobs before this\n",
                     s->restarts);
    rk__text_add(out, "echo \"job $SLURM_JOB_ID restarts %" PRIu64 "\" >%s   # for: rankine status\n\n", s->restarts,
                 s->note);
}

/* Slurm before 23.02 does not say when the job ends; our launcher asks by itself, a thousand ranks should not. From
 * 22.05 on srun no longer takes over the job's --cpus-per-task. */
static void add_srun(const rk__batch_script *s, rk__text *out) {
    rk__text_add(out, "# The ranks look at when the job ends, and begin nothing that would not be done by then.\n"
                      "if [ -z \"${" RK__BATCH_END ":-}\" ]; then\n"
                      "    " RK__BATCH_END "=$(date -d \"$(squeue -h -j \"$SLURM_JOB_ID\" -o %%e)\" +%%s 2>/dev/null)\n"
                      "fi\n"
                      "export " RK__BATCH_END "\n\n");
    rk__text_add(out, "ranks=(srun --mpi=pmix%s)\n\n",
                 s->directives->cpus != NULL ? " --cpus-per-task=\"$SLURM_CPUS_PER_TASK\"" : "");
}

static void add_launch(const rk__batch_script *s, rk__text *out) {
    const char *front = s->srun ? "\"${ranks[@]}\" " : "";
    rk__text_add(out, "# The run takes the place of the subshell that this is called in, and gets its signals.\n"
                      "launch() {\n");
    if (s->run == NULL) {
        rk__text_add(out, "    exec %s\"$rankine\" %s\n}\n\n", front, s->resume);
        return;
    }
    rk__text_add(out,
                 "    if [ -e \"$file\" ]; then\n"
                 "        exec %s\"$rankine\" %s\n"
                 "    fi\n"
                 "    exec %s\"$rankine\" %s\n"
                 "}\n\n",
                 front, s->resume, front, s->run);
}

static void add_signals(const rk__batch_script *s, rk__text *out) {
    rk__text_add(out,
                 "# USR1 has the run finish the tasks under way, record them, and stop.\n"
                 "child='' ending=''\n"
                 "stop_run() {\n"
                 "    [ -z \"$child\" ] || kill -USR1 \"$child\" 2>/dev/null\n"
                 "}\n"
                 "# %" PRIu64 " s before the time limit\n"
                 "trap 'ending=${ending:-limit} interrupted=1; stop_run' USR1\n"
                 "# Slurm takes the nodes: preemption, requeue, scancel, the time limit itself\n"
                 "trap 'ending=${ending:-taken} interrupted=1; stop_run' TERM\n\n",
                 s->directives->signal_seconds);
    rk__text_add(out, "# A signal interrupts wait: then wait again.\n"
                      "wait_for_run() {\n"
                      "    [ -z \"$ending\" ] || stop_run\n"
                      "    interrupted=1\n"
                      "    while [ \"$interrupted\" = 1 ]; do\n"
                      "        interrupted=0\n"
                      "        wait \"$child\"\n"
                      "        code=$?\n"
                      "    done\n"
                      "}\n\n"
                      "# What rankine info says of the run file: its state, or how many tasks are done.\n"
                      "of_file() {\n"
                      "    \"$rankine\" info --json \"$file\" 2>/dev/null |\n"
                      "        sed -n \"s/^ *\\\"$1\\\": \\\"\\{0,1\\}\\([a-z0-9]*\\).*/\\1/p\" | head -n 1\n"
                      "}\n\n");
}

static void add_loop(const rk__batch_script *s, rk__text *out) {
    if (s->restarts > 0)
        rk__text_add(out, "done_before=$(of_file \"done\")\n");
    rk__text_add(
        out, "for ((i = 1; i <= launches; i++)); do\n"
             "    echo \"job $SLURM_JOB_ID on $SLURM_JOB_NODELIST, $(date +%%FT%%T)\"\n"
             "    launch &\n"
             "    child=$!\n"
             "    wait_for_run\n"
             "    # 75: stopped, can be resumed; above 128: srun, ended by a signal; else there is nothing to mend\n"
             "    if [ \"$code\" -ne 75 ] && [ \"$code\" -le 128 ]; then\n"
             "        exit \"$code\"\n"
             "    fi\n"
             "    # again only if it died; what stopped in order has no time left, or has had too many failures\n"
             "    if [ -n \"$ending\" ] || [ \"$(of_file state)\" != killed ]; then\n"
             "        break\n"
             "    fi\n"
             "done\n");
}

static void add_end(const rk__batch_script *s, rk__text *out) {
    if (s->restarts == 0) {
        rk__text_add(out, "exit \"$code\"\n");
        return;
    }
    rk__text_add(out,
                 "if [ \"$ending\" = taken ]; then\n"
                 "    exit \"$code\"   # whether the job starts again is Slurm's to say\n"
                 "elif [ \"$restart\" -ge \"$restarts\" ]; then\n"
                 "    echo \"not done after $restarts restarts: rankine resume goes on\" >&2\n"
                 "    exit \"$code\"\n"
                 "elif [ \"$(of_file \"done\")\" = \"$done_before\" ]; then\n"
                 "    echo 'no task was done in this job: it is not started again' >&2\n"
                 "    exit \"$code\"\n"
                 "fi\n\n"
                 "# This job again; where that is not allowed, a new one after it.\n"
                 "if ! scontrol requeue \"$SLURM_JOB_ID\"; then\n"
                 "    next=$(sbatch --parsable --dependency=afterany:\"$SLURM_JOB_ID\" %s $((restart + 1))) &&\n"
                 "        echo \"job ${next%%%%;*} restarts $restarts\" >%s\n"
                 "fi\n"
                 "exit \"$code\"\n",
                 s->path, s->note);
}

void rk__batch_script_write(const rk__batch_script *script, rk__text *out) {
    add_head(script, out);
    add_settings(script, out);
    if (script->srun)
        add_srun(script, out);
    add_launch(script, out);
    add_signals(script, out);
    add_loop(script, out);
    add_end(script, out);
}
