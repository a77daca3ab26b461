/* Before ranks are started: are there slots enough, and can each host be started on? What cannot is a finding; the
 * ranks start on the others, so that all that is wrong is said at once. Findings travel to rank 0 in the environment.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor_out.h"
#include "cli/drive.h"
#include "cli/hosts.h"

#define SURVEY_NS UINT64_C(120000000000) /* the survey itself takes less than a minute */

typedef struct launching {
    rk__cli *cli;
    char self[PATH_MAX];
    rk__hostfile hosts;
    rk__launch_probe *probes; /* [hosts.count] */
    char hostfile[PATH_MAX];  /* of those that can be started on; "": none was written */
    int ranks;
    rk__findings findings;
} launching;

/* ---- slots ---- */

static int slots_of_good(const launching *l) {
    int all = 0;
    for (size_t i = 0; i < l->hosts.count; i++)
        if (l->probes[i].started)
            all += l->hosts.hosts[i].slots > 0 ? l->hosts.hosts[i].slots : 1;
    return all;
}

/* Said in our words: mpirun's are long, and name no number that would do. */
static void judge_slots(launching *l) {
    const rk__arguments *a = &l->cli->arguments;
    int slots = rk__hostfile_slots(&l->hosts);
    if (slots > 0 && a->ranks > slots)
        rk__finding_add(&l->findings, RK__SEVERITY_ERROR,
                        "%s has %d slot%s, too few for -n %d: mpirun refuses\nstart -n %d, or raise slots= in the "
                        "hostfile to the cores that its hosts have",
                        a->hostfile, slots, slots == 1 ? "" : "s", a->ranks, slots);
    int good = slots_of_good(l);
    l->ranks = a->ranks > 0 && (slots == 0 || a->ranks < good) ? a->ranks : good;
}

/* ---- hosts ---- */

/* Those that can be started on. */
static rk_status write_hostfile(launching *l, rk_error *err) {
    const char *directory = getenv("TMPDIR");
    snprintf(l->hostfile, sizeof l->hostfile, "%s/rankine-hosts-XXXXXX", directory != NULL ? directory : "/tmp");
    int fd = mkstemp(l->hostfile);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        int failure = errno;
        *l->hostfile = '\0';
        return rk__fail(err, RK_EIO, "a file for the hosts (TMPDIR): %s", rk__errno_text(failure));
    }
    for (size_t i = 0; i < l->hosts.count; i++)
        if (l->probes[i].started && l->hosts.hosts[i].slots > 0)
            fprintf(file, "%s slots=%d\n", l->hosts.hosts[i].name, l->hosts.hosts[i].slots);
        else if (l->probes[i].started)
            fprintf(file, "%s\n", l->hosts.hosts[i].name);
    return fclose(file) == 0 ? RK_OK : rk__fail(err, RK_EIO, "%s: %s", l->hostfile, rk__errno_text(errno));
}

static rk_status look_at_hosts(launching *l, rk_error *err) {
    RK_TRY(rk__hostfile_read(&l->hosts, l->cli->arguments.hostfile, err));
    RK_TRY(rk__hosts_ask(&l->hosts, l->cli->arguments.hostfile, l->self, &l->probes, &l->findings, err));
    judge_slots(l);
    return l->ranks > 0 ? write_hostfile(l, err) : RK_OK;
}

/* ---- ranks ---- */

/* The ranks could not, or did not, say it themselves. */
static int say_here(launching *l, const rk__launch_result *result) {
    static const rk__survey none;
    if (result != NULL)
        rk__finding_add(&l->findings, RK__SEVERITY_ERROR,
                        "%d ranks were started and gave no result (mpirun's exit code is %d)\nmpirun's words above may "
                        "say why; start fewer ranks (-n), or fewer hosts, to find which it is",
                        l->ranks, result->exit_code);
    return rk__doctor_say(l->cli, &none, &l->findings);
}

static int result_of(launching *l, const rk__launch_result *result) {
    if (result->reported)
        return rk__drive_pass_output(result->output_fd, result->exit_code);
    if (result->exit_code == RK_EXIT_OK)
        return RK_EXIT_OK;
    return result->exit_code == RK__DOCTOR_WRONG_ELSEWHERE ? RK_EXIT_ERROR : say_here(l, result);
}

static void tell_ranks(const launching *l) {
    rk__text found = RK__TEXT_INIT, hosts = RK__TEXT_INIT;
    rk__findings_pack(&l->findings, &found);
    setenv(RK__DOCTOR_FOUND, rk__text_get(&found), 1);
    for (size_t i = 0; i < l->hosts.count; i++)
        if (l->probes[i].started)
            rk__text_add(&hosts, "%s%s", hosts.length > 0 ? " " : "", l->probes[i].host);
    setenv(RK__DOCTOR_HOSTS, rk__text_get(&hosts), 1);
    rk__text_fini(&found);
    rk__text_fini(&hosts);
}

static int start_ranks(launching *l) {
    rk_error err = RK_ERROR_INIT;
    rk__launch_result result = {0};
    tell_ranks(l);
    l->cli->arguments.forward[0] = l->self;
    rk__launch_options options = {.ranks = l->ranks,
                                  .hostfile = *l->hostfile != '\0' ? l->hostfile : NULL,
                                  .argv = l->cli->arguments.forward,
                                  .limit_ns = SURVEY_NS};
    rk__cli_give_stdout_back();
    rk_status status = rk__launch(&options, &result, &err);
    if (l->cli->arguments.json)
        rk__cli_take_stdout();
    l->cli->arguments.forward[0] = NULL;
    return status == RK_OK ? result_of(l, &result) : rk__cli_fail(l->cli, &err);
}

static void fini(launching *l) {
    if (*l->hostfile != '\0')
        unlink(l->hostfile);
    rk__hostfile_fini(&l->hosts);
    rk__findings_fini(&l->findings);
    free(l->probes);
}

int rk__doctor_launch(rk__cli *cli) {
    rk_error err = RK_ERROR_INIT;
    launching l = {.cli = cli};
    const char *program = rk__drive_own_path(cli, l.self, sizeof l.self);
    if (program != l.self)
        snprintf(l.self, sizeof l.self, "%s", program);
    rk_status status = cli->arguments.hostfile != NULL ? look_at_hosts(&l, &err) : rk__drive_ranks(cli, &l.ranks, &err);
    int code = status != RK_OK ? rk__cli_fail(cli, &err) : l.ranks > 0 ? start_ranks(&l) : say_here(&l, NULL);
    fini(&l);
    return code;
}
