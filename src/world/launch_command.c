#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "world/launch_private.h"

extern char **environ;

bool rk__launch_in_allocation(void) {
    static const char *const names[] = {"SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "PE_HOSTFILE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]) != NULL)
            return true;
    return false;
}

/* ---- finding mpirun ---- */

static bool is_program(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

/* The first directory of PATH that has one of the names. An empty entry is the working directory, which we leave out.
 */
static char *find_on_path(const char *search) {
    static const char *const names[] = {"mpirun", "mpiexec"};
    char path[PATH_MAX];
    while (*search != '\0') {
        size_t length = strcspn(search, ":");
        for (size_t i = 0; length > 0 && i < 2; i++) {
            int used = snprintf(path, sizeof path, "%.*s/%s", (int)length, search, names[i]);
            if (used > 0 && (size_t)used < sizeof path && is_program(path))
                return rk__strdup(path);
        }
        search += length + (search[length] == ':');
    }
    return NULL;
}

rk_status rk__launch_find_mpirun(char **path, rk_error *err) {
    const char *search = getenv("PATH");
    char *found = find_on_path(search != NULL ? search : "/usr/local/bin:/usr/bin:/bin");
    if (found == NULL)
        return rk__fail(err, RK_ENOENT,
                        "no mpirun on PATH: install Open MPI (Debian: openmpi-bin; Fedora: openmpi; macOS: brew "
                        "install open-mpi; clusters: module load openmpi)");
    *path = found;
    return RK_OK;
}

/* ---- lists of strings ---- */

typedef struct list {
    char **items; /* NULL-terminated */
    size_t count;
    bool failed;
} list;

static void list_take(list *to, char *item) {
    char **grown = item != NULL ? realloc(to->items, (to->count + 2) * sizeof *grown) : NULL;
    if (grown == NULL) {
        to->failed = true;
        free(item);
        return;
    }
    grown[to->count++] = item;
    grown[to->count] = NULL;
    to->items = grown;
}

static void list_add(list *to, const char *item) {
    list_take(to, rk__strdup(item));
}

static void free_strings(char **items) {
    for (size_t i = 0; items != NULL && items[i] != NULL; i++)
        free(items[i]);
    free(items);
}

/* ---- environment ---- */

static char *assignment(const char *name, const char *value) {
    size_t size = strlen(name) + strlen(value) + 2;
    char *text = malloc(size);
    if (text != NULL)
        snprintf(text, size, "%s=%s", name, value);
    return text;
}

static bool names_variable(const char *entry, const char *name) {
    size_t length = strlen(name);
    return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

/* Another job's, should we run inside one. */
static bool is_job_variable(const char *entry) {
    return names_variable(entry, "RANKINE_JOB") || names_variable(entry, "RANKINE_TTY") ||
           names_variable(entry, "RANKINE_RANKS") || names_variable(entry, "RANKINE_SECRET");
}

/* What the user has set goes first. */
static void env_default(list *env, const char *name, const char *value) {
    if (getenv(name) == NULL)
        list_take(env, assignment(name, value));
}

static void add_job_environment(list *env, const rk__launch_plan *plan) {
    char number[16];
    list_take(env, assignment("RANKINE_JOB", plan->job->directory.path));
    list_take(env, assignment("RANKINE_SECRET", plan->job->secret));
    snprintf(number, sizeof number, "%d", plan->options->ranks);
    list_take(env, assignment("RANKINE_RANKS", number));
    snprintf(number, sizeof number, "%d", plan->tty_columns);
    if (plan->tty_columns > 0)
        list_take(env, assignment("RANKINE_TTY", number));
}

static void allow_root(list *env) {
    env_default(env, "OMPI_ALLOW_RUN_AS_ROOT", "1");
    env_default(env, "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    env_default(env, "PRTE_ALLOW_RUN_AS_ROOT", "1");
    env_default(env, "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
}

/* All ranks on this machine: Open MPI needs no network (5.0 complains of one that has only a loopback; 5.0 takes 4.1's
 * name "vader" too), and all that it leaves when it is killed can be where we remove it. */
static void stay_on_this_host(list *env, const rk__launch_job *job) {
    env_default(env, "OMPI_MCA_btl", "self,vader");
    env_default(env, "OMPI_MCA_orte_tmpdir_base", job->directory.path);
    env_default(env, "PRTE_MCA_prte_tmpdir_base", job->directory.path);
    if (job->shm.path != NULL) {
        env_default(env, "OMPI_MCA_btl_vader_backing_directory", job->shm.path);
        env_default(env, "OMPI_MCA_btl_sm_backing_directory", job->shm.path);
    }
}

/* The hostfile that mpirun takes where none is named, as the user has set it; "none" is Open MPI's word for none. */
static bool has_default_hostfile(void) {
    static const char *const names[] = {"OMPI_MCA_orte_default_hostfile", "PRTE_MCA_prte_default_hostfile"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && *value != '\0' && strcmp(value, "none") != 0)
            return true;
    }
    return false;
}

static bool on_this_host(const rk__launch_plan *plan) {
    return plan->options->hostfile == NULL && !plan->allocation && !has_default_hostfile();
}

/* Open MPI 4: a rank, a daemon or a node that dies takes nobody along, and mpirun notices within 12 s: after the ranks
 * do (src/mail/death.c, src/dispatch), so that a line that is mended before was never cut for either. mpirun cannot
 * take back a daemon that it has given up, and ends the job if that one comes again. With 5 the whole job ends. */
static void survive(list *env) {
#if defined(OMPI_MAJOR_VERSION) && OMPI_MAJOR_VERSION == 4
    env_default(env, "OMPI_MCA_orte_enable_recovery", "1");
    env_default(env, "OMPI_MCA_oob_tcp_keepalive_time", "2");
    env_default(env, "OMPI_MCA_oob_tcp_keepalive_intvl", "1");
    env_default(env, "OMPI_MCA_oob_tcp_keepalive_probes", "10");
#else
    (void)env;
#endif
}

static void build_environment(list *env, const rk__launch_plan *plan) {
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++)
        if (!is_job_variable(*entry))
            list_add(env, *entry);
    add_job_environment(env, plan);
    survive(env);
    if (plan->root)
        allow_root(env);
    if (on_this_host(plan))
        stay_on_this_host(env, plan->job);
    if (on_this_host(plan) && plan->options->ranks > plan->cores)
        env_default(env, "OMPI_MCA_mpi_yield_when_idle", "1");
    env_default(env, "OMPI_MCA_btl_base_warn_component_unused", "0");
    /* Copies by process_vm_readv are forbidden in most containers, and 4.1 says so at each of them. */
    env_default(env, "OMPI_MCA_btl_vader_single_copy_mechanism", "none");
}

/* ---- arguments ---- */

/* Cores are shared with others unless we take them all: two small runs would be bound to the same first cores. What the
 * user has set for Open MPI 4 or 5 goes first; an option would overrule it. */
static void add_binding(list *argv, const rk__launch_plan *plan) {
    if (getenv("OMPI_MCA_hwloc_base_binding_policy") != NULL || getenv("PRTE_MCA_hwloc_default_binding_policy") != NULL)
        return;
    int each = plan->options->cores_per_rank;
    bool fits = each > 1 && on_this_host(plan) && plan->options->ranks <= plan->cores / each;
    if (fits) {
        char map[40];
        snprintf(map, sizeof map, "slot:PE=%d", each);
        list_add(argv, "--map-by");
        list_add(argv, map);
    }
    bool all = on_this_host(plan) && plan->options->ranks == plan->cores;
    list_add(argv, "--bind-to");
    list_add(argv, fits || all ? "core" : "none");
}

/* A batch system's slots are its tasks, not the cores that they may use. A hostfile says itself what it allows. */
static bool oversubscribes(const rk__launch_plan *plan) {
    if (plan->options->hostfile != NULL)
        return false;
    return plan->allocation || plan->options->ranks > plan->cores;
}

/* Other hosts see of our environment only what is named. */
static void add_exports(list *argv, char *const *envp) {
    for (; *envp != NULL; envp++) {
        if (strncmp(*envp, "RANKINE_", 8) != 0)
            continue;
        char name[128];
        size_t length = strcspn(*envp, "=");
        if (length >= sizeof name)
            continue;
        memcpy(name, *envp, length);
        name[length] = '\0';
        list_add(argv, "-x");
        list_add(argv, name);
    }
}

static void build_arguments(list *argv, const rk__launch_plan *plan, char *const *envp) {
    char ranks[16];
    snprintf(ranks, sizeof ranks, "%d", plan->options->ranks);
    list_add(argv, "mpirun"); /* by its bare name: an absolute one means --prefix to Open MPI */
    list_add(argv, "-n");
    list_add(argv, ranks);
    if (plan->options->hostfile != NULL) {
        list_add(argv, "--hostfile");
        list_add(argv, plan->options->hostfile);
    }
    if (plan->options->only_host != NULL) {
        list_add(argv, "--host");
        list_add(argv, plan->options->only_host);
    }
    if (oversubscribes(plan))
        list_add(argv, "--oversubscribe");
    add_binding(argv, plan);
    add_exports(argv, envp);
    for (char *const *argument = plan->options->argv; *argument != NULL; argument++)
        list_add(argv, *argument);
}

static rk_status check_hostfile(const char *hostfile, rk_error *err) {
    if (hostfile == NULL || access(hostfile, R_OK) == 0)
        return RK_OK;
    return rk__fail(err, errno == ENOENT ? RK_ENOENT : RK_EPERM, "hostfile '%s': %s", hostfile, rk__errno_text(errno));
}

rk_status rk__launch_command_create(rk__launch_command *command, const rk__launch_plan *plan, rk_error *err) {
    rk__launch_command made = {NULL, NULL, NULL};
    RK_TRY(check_hostfile(plan->options->hostfile, err));
    RK_TRY(rk__launch_find_mpirun(&made.path, err));
    list env = {NULL, 0, false}, argv = {NULL, 0, false};
    build_environment(&env, plan);
    if (!env.failed)
        build_arguments(&argv, plan, env.items);
    made.envp = env.items;
    made.argv = argv.items;
    if (env.failed || argv.failed) {
        rk__launch_command_fini(&made);
        return rk__fail(err, RK_ENOMEM, "out of memory for mpirun's command line");
    }
    *command = made;
    return RK_OK;
}

void rk__launch_command_fini(rk__launch_command *command) {
    free(command->path);
    free_strings(command->argv);
    free_strings(command->envp);
    *command = (rk__launch_command){NULL, NULL, NULL};
}
