/* src/doctor: what is wrong with the machines that a run would take, found out before the run does.
 *
 * Problem. A run over several nodes fails in ways that say little: mpirun refuses, hangs, or all is slow. What is the
 * matter can be measured: whom can ranks be started on, are all of one build, who reaches whom and how fast, do they
 * see one file system, which cores may each use, do their clocks agree.
 *
 * Idea. Two steps. The survey measures and judges nothing: each rank writes a card on itself, and rank 0 has the nodes
 * look at the output directory and measure the network between them. The judge is a pure function from what was
 * measured to findings, each with its remedy.
 *
 * Invariants.
 * - No collective after MPI_Init, also not MPI_Comm_dup: messages travel on MPI_COMM_WORLD, one to one, by nonblocking
 *   calls with a deadline. What is cut, frozen or slow is a result, and no reason to wait.
 * - Ranks do nothing of their own accord: rank 0 orders, they answer. Each order has a tag of its own, so that what
 *   comes late is not taken for an answer to another. A rank that hears nothing from rank 0 ends by itself.
 * - Of a rank of another build only the head of its card is believed; it gets no orders but the one to end.
 *
 *   card.c        what a rank knows of itself; read_card.c: what another reads in it
 *   place.c       the output directory, as a node sees it
 *   wire.c        messages with a deadline
 *   link.c        latency, bandwidth and clocks between two ranks
 *   assistant.c   the ranks that are ordered about
 *   survey.c      rank 0, who orders
 *   judge.c       what is wrong, and how to mend it; findings.c: a list of such
 *   hostfile.c    hosts and slots of a hostfile */
#ifndef RANKINE_DOCTOR_H
#define RANKINE_DOCTOR_H

#include "base/base.h"

enum { RK__CPUS_MAX = 1024, RK__CPUS_TEXT = 64, RK__HOST_MAX = 64, RK__DOCTOR_PATH_MAX = 1024 };
#define RK__CARD_MAGIC UINT32_C(0x43444b52) /* "RKDC" */
enum { RK__CARD_VERSION = 1 };

/* What a rank says of itself. Bytes on the wire: the head stays as it is in all versions to come. */
typedef struct rk__card {
    uint32_t magic, version; /* of the rest of the card */
    uint64_t build;          /* of Rankine's code */
    char rankine[32];        /* version */
    char host[RK__HOST_MAX];
    /* end of the head */
    char machine[48]; /* two machines may have one name */
    char mpi[64], hdf5[32];
    char program[256];                /* path */
    uint64_t cpus[RK__CPUS_MAX / 64]; /* bits: processing units that it may use */
    uint64_t memory_bytes, memory_free_bytes, shm_bytes, shm_free_bytes;
    uint64_t open_files, locked_bytes; /* limits; UINT64_MAX: none */
    int32_t cores, machine_cores;      /* that it may use; that the node lets its processes use */
    int32_t infiniband;                /* is there such a card? */
} rk__card;

/* The output directory, seen from a node. */
typedef struct rk__place {
    bool answered;
    int32_t there_errno, write_errno; /* 0: it is there, it can be written */
    int32_t same;                     /* as rank 0's */
    int32_t shared_safely;            /* two nodes may write one file */
    uint64_t free_bytes;
    char filesystem[24];
} rk__place;

/* Between two ranks of different nodes. */
typedef struct rk__link {
    bool tried, reached;
    double latency_seconds;
    double bytes_per_second; /* 0: not measured */
    double clock_seconds;    /* how far the other's clock is ahead */
    double clock_error_seconds;
} rk__link;

typedef struct rk__doctor_node {
    int lead, ranks; /* its lowest rank; how many have told of themselves */
    rk__place place;
    rk__link link; /* from rank 0's node */
} rk__doctor_node;

typedef struct rk__node_pair {
    int a, b; /* nodes, neither of them rank 0's */
    rk__link link;
} rk__node_pair;

