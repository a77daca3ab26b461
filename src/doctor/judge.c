/* One function for each thing that may be wrong. A finding names the nodes, the values, and what to do. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor.h"

#define CLOCK_SECONDS_MAX 1.0
#define SHM_PER_RANK      (UINT64_C(8) << 20) /* Open MPI's own segment and Rankine's */
#define LOCKED_MIN        (UINT64_C(64) << 20)
enum { FILES_BESIDE = 128, SLOW_FACTOR = 4, LINKS_TO_COMPARE = 3, NAMES_SHOWN = 8 };

static const rk__card *lead_of(const rk__survey *survey, int node) {
    return &survey->cards[survey->nodes[node].lead];
}

static const char *host_of(const rk__survey *survey, int node) {
    return lead_of(survey, node)->host;
}

static bool is_known(const rk__survey *survey, int node) {
    return rk__card_is_known(lead_of(survey, node));
}

/* ---- ranks that are not there ---- */

/* "rank 3", "ranks 3, 5 and 7" of those that `belongs` picks. */
static int list_ranks(const rk__survey *survey, bool (*belongs)(const rk__survey *, int, const void *), const void *ctx,
                      rk__text *out) {
    int count = 0, listed = 0;
    for (int rank = 0; rank < survey->ranks; rank++)
        count += belongs(survey, rank, ctx);
    rk__text_add(out, count == 1 ? "rank" : "ranks");
    for (int rank = 0; rank < survey->ranks && listed < NAMES_SHOWN; rank++) {
        if (!belongs(survey, rank, ctx))
            continue;
        bool last = ++listed == count;
        rk__text_add(out, "%s %d", listed == 1 ? "" : last ? " and" : ",", rank);
    }
    if (count > listed)
        rk__text_add(out, " and %d more", count - listed);
    return count;
}

static bool is_absent_at(const rk__survey *survey, int rank, const void *host) {
    return !survey->heard[rank] && strcmp(survey->absent[rank], host) == 0;
}

static bool is_first_absent(const rk__survey *survey, int rank) {
    for (int before = 0; before < rank; before++)
        if (is_absent_at(survey, before, survey->absent[rank]))
            return false;
    return !survey->heard[rank];
}

static void judge_absent(const rk__survey *survey, rk__findings *to) {
    static const char look[] = "see whether the hosts reach each other (ping, firewall), and that MPI takes the right "
                               "network (export OMPI_MCA_btl_tcp_if_include=NAME)";
    for (int rank = 0; rank < survey->ranks; rank++) {
        if (!is_first_absent(survey, rank))
            continue;
        const char *host = survey->absent[rank], *root = survey->heard[0] ? survey->cards[0].host : "rank 0's host";
        rk__text ranks = RK__TEXT_INIT;
        list_ranks(survey, is_absent_at, host, &ranks);
        if (*host != '\0')
            rk__finding_add(to, RK__SEVERITY_ERROR, "%s and %s do not reach each other: nothing came of %s\n%s", root,
                            host, rk__text_get(&ranks), look);
        else
            rk__finding_add(to, RK__SEVERITY_ERROR, "%s does not hear of %s: cut off, frozen or dead\n%s", root,
                            rk__text_get(&ranks), look);
        rk__text_fini(&ranks);
    }
}

/* ---- versions ---- */

static void judge_builds(const rk__survey *survey, rk__findings *to) {
    const rk__card *root = &survey->cards[0];
    for (int node = 0; node < survey->node_count; node++)
        for (int rank = 0; rank < survey->ranks; rank++) {
            const rk__card *card = &survey->cards[rank];
            if (survey->node_of_rank[rank] != node || card->build == root->build)
                continue;
            rk__finding_add(to, RK__SEVERITY_ERROR,
                            "%s has another build of Rankine (%.31s, %08x) than %s (%s, %08x)\ninstall the same on "
                            "all nodes, or start it from a directory that they share",
                            card->host, card->rankine, (unsigned)(card->build >> 32), root->host, root->rankine,
                            (unsigned)(root->build >> 32));
            break;
        }
}

static void judge_versions(const rk__survey *survey, rk__findings *to) {
    const rk__card *root = &survey->cards[0];
    for (int node = 1; node < survey->node_count; node++) {
        const rk__card *card = lead_of(survey, node);
        if (!is_known(survey, node))
            continue;
        if (strcmp(card->mpi, root->mpi) != 0)
            rk__finding_add(to, RK__SEVERITY_ERROR,
                            "%s has %s, %s has %s\nload the same MPI on all nodes (module load in the shell's start-up "
                            "file)",
                            card->host, card->mpi, root->host, root->mpi);
        if (strcmp(card->hdf5, root->hdf5) != 0)
            rk__finding_add(to, RK__SEVERITY_WARNING,
                            "%s has HDF5 %s, %s has %s\ninstall the same on all nodes: what one writes, another may "
                            "not read",
                            card->host, card->hdf5, root->host, root->hdf5);
    }
}

