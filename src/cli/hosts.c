#include "cli/hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/quote.h"

enum { HOSTS_NAMED = 3 };
#define ASK_NS UINT64_C(15000000000) /* ssh and a small program */

/* ---- one ---- */

/* The line in which a Rankine tells its version; NULL: none did. */
static const char *version_line(const char *said) {
    const char *line = strstr(said, "rankine ");
    while (line != NULL && line != said && line[-1] != '\n')
        line = strstr(line + 1, "rankine ");
    return line;
}

static bool is_our_version(const char *line) {
    static const char ours[] = "rankine " RANKINE_VERSION "\n";
    return strncmp(line, ours, sizeof ours - 1) == 0;
}

/* The first lines that say something, up to an empty one, in one. */
static void first_words(const char *said, char *words, size_t size) {
    size_t used = 0;
    *words = '\0';
    while (*said != '\0' && used + 1 < size) {
        size_t length = strcspn(said, "\n");
        bool empty = strspn(said, "- \t\r") >= length;
        if (empty && used > 0)
            return;
        if (!empty)
            used += (size_t)snprintf(words + used, size - used, "%s%.*s", used > 0 ? " " : "", (int)length, said);
        said += length + (said[length] == '\n');
    }
}

/* To be pasted into a shell: ssh hands its words to another one there. A host's name is plain (host_line.h). */
static void add_version_command(rk__text *out, const char *host, const char *program) {
    rk__text there = RK__TEXT_INIT;
    rk__quote_add(&there, program);
    bool plain = strcmp(rk__text_get(&there), program) == 0;
    rk__text_add(&there, " --version");
    rk__text_add(out, "ssh %s ", host);
    if (plain)
        rk__text_add(out, "%s", rk__text_get(&there));
    else
        rk__quote_add(out, rk__text_get(&there));
    rk__text_fini(&there);
}

static void tell_cannot_start(const char *here, const char *program, const char *host, const char *why,
                              rk__findings *to) {
    rk__text command = RK__TEXT_INIT;
    add_version_command(&command, host, program);
    rk__finding_add(to, RK__SEVERITY_ERROR,
                    "%s cannot start %s on %s: %s\ninstall the same Rankine there at the same path, and see that this "
                    "works without a question: %s",
                    here, program, host, *why != '\0' ? why : "nothing is said, as if it was not there",
                    rk__text_get(&command));
    rk__text_fini(&command);
}

/* mpirun's exit code may be 0 whatever happened (recovery): what counts is what the program said. */
static void judge_host(const char *program, rk__launch_probe *probe, rk__findings *to) {
    char why[200], here[RK__HOST_MAX] = "this host";
    const char *version = version_line(probe->said);
    if (probe->started && version != NULL && is_our_version(version))
        return;
    probe->started = false;
    gethostname(here, sizeof here - 1);
    first_words(version != NULL ? version : probe->said, why, sizeof why);
    if (probe->timed_out)
        rk__finding_add(to, RK__SEVERITY_ERROR,
                        "%s does not reach %s: nothing could be started there in %d s\nsee whether it is up, and that "
                        "'ssh %s true' works without a question",
                        here, probe->host, (int)(ASK_NS / 1000000000), probe->host);
    else if (version != NULL)
        rk__finding_add(to, RK__SEVERITY_ERROR,
                        "%s has another version of Rankine: %s; here it is %s\ninstall the same on all nodes, or start "
                        "it from a directory that they share",
                        probe->host, why, RANKINE_VERSION);
    else
        tell_cannot_start(here, program, probe->host, why, to);
}

/* ---- all ---- */

rk_status rk__hosts_ask(const rk__hostfile *hosts, const char *hostfile, const char *program, rk__launch_probe **probes,
                        rk__findings *to, rk_error *err) {
    char *self = rk__strdup(program);
    char *argv[] = {self, (char[]){"--version"}, NULL};
    rk__launch_options options = {.ranks = 1, .hostfile = hostfile, .argv = argv, .quiet = true, .limit_ns = ASK_NS};
    rk_status status = rk__alloc((void **)probes, hosts->count, sizeof **probes, "hosts", err);
    for (size_t i = 0; status == RK_OK && i < hosts->count; i++)
        (*probes)[i].host = hosts->hosts[i].name;
    if (status == RK_OK)
        status = rk__launch_ask_hosts(*probes, hosts->count, &options, err);
    for (size_t i = 0; status == RK_OK && i < hosts->count; i++)
        judge_host(program, &(*probes)[i], to);
    free(self);
    return status;
}

static rk_status take_all_slots(const rk__hostfile *hosts, const char *hostfile, int *ranks, rk_error *err) {
    *ranks = rk__hostfile_slots(hosts);
    for (size_t i = 0; i < hosts->count; i++)
        if (hosts->hosts[i].slots == 0)
            return rk__fail(
                err, RK_EINVAL,
                "--hostfile %s: host %s has no slots=: say there how many ranks it takes, or with -n how many "
                "to start on all hosts",
                hostfile, hosts->hosts[i].name);
    return RK_OK;
}

/* mpirun fills one host after the other, and puts what is left over on all of them. */
static int ranks_here(const rk__hostfile *hosts, int ranks) {
    int here = 0, before = 0, others = 0;
    for (size_t i = 0; i < hosts->count && before < ranks; i++) {
        int slots = hosts->hosts[i].slots > 0 ? hosts->hosts[i].slots : rk__world_cores();
        int used = slots < ranks - before ? slots : ranks - before;
        before += used;
        if (rk__host_is_here(hosts->hosts[i].name))
            here += used;
        else
            others++;
    }
    return others == 0 ? ranks : here;
}

rk_status rk__hosts_ranks(const char *hostfile, int *ranks, int *here, rk_error *err) {
    rk__hostfile hosts;
    RK_TRY(rk__hostfile_read(&hosts, hostfile, err));
    rk_status status = *ranks > 0 ? RK_OK : take_all_slots(&hosts, hostfile, ranks, err);
    *here = ranks_here(&hosts, *ranks);
    rk__hostfile_fini(&hosts);
    return status;
}

/* ---- a run whose ranks do not begin ---- */

/* mpirun fills one host after the other; hosts behind those may be as they like. */
static void leave_unused_out(rk__hostfile *hosts, int ranks) {
    size_t used = 0;
    for (int slots = 0; used < hosts->count && slots < ranks; used++)
        slots += hosts->hosts[used].slots > 0 ? hosts->hosts[used].slots : 1;
    while (hosts->count > used)
        free(hosts->hosts[--hosts->count].name);
}

static void add_findings(const rk__findings *findings, rk__text *why) {
    for (size_t i = 0; i < findings->count && i < HOSTS_NAMED; i++)
        rk__text_add(why, "%s%s: %s", i > 0 ? "; " : "", findings->items[i].what, findings->items[i].remedy);
    if (findings->count > HOSTS_NAMED)
        rk__text_add(why, "; and %zu more hosts", findings->count - HOSTS_NAMED);
}

void rk__hosts_doubt(void *ctx, bool ended, rk__text *why) {
    const rk__hosts_job *job = ctx;
    rk__hostfile hosts;
    rk__launch_probe *probes = NULL;
    rk__findings findings = {0};
    if (rk__hostfile_read(&hosts, job->hostfile, NULL) != RK_OK)
        return;
    if (!ended)
        leave_unused_out(&hosts, job->ranks);
    if (rk__hosts_ask(&hosts, job->hostfile, job->program, &probes, &findings, NULL) == RK_OK)
        add_findings(&findings, why);
    rk__findings_fini(&findings);
    rk__hostfile_fini(&hosts);
    free(probes);
}
