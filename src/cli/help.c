#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#include <rankine/command.h>

#include "cli/table.h"

enum { COLUMNS = 80, OPTION_INDENT = 24 };

typedef struct page {
    const char *words;   /* what follows the command's name */
    const char *summary; /* one line */
    const char *text;    /* paragraphs, each line of it printed as it stands */
    const char *examples;
    bool values;         /* does this section belong to it? */
    unsigned exit_codes; /* those that it can end with; 0: not worth saying */
} page;

/* Exit codes as a set. */
enum {
#define EXIT_BIT(name, number, text) BIT_##name,
    RK_EXIT_MAP(EXIT_BIT)
#undef EXIT_BIT
};
#define ENDS(name) (1u << BIT_##name)
#define ALWAYS     (ENDS(OK) | ENDS(ERROR) | ENDS(USAGE))

static const page pages[RK__COMMAND_COUNT] = {
    [RK__COMMAND_RUN] = {"KERNEL [name=value ...]", "compute a kernel's tasks into a run file",
                         "KERNEL is a name that 'rankine kernels' lists, or the path of a shared object\n"
                         "(./mine.so). Each name=value sets a parameter; a parameter that is given several\n"
                         "values is swept: every combination becomes a task.\n"
                         "\n"
                         "Started by itself, the command starts mpirun with N ranks. Started by mpirun or\n"
                         "srun it is one of their ranks. Results have the same bits for any N.\n"
                         "\n"
                         "Ctrl-C, SIGTERM or SIGUSR1 finish the running tasks and stop; a second Ctrl-C or\n"
                         "SIGTERM stops at once, and the tasks that were running are computed again on\n"
                         "resume. Either way the run file stays valid and the exit code is 75.\n"
                         "\n"
                         "The summary's efficiency is the share of the ranks' time that they spent in the\n"
                         "kernel, from the first task's begin to the last commit.\n",
                         "  rankine run pi --repeat 1000\n"
                         "  rankine run lorenz rho=20:30:0.1 sigma=8,10,12 -n 8 -o lorenz.h5\n"
                         "  rankine run stats input=relief.nc:/ROSE --dry-run\n"
                         "  mpirun -n 64 rankine run ./mine.so --table points.csv --json\n"
                         "  rankine run command cmd='python3 sim.py --alpha {alpha}' alpha=0:1:0.1\n"
                         "  rankine run command --tasks-from jobs.txt\n",
                         true, ALWAYS | ENDS(TASKS_FAILED) | ENDS(STOPPED)},
    [RK__COMMAND_RESUME] = {"FILE", "go on with a run that was stopped or killed",
                            "Everything is in the file: kernel, parameters, seed. What was committed is kept,\n"
                            "the rest is computed, on any number of ranks; the result has the same bits as\n"
                            "that of a run nobody stopped. A complete file is left as it is.\n"
                            "What the run does about tasks that fail (--isolate, --task-timeout,\n"
                            "--task-memory, --retries, --max-failures, --fail-fast) is kept to, and said;\n"
                            "given again it is changed: --no-isolate, --retries 0, and 'none' turn it off.\n"
                            "-n, --threads and --cores-per-task belong to the machine: give them again.\n"
                            "--retry-failed computes failed tasks again, --repair what 'rankine verify' finds\n"
                            "damaged.\n",
                            "  rankine resume lorenz.h5 -n 4\n"
                            "  rankine resume lorenz.h5 --retry-failed --time-limit 2h\n"
                            "  rankine resume lorenz.h5 --kernel build/lorenz.so --accept-kernel\n",
                            false, ALWAYS | ENDS(TASKS_FAILED) | ENDS(STOPPED)},
    [RK__COMMAND_SUBMIT] = {"[SBATCH OPTIONS] -- run", "run, or resume, as a Slurm job",
                            "Checks what stands behind '--' as 'run' or 'resume' would, writes a batch script\n"
                            "beside the run file (FILE.sbatch), and submits it. What stands before '--' are\n"
                            "options of sbatch: -N, -n, -c, -t, -p, -A, --mem, --qos, --output and so on.\n"
                            "\n"
                            "The script may be started any number of times, by requeue, preemption or hand:\n"
                            "it goes on with what the run file has. Before the job's time is over the run\n"
                            "finishes its tasks and stops; --until-done queues the job again then. mpirun\n"
                            "starts the ranks, one for each task of the job, or srun with --srun.\n"
                            "--signal=B:USR1@SECONDS says how long before the end the run is to stop; by\n"
                            "default a tenth of --time, from 30 to 120.\n",
                            "  rankine submit -N 3 --ntasks-per-node=16 -t 2:00:00 --until-done -- \\\n"
                            "    run lorenz rho=20:30:0.001 -o lorenz.h5\n"
                            "  rankine submit -n 64 -t 30 --dry-run -- run pi --repeat 1000000\n"
                            "  rankine submit -n 64 -t 30 -- resume lorenz.h5\n",
                            false, ALWAYS},
    [RK__COMMAND_STATUS] = {"[FILE ...]", "run files and their Slurm jobs, side by side",
                            "How far the run is, how its job is (state, reason for waiting, time left,\n"
                            "nodes), and what happens next, or what to do if it waits for what does not come\n"
                            "by itself. A run on another host that wrote nothing for 30 s is \"not heard of\".\n"
                            "Without FILE: the runs of your jobs that 'rankine submit' has submitted. The\n"
                            "job's id is in FILE.job, beside the file.\n",
                            "  rankine status lorenz.h5\n"
                            "  rankine status --json\n",
                            false, ALWAYS},
    [RK__COMMAND_KERNELS] = {"[KERNEL]", "list the kernels, or describe one",
                             "Lists what is linked in, what lies along RANKINE_KERNEL_PATH (directories,\n"
                             "separated by colons) and what was installed with Rankine. For one kernel, by\n"
                             "name or path: parameters with type, default, unit and meaning; outputs;\n"
                             "reductions.\n",
                             "  rankine kernels\n"
                             "  rankine kernels lorenz\n"
                             "  rankine kernels ./mine.so --json\n",
                             false, 0},
    [RK__COMMAND_INFO] = {"FILE", "what a run file holds, and how far the run is",
                          "Works at any time, also while the run is going on and after it was killed. Shows\n"
                          "what was run, how far it is and where the time went, the failed tasks, the\n"
                          "sessions, which hosts were lost in them, and the reductions if the run is\n"
                          "complete. \"in kernel\" is the share of the ranks' time spent in the kernel;\n"
                          "unlike the efficiency that a run reports, it counts start and end of the\n"
                          "session, too.\n",
                          "  rankine info lorenz.h5\n"
                          "  rankine info lorenz.h5 --json\n",
                          false, 0},
    [RK__COMMAND_WATCH] = {"FILE", "a running run live, from anywhere",
                           "Shows how far the run is, its rate, what each rank committed lately and what\n"
                           "failed last, from the run file alone: it works on any node that sees the file,\n"
                           "and the run does not notice. A file that is not there yet is waited for.\n"
                           "\n"
                           "q or Ctrl-C leaves; the run goes on. Ends by itself with the run. If stdout is\n"
                           "no terminal, a line of text is printed now and then; under --json a line per\n"
                           "interval is an object.\n",
                           "  rankine watch lorenz.h5\n"
                           "  rankine watch lorenz.h5 --json --interval 5\n",
                           false, ALWAYS | ENDS(TASKS_FAILED) | ENDS(STOPPED)},
    [RK__COMMAND_VERIFY] = {"FILE", "look for damage in a run file",
                            "Recomputes the checksum of every committed block from its rows and compares;\n"
                            "checks partials, too, and folds them again, so that a reduction that is wrong by\n"
                            "a bit is named (where the run's kernel can be loaded; else by its checksum).\n"
                            "Exit code 4 if something is damaged, else 0, also for a run that is not\n"
                            "complete.\n",
                            "  rankine verify lorenz.h5\n", false, ALWAYS | ENDS(DAMAGED)},
    [RK__COMMAND_DIGEST] = {"FILE ...", "128 bits that equal results share",
                            "Prints 32 hex digits for each file, as sha256sum does. They cover rows, failed\n"
                            "tasks, reductions, names, types and shapes, and nothing that time or place\n"
                            "changes: runs on 1 and on 1000 ranks have the same digest. The run must be\n"
                            "complete. It is made from the checksums that were recorded with the blocks;\n"
                            "'rankine verify' recomputes these from the rows.\n",
                            "  rankine digest one.h5 two.h5\n", false, ALWAYS | ENDS(STOPPED)},
    [RK__COMMAND_MERGE] = {"PART ...", "join the parts of a run into one file",
                           "The parts come from 'run --part I/N', on whichever machines; -o names the new\n"
                           "file. Its digest is that of one run. Blocks that no part has, or that are\n"
                           "damaged, are left open: the exit code is 75 then, and 'resume' computes them.\n",
                           "  rankine run lorenz rho=20:30:0.1 --part 1/2 -o one.h5\n"
                           "  rankine run lorenz rho=20:30:0.1 --part 2/2 -o two.h5\n"
                           "  rankine merge one.h5 two.h5 -o lorenz.h5\n",
                           false, ALWAYS | ENDS(TASKS_FAILED) | ENDS(STOPPED)},
    [RK__COMMAND_CHECK] = {"KERNEL [name=value ...]", "do other block sizes give the same bits?",
                           "Takes the words that 'run' takes, computes samples of that run in several ways\n"
                           "of cutting them into blocks, in this process and without a file, and compares\n"
                           "every bit. Differences (exit code 4) mean that the kernel depends on something\n"
                           "else than its task.\n",
                           "  rankine check lorenz rho=20:30:0.1 --samples 1000\n", true, ALWAYS | ENDS(DAMAGED)},
    [RK__COMMAND_NEW] = {"NAME", "begin a kernel in C, C++ or Fortran",
                         "Writes NAME.c, NAME.cpp or NAME.f90 into this directory: a short kernel that\n"
                         "works, to be changed into yours. Prints the lines that build and run it with the\n"
                         "headers of this Rankine. Where it is installed, these do too:\n"
                         "\n"
                         "  cc -shared -fPIC -O2 -ffp-contract=off \\\n"
                         "    $(pkg-config --cflags rankine-kernel) NAME.c -o NAME.so -lm\n"
                         "  c++ -shared -fPIC -O2 -ffp-contract=off \\\n"
                         "    $(pkg-config --cflags rankine-kernel) NAME.cpp -o NAME.so\n"
                         "  gfortran -shared -fPIC -O2 -ffp-contract=off \\\n"
                         "    $(pkg-config --variable=includedir rankine-kernel)/rankine/kernel.f90 \\\n"
                         "    NAME.f90 -o NAME.so\n"
                         "\n"
                         "-ffp-contract=off keeps the bits from depending on how a compiler fuses a*b+c.\n",
                         "  rankine new ball\n"
                         "  rankine new ball --lang fortran\n",
                         false, ALWAYS},
    [RK__COMMAND_DOCTOR] = {"", "what is wrong with the hosts of a run",
                            "Starts ranks where 'run' with the same -n and --hostfile would, or is one of the\n"
                            "ranks that mpirun or srun has started, and tells of each node: ranks, cores and\n"
                            "binding, memory, limits, versions, the file system of the output directory, and\n"
                            "the network and the clocks between nodes. Then what is wrong and how to mend it,\n"
                            "worst first. Takes a few seconds, and ends in any case: what is cut off or hangs\n"
                            "is waited for some seconds only.\n"
                            "\n"
                            "With --hostfile, -n defaults to all slots. Exit code 1 if something is wrong.\n",
                            "  rankine doctor\n"
                            "  rankine doctor --hostfile hosts -n 16 -o /scratch/me\n"
                            "  srun -N 4 -n 16 --mpi=pmix rankine doctor --json\n",
                            false, ALWAYS},
    [RK__COMMAND_HELP] = {"[COMMAND]", "also: help values, help exit-codes",
                          "Topics: run, resume, submit, status, kernels, info, watch, verify, digest,\nmerge, check, "
                          "new, doctor, values, exit-codes.\n",
                          "  rankine help run\n"
                          "  rankine help values\n",
                          false, 0},
};