static void judge_names(const rk__survey *survey, rk__findings *to) {
    for (int node = 1; node < survey->node_count; node++)
        for (int before = 0; before < node; before++)
            if (is_known(survey, node) && is_known(survey, before) &&
                strcmp(host_of(survey, node), host_of(survey, before)) == 0) {
                rk__finding_add(to, RK__SEVERITY_WARNING,
                                "two machines are called %s\ngive each a name of its own: mpirun and messages cannot "
                                "tell them apart",
                                host_of(survey, node));
                break;
            }
}

/* ---- cores ---- */

static bool is_within(const rk__card *card, const rk__card *set) {
    for (int i = 0; i < RK__CPUS_MAX / 64; i++)
        if ((card->cpus[i] & ~set->cpus[i]) != 0)
            return false;
    return true;
}

typedef struct crowd {
    int node;
    const rk__card *set; /* whose cores they share */
} crowd;

static bool is_in_crowd(const rk__survey *survey, int rank, const void *ctx) {
    const crowd *c = ctx;
    return survey->node_of_rank[rank] == c->node && is_within(&survey->cards[rank], c->set);
}

/* Ranks for each core of this set; above 1 they share. */
static double crowding(const rk__survey *survey, const crowd *c) {
    int count = 0;
    for (int rank = 0; rank < survey->ranks; rank++)
        count += is_in_crowd(survey, rank, c);
    return (double)count / (c->set->cores > 0 ? c->set->cores : 1);
}

static void tell_crowd(const rk__survey *survey, const crowd *c, rk__findings *to) {
    rk__text ranks = RK__TEXT_INIT;
    char cpus[RK__CPUS_TEXT];
    int count = list_ranks(survey, is_in_crowd, c, &ranks), cores = c->set->cores;
    if (cores < c->set->machine_cores)
        rk__finding_add(to, RK__SEVERITY_WARNING,
                        "%s: %s are bound to the same core%s (%s)\nlet each have its own: mpirun --bind-to core, or "
                        "--bind-to none; srun --cpu-bind=cores",
                        c->set->host, rk__text_get(&ranks), cores == 1 ? "" : "s",
                        rk__cpus_text(c->set, cpus, sizeof cpus));
    else
        rk__finding_add(to, RK__SEVERITY_WARNING,
                        "%s: %d ranks share %d core%s, and slow each other down\nstart at most %d there: -n, or "
                        "slots=%d in the hostfile",
                        c->set->host, count, cores, cores == 1 ? "" : "s", cores, cores);
    rk__text_fini(&ranks);
}

static void judge_cores(const rk__survey *survey, rk__findings *to) {
    for (int node = 0; node < survey->node_count; node++) {
        crowd worst = {.node = node};
        double most = 1;
        for (int rank = 0; rank < survey->ranks; rank++) {
            crowd here = {node, &survey->cards[rank]};
            if (survey->node_of_rank[rank] != node || !rk__card_is_known(here.set))
                continue;
            double much = crowding(survey, &here);
            if (much > most) {
                most = much;
                worst = here;
            }
        }
        if (worst.set != NULL)
            tell_crowd(survey, &worst, to);
    }
}

/* ---- network ---- */