/* All arrays owned. */
typedef struct rk__survey {
    int ranks;
    rk__card *cards;              /* [ranks] */
    bool *heard;                  /* [ranks] */
    char (*absent)[RK__HOST_MAX]; /* [ranks] hosts of ranks that were not heard; "": not known */
    int *node_of_rank;            /* [ranks]; -1: not heard */
    rk__doctor_node *nodes;
    int node_count; /* the first is rank 0's */
    rk__node_pair *pairs;
    size_t pair_count;
    char directory[RK__DOCTOR_PATH_MAX]; /* absolute */
} rk__survey;

/* The head and the body of our own card. */
void rk__card_write(rk__card *card);
/* Can the body be believed? */
bool rk__card_is_known(const rk__card *card);
/* "0-3,8": the processing units that it may use; cut to the buffer. Returns buffer. */
char *rk__cpus_text(const rk__card *card, char *buffer, size_t size);

/* `ranks` ranks, of which none is heard yet. */
rk_status rk__survey_create(rk__survey *survey, int ranks, rk_error *err);
void rk__survey_fini(rk__survey *survey);
/* Rank 0: order the others about, to the end. `output`: where a run would write, a file or a directory; NULL: here.
 * `hosts`: on which ranks were started, separated by spaces; NULL: not known. At most about a minute. */
rk_status rk__survey_take(rk__survey *survey, const char *output, const char *hosts, rk_error *err);
/* Is no rank missing? */
bool rk__survey_is_whole(const rk__survey *survey);
/* Any other rank: do as ordered, until let go. false: rank 0 was not heard of, or not any more. */
bool rk__doctor_assist(int rank);

/* ---- what is wrong ---- */

typedef enum rk__severity {
    RK__SEVERITY_ERROR,   /* a run fails, or loses what this node was to do */
    RK__SEVERITY_WARNING, /* a run is slow, or fails later */
    RK__SEVERITY_NOTE     /* worth knowing; nothing is wrong */
} rk__severity;

typedef struct rk__finding {
    rk__severity severity;
    char *what, *remedy; /* owned */
} rk__finding;

typedef struct rk__findings {
    rk__finding *items; /* worst first, of a kind in the order they were found; owned */
    size_t count;
    bool failed; /* no memory: some are missing */
} rk__findings;

/* A finding; what to do about it stands behind a newline. */
void rk__finding_add(rk__findings *to, rk__severity severity, const char *fmt, ...) RK__PRINTF(3, 4);
void rk__findings_fini(rk__findings *findings);
const char *rk__severity_name(rk__severity severity);
/* Pure. */
void rk__judge(const rk__survey *survey, rk__findings *to);
/* As text without newlines, for an environment variable, and back. */
void rk__findings_pack(const rk__findings *findings, rk__text *out);
void rk__findings_unpack(const char *packed, rk__findings *to);
/* Errors and warnings. */
size_t rk__findings_wrong(const rk__findings *findings);

/* ---- hostfiles ---- */

typedef struct rk__host_line {
    char *name; /* owned */
    int slots;  /* 0: the file does not say */
} rk__host_line;

typedef struct rk__hostfile {
    rk__host_line *hosts; /* each once; owned */
    size_t count;
} rk__hostfile;

/* What Open MPI 4.1 reads: comments, "host slots=4 max_slots=8", and a host on several lines that do not say how many
 * slots. A file or a pipe of up to 64 MiB. RK_ENOENT, RK_EPERM, RK_EIO; RK_EINVAL: no host, or what mpirun would refuse
 * or read otherwise, with the line. */
rk_status rk__hostfile_read(rk__hostfile *file, const char *path, rk_error *err);
/* 0: some host has none of its own. */
int rk__hostfile_slots(const rk__hostfile *file);
void rk__hostfile_fini(rk__hostfile *file);
/* Is it a name of this machine? */
bool rk__host_is_here(const char *name);

#endif