static const char values_text[] = "  rho=28            one value for all tasks\n"
                                  "  beta=1,2,5        a list\n"
                                  "  rho=20:30:0.1     a range: first, last (included), step\n"
                                  "  x=0..1/101        101 evenly spaced points from 0 to 1, both included\n"
                                  "  sigma=@file.txt   a list read from a file, one value per line\n"
                                  "  length=5m         a number may carry its parameter's unit, and no other\n"
                                  "  input=f.nc:/t     a data set of an HDF5 or netCDF-4 file: each index of its\n"
                                  "                    first dimension is a task (more: --input-dims)\n"
                                  "Several values make an axis of the result, in the order of the command line.\n"
                                  "Booleans are yes or no; 'rankine kernels KERNEL' shows types and units.\n";

static const char *const group_titles[RK__GROUP_COUNT] = {"Where and how it runs", "What is computed",
                                                          "Tasks that fail", "Files", "What is said"};

static const char overview_examples[] =
    "examples:\n"
    "  rankine run pi --repeat 1000                 on all cores of this machine\n"
    "  rankine run lorenz rho=20:30:0.1 sigma=8,10,12 -n 8 -o lorenz.h5\n"
    "  rankine info lorenz.h5\n"
    "  mpirun -n 64 rankine run ./mine.so x=0..1/1001     also srun, in a Slurm job\n";

