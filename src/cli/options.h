/* The words of a command line: one table of options, from which parsing, help and the check of the man page follow.
 *
 * Long options take "=value" or the next word, short ones the rest of the word or the next one; options may stand
 * before or after other words; "--" ends them. The first other word is the command. Before the "--" of `submit` stand
 * options of sbatch, too; what of them is not ours is taken as it stands, whatever it means to other commands. */
#ifndef RANKINE_OPTIONS_H
#define RANKINE_OPTIONS_H

#include "base/base.h"
#include "dispatch/policy.h"

/* The commands: X(name, text of the name). */
#define RK__COMMAND_MAP(X)                                                                                             \
    X(RUN, "run")                                                                                                      \
    X(RESUME, "resume")                                                                                                \
    X(SUBMIT, "submit")                                                                                                \
    X(STATUS, "status")                                                                                                \
    X(KERNELS, "kernels")                                                                                              \
    X(INFO, "info")                                                                                                    \
    X(WATCH, "watch")                                                                                                  \
    X(VERIFY, "verify")                                                                                                \
    X(DIGEST, "digest")                                                                                                \
    X(MERGE, "merge")                                                                                                  \
    X(CHECK, "check")                                                                                                  \
    X(NEW, "new")                                                                                                      \
    X(DOCTOR, "doctor")                                                                                                \
    X(HELP, "help")

typedef enum rk__command {
#define RK__COMMAND_ENUM(name, text) RK__COMMAND_##name,
    RK__COMMAND_MAP(RK__COMMAND_ENUM)
#undef RK__COMMAND_ENUM
        RK__COMMAND_COUNT,
    RK__COMMAND_NONE = RK__COMMAND_COUNT
} rk__command;

typedef enum rk__progress_when { RK__PROGRESS_AUTO, RK__PROGRESS_ALWAYS, RK__PROGRESS_NEVER } rk__progress_when;

typedef enum rk__language { RK__LANGUAGE_C, RK__LANGUAGE_CPP, RK__LANGUAGE_FORTRAN } rk__language;

enum { RK__OPTIONS_MAX = 64, RK__FORWARD_MORE = 8 };

/* What a command line says. Strings are borrowed from argv. */
typedef struct rk__arguments {
    rk__command command;
    const char *program; /* argv[0] */
    const char **words;  /* after the command: kernel, settings, files; owned array */
    size_t word_count;
    const char **batch; /* submit: options of sbatch, as they stand before "--"; owned array */
    size_t batch_count;
    const char **zips; /* owned array */
    size_t zip_count;
    char **forward; /* argv without -n and --hostfile, NULL-terminated; owned array, RK__FORWARD_MORE longer */
    size_t forward_count;
    int ranks; /* 0: not given */
    uint64_t seed, block_tasks, repeat, samples;
    double sync_seconds, limit_seconds; /* limit 0: not given */
    uint64_t until_ns;                  /* wall clock; 0: not given */
    unsigned input_dims;
    uint32_t part, parts;    /* 0: not given */
    double interval_seconds; /* 0: not given */
    rk__policy policy;
    rk__progress_when progress;
    uint32_t threads, jobs_per_rank, cores_per_task, retries; /* 0: not given */
    bool limits_failures, fail_fast, isolate;
    double task_seconds; /* 0: not given */
    uint64_t task_bytes; /* 0: not given */
    uint64_t failures_max;
    uint64_t restarts;       /* --until-done; 0: not given */
    double failures_percent; /* 0: not given as a share */
    rk__language language;
    const char *output, *table, *tasks_from, *hostfile, *kernel, *reuse;
    bool gather, force, dry_run, srun, quiet, json, accept_kernel, repair, retry_failed, help, version;
    const char
        *given[RK__OPTIONS_MAX]; /* by place in the table: the value as it stands, "" for none; NULL: not given */
} rk__arguments;

typedef enum rk__option_kind {
    RK__OPTION_FLAG,    /* takes no value */
    RK__OPTION_VALUE,   /* takes one */
    RK__OPTION_OPTIONAL /* takes one only as --name=value */
} rk__option_kind;

typedef enum rk__option_group {
    RK__GROUP_WHERE,
    RK__GROUP_TASKS,
    RK__GROUP_FAILURES,
    RK__GROUP_FILE,
    RK__GROUP_TALK,
    RK__GROUP_COUNT
} rk__option_group;

typedef struct rk__option {
    const char *name; /* long, without dashes */
    char letter;      /* short, or 0 */
    rk__option_kind kind;
    rk__option_group group;
    unsigned commands; /* bit 1 << rk__command of each command that takes it */
    bool launcher;     /* means something to the launcher only: not passed on to the ranks */
    const char *value; /* what help calls the value; NULL for flags */
    const char *help;
    rk_status (*set)(rk__arguments *arguments, const char *value, rk_error *err);
} rk__option;

/* The table. Static. */
const rk__option *rk__options(size_t *count);
/* Does it belong to the command? RK__COMMAND_NONE: to no command in particular (--help, --version). */
bool rk__option_applies(const rk__option *option, rk__command command);
const char *rk__command_name(rk__command command);
/* RK__COMMAND_NONE if there is none of that name. */
rk__command rk__command_from_name(const char *name);

/* RK_EINVAL names the word, and the nearest option or command. *out is filled on failure too, as far as the words were
 * understood (a message still has to know of --json); fini it in any case. */
rk_status rk__arguments_parse(rk__arguments *out, int argc, char **argv, rk_error *err);
/* The words of a command line of before, whose values may be over or gone: none is looked at, only what is given. What
 * cannot be understood ends it; fini it in any case. */
void rk__arguments_look(rk__arguments *out, int argc, char **argv);
/* What an option was given, as in `given`. NULL: it was not, or there is no such option. */
const char *rk__arguments_given(const rk__arguments *arguments, const char *name);
/* As if it had been given, also to the ranks: at most RK__FORWARD_MORE words. `word`: "--name=value", borrowed. */
rk_status rk__arguments_add(rk__arguments *arguments, const rk__option *option, const char *value, char *word,
                            rk_error *err);
void rk__arguments_fini(rk__arguments *arguments);

#endif