static void judge_reach(const rk__survey *survey, rk__findings *to) {
    const char *root = survey->cards[0].host;
    for (int node = 1; node < survey->node_count; node++)
        if (survey->nodes[node].link.tried && !survey->nodes[node].link.reached)
            rk__finding_add(to, RK__SEVERITY_ERROR,
                            "%s and %s do not reach each other any more\nsee whether %s is still up and its link holds",
                            root, host_of(survey, node), host_of(survey, node));
    for (size_t i = 0; i < survey->pair_count; i++) {
        const rk__node_pair *pair = &survey->pairs[i];
        if (pair->link.tried && !pair->link.reached)
            rk__finding_add(to, RK__SEVERITY_ERROR,
                            "%s and %s do not reach each other, though both reach %s\nsee what lies between the two "
                            "(firewall, route, cable); until then leave one of them out of the hostfile",
                            host_of(survey, pair->a), host_of(survey, pair->b), root);
    }
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of rank 0's links; 0: too few of them. */
static double middle_bandwidth(const rk__survey *survey) {
    double *rates = NULL, middle = 0;
    size_t count = 0;
    if (rk__alloc((void **)&rates, (size_t)survey->node_count + 1, sizeof *rates, "rates", NULL) != RK_OK)
        return 0;
    for (int node = 1; node < survey->node_count; node++)
        if (survey->nodes[node].link.bytes_per_second > 0)
            rates[count++] = survey->nodes[node].link.bytes_per_second;
    qsort(rates, count, sizeof *rates, compare_doubles);
    if (count >= LINKS_TO_COMPARE)
        middle = rates[count / 2];
    free(rates);
    return middle;
}

static void judge_speed(const rk__survey *survey, rk__findings *to) {
    double middle = middle_bandwidth(survey);
    for (int node = 1; node < survey->node_count; node++) {
        const rk__link *link = &survey->nodes[node].link;
        if (link->reached && link->bytes_per_second * SLOW_FACTOR < middle)
            rk__finding_add(to, RK__SEVERITY_NOTE,
                            "%s is slow to reach: %.0f MB/s, others %.0f MB/s\nlook at its network card and cable",
                            host_of(survey, node), link->bytes_per_second / 1e6, middle / 1e6);
    }
}

static void judge_clocks(const rk__survey *survey, rk__findings *to) {
    for (int node = 1; node < survey->node_count; node++) {
        const rk__link *link = &survey->nodes[node].link;
        double off = link->clock_seconds;
        if (link->reached && (off < 0 ? -off : off) - link->clock_error_seconds > CLOCK_SECONDS_MAX)
            rk__finding_add(to, RK__SEVERITY_WARNING,
                            "the clock of %s is %.1f s %s that of %s\nset the clocks by NTP: times in files and logs "
                            "are wrong, make and NFS get confused",
                            host_of(survey, node), off < 0 ? -off : off, off < 0 ? "behind" : "ahead of",
                            survey->cards[0].host);
    }
}

/* ---- the output directory ---- */

static void judge_root_place(const rk__survey *survey, rk__findings *to) {
    const rk__place *place = &survey->nodes[0].place;
    int failure = place->there_errno != 0 ? place->there_errno : place->write_errno;
    if (place->answered && failure != 0)
        rk__finding_add(to, RK__SEVERITY_ERROR,
                        "%s cannot write to %s: %s\nchoose another directory with -o: this is where the run file is "
                        "made",
                        survey->cards[0].host, survey->directory, rk__errno_text(failure));
}

static void judge_place(const rk__survey *survey, int node, rk__findings *to) {
    const rk__place *place = &survey->nodes[node].place;
    const char *host = host_of(survey, node), *root = survey->cards[0].host, *path = survey->directory;
    if (!place->answered)
        rk__finding_add(to, RK__SEVERITY_ERROR,
                        "%s does not answer when asked for %s\nlook for a file system that hangs there (df)", host,
                        path);
    else if (place->there_errno != 0)
        rk__finding_add(to, RK__SEVERITY_NOTE,
                        "%s has no %s (%s): its results go to %s by message\nfor outputs of varying length choose a "
                        "directory that the nodes share",
                        host, path, rk__errno_text(place->there_errno), root);
    else if (place->write_errno != 0)
        rk__finding_add(to, RK__SEVERITY_WARNING,
                        "%s cannot write to %s: %s\nmount it for writing or mend its permissions; until then its "
                        "results go to %s by message",
                        host, path, rk__errno_text(place->write_errno), root);
    else if (!place->same)
        rk__finding_add(to, RK__SEVERITY_NOTE,
                        "%s has a %s of its own: its results go to %s by message\nfor outputs of varying length choose "
                        "a directory that the nodes share",
                        host, path, root);
}

static void judge_places(const rk__survey *survey, rk__findings *to) {
    judge_root_place(survey, to);
    for (int node = 1; node < survey->node_count; node++)
        if (is_known(survey, node) && survey->nodes[0].place.answered)
            judge_place(survey, node, to);
}

/* ---- limits ---- */

static void judge_shm(const rk__card *card, int ranks, rk__findings *to) {
    char is[32], needed[32];
    if (ranks > 1 && card->shm_bytes > 0 && card->shm_free_bytes < (uint64_t)ranks * SHM_PER_RANK)
        rk__finding_add(to, RK__SEVERITY_WARNING,
                        "%s: %s free in /dev/shm for %d ranks\nmake it %s or more (mount -o remount,size=..., docker "
                        "--shm-size)",
                        card->host, rk__format_bytes(card->shm_free_bytes, is, sizeof is), ranks,
                        rk__format_bytes((uint64_t)ranks * SHM_PER_RANK, needed, sizeof needed));
}

static void judge_limits(const rk__survey *survey, rk__findings *to) {
    for (int node = 0; node < survey->node_count; node++) {
        const rk__card *card = lead_of(survey, node);
        uint64_t files = (uint64_t)survey->ranks + FILES_BESIDE;
        char locked[32];
        if (!is_known(survey, node))
            continue;
        judge_shm(card, survey->nodes[node].ranks, to);
        if (card->open_files < files)
            rk__finding_add(to, RK__SEVERITY_WARNING,
                            "%s: a process may have %" PRIu64 " files open\nulimit -n %" PRIu64
                            " or more, in /etc/security/limits.conf for good",
                            card->host, card->open_files, files);
        if (card->infiniband && card->locked_bytes < LOCKED_MIN)
            rk__finding_add(to, RK__SEVERITY_WARNING,
                            "%s: a process may lock %s of memory, InfiniBand wants more\nulimit -l unlimited (in "
                            "/etc/security/limits.conf, and for Slurm in its service)",
                            card->host, rk__format_bytes(card->locked_bytes, locked, sizeof locked));
    }
}

void rk__judge(const rk__survey *survey, rk__findings *to) {
    judge_absent(survey, to);
    judge_builds(survey, to);
    judge_versions(survey, to);
    judge_reach(survey, to);
    judge_places(survey, to);
    judge_cores(survey, to);
    judge_names(survey, to);
    judge_clocks(survey, to);
    judge_limits(survey, to);
    judge_speed(survey, to);
}