static void add_option(rk__text *out, const rk__option *option) {
    char left[64], letter[8] = "    ";
    if (option->letter != 0)
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    const char *join = option->kind == RK__OPTION_FLAG ? "" : option->kind == RK__OPTION_VALUE ? " " : "[=";
    snprintf(left, sizeof left, "  %s--%s%s%s%s", letter, option->name, join, option->value ? option->value : "",
             option->kind == RK__OPTION_OPTIONAL ? "]" : "");
    size_t length = strlen(left);
    if (length + 1 > OPTION_INDENT)
        rk__text_add(out, "%s\n%*s", left, OPTION_INDENT, "");
    else
        rk__text_add(out, "%-*s", OPTION_INDENT, left);
    rk__table_wrap(out, option->help, OPTION_INDENT, OPTION_INDENT, COLUMNS);
}

static void add_options(rk__text *out, rk__command command) {
    size_t count;
    const rk__option *options = rk__options(&count);
    for (int group = 0; group < RK__GROUP_COUNT; group++) {
        bool titled = false;
        for (size_t i = 0; i < count; i++) {
            if ((int)options[i].group != group || !rk__option_applies(&options[i], command))
                continue;
            if (!titled)
                rk__text_add(out, "\n%s:\n", group_titles[group]);
            titled = true;
            add_option(out, &options[i]);
        }
    }
}

static void add_exit_codes(rk__text *out, unsigned which) {
#define EXIT_LINE(name, number, text)                                                                                  \
    if (which & ENDS(name))                                                                                            \
        rk__text_add(out, "  %2d  %s\n", number, text);
    RK_EXIT_MAP(EXIT_LINE)
#undef EXIT_LINE
}

void rk__help_overview(rk__text *out) {
    rk__text_add(out, "rankine: scatter tasks over MPI ranks, reduce, record all in one HDF5 file\n\n"
                      "usage: rankine COMMAND [WORDS] [OPTIONS]\n\n");
    for (int i = 0; i < RK__COMMAND_COUNT; i++) {
        char left[48];
        snprintf(left, sizeof left, "%s %s", rk__command_name((rk__command)i), pages[i].words);
        rk__text_add(out, "  %-30s ", left);
        rk__table_wrap(out, pages[i].summary, 33, 33, COLUMNS);
    }
    rk__text_add(out, "\n%s\noptions (each command has its own: rankine COMMAND --help):\n", overview_examples);
    size_t count;
    const rk__option *options = rk__options(&count);
    for (size_t i = 0; i < count; i++)
        if (rk__option_applies(&options[i], RK__COMMAND_NONE))
            add_option(out, &options[i]);
    rk__text_add(out, "\nexit codes: 0 done, 2 bad input, 3 tasks failed, 4 damage, 75 resumable, 1 other\n");
}

void rk__help_command(rk__text *out, rk__command command) {
    const page *p = &pages[command];
    rk__text_add(out, "usage: rankine %s %s [OPTIONS]\n\n%s\n", rk__command_name(command), p->words, p->text);
    if (p->values)
        rk__text_add(out, "Values:\n%s\n", values_text);
    rk__text_add(out, "Examples:\n%s", p->examples);
    add_options(out, command);
    if (p->exit_codes != 0) {
        rk__text_add(out, "\nExit codes:\n");
        add_exit_codes(out, p->exit_codes);
    }
}

rk_status rk__help_topic(rk__text *out, const char *topic, rk_error *err) {
    static const char *const topics[] = {
#define TOPIC(name, text) text,
        RK__COMMAND_MAP(TOPIC)
#undef TOPIC
            "values",
        "exit-codes"};
    rk__command command = rk__command_from_name(topic);
    if (command != RK__COMMAND_NONE) {
        rk__help_command(out, command);
    } else if (strcmp(topic, "values") == 0) {
        rk__text_add(out, "Values of parameters, for 'run' and 'check':\n%s", values_text);
    } else if (strcmp(topic, "exit-codes") == 0) {
        rk__text_add(out, "Exit codes:\n");
        add_exit_codes(out, ~0u);
    } else {
        const char *nearest = rk__nearest(topic, topics, sizeof topics / sizeof *topics);
        return rk__fail(err, RK_EINVAL, "no help on '%s'%s%s", topic,
                        nearest ? ": did you mean rankine help " : ": see rankine --help", nearest ? nearest : "");
    }
    return RK_OK;
}
