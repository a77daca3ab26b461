/* src/world: the processes of a run: MPI start and end, which ranks share a node, errors that all ranks agree on,
 * the launcher that starts mpirun; and what else belongs to a process: its cores and its GPU (cores.c, gpus.c), a
 * helper that forks for it because forking after MPI_Init is a known fault (helper.h), and the end of processes that
 * were left behind (left.c).
 *
 * Problem. MPI gives a flat list of ranks; a run needs to know nodes, must end every collective step with one verdict
 * on all ranks (no rank skips a collective that its peers entered), and must be startable without typing mpirun.
 *
 * Invariants. The caller's communicator is duplicated with MPI_ERRORS_RETURN. No collective is called while tasks run.
 * MPI is asked for MPI_THREAD_MULTIPLE and may give MPI_THREAD_SERIALIZED: on one node only the main thread calls MPI.
 * On several nodes the letters' thread (src/mail) does so at the same time: there it has to be MPI_THREAD_MULTIPLE. */
#ifndef RANKINE_WORLD_H
#define RANKINE_WORLD_H

#include <mpi.h>

#include "base/base.h"

typedef struct rk__world {
    MPI_Comm comm;      /* duplicate of MPI_COMM_WORLD */
    MPI_Comm node_comm; /* the ranks of this node */
    int rank, size;
    int node, node_count;     /* nodes are numbered by their lowest rank */
    int node_rank, node_size; /* place within the node, in rank order */
    int *node_of_rank;        /* [size] */
    int *place_in_node;       /* [size] number of a rank among those of its node */
    int *node_leader;         /* [node_count] lowest rank of each node */
    bool owns_mpi;            /* we called MPI_Init and must finalize */
    bool multiple;            /* several threads may call MPI at once */
    int gpu;                  /* number of the node's GPU that this rank may use; -1: none */
    char host[64];
} rk__world;

/* Decode an MPI error into *err; for RK_TRY(rk__mpi(MPI_Bcast(...), "MPI_Bcast", err)). */
rk_status rk__mpi(int mpi_code, const char *what, rk_error *err);

/* What a socket between two ranks holds, in Open MPI's words: whoever starts MPI asks for so many bytes, unless the
 * user has said how many. Linux gives twice as many, and twice net.core.wmem_max at most. */
#define RK__SOCKET_VARIABLE "OMPI_MCA_btl_tcp_sndbuf"
#define RK__SOCKET_BYTES    262144

/* Collective over MPI_COMM_WORLD; initialises MPI if nobody has. The environment RANKINE_NODE_RANKS=k (tests only)
 * makes every k consecutive ranks a "node" of their own. On failure nothing is held. RK_EUNSUPPORTED: MPI made a world
 * of another size than mpirun or srun started (they belong to another MPI); each process then is told so. */
rk_status rk__world_init(rk__world *world, rk_error *err);
/* The same without a message between ranks, which may be cut from each other: MPI_Init only. rank, size and host are
 * known; comm is MPI_COMM_WORLD itself, nodes are not known. */
rk_status rk__world_init_apart(rk__world *world, rk_error *err);
/* Collective. NULL-safe fields; frees communicators, finalizes MPI if it is ours. */
void rk__world_fini(rk__world *world);

/* Collective. Every rank passes its local verdict; all return the same status and hold the same *err: that of the
 * lowest failing rank, with err->rank set to it. */
rk_status rk__world_agree(const rk__world *world, rk_status local, rk_error *err);
/* Collective over `comm`. */
rk_status rk__world_bcast(MPI_Comm comm, void *bytes, size_t size, int root,
                          rk_error *err); /* any size, also > 2 GiB */

/* Collective over the world: rank 0's text (owned; NULL: "") to all others, who get a copy of their own. */
rk_status rk__world_send_text(const rk__world *world, char **text, rk_error *err);

/* Memory that the ranks of a node share. */
typedef struct rk__shared {
    void *memory;
    size_t bytes;
    int fd;
} rk__shared;
typedef struct rk__share_plan {
    size_t bytes; /* zeroed at first */
    /* Called by the node's first rank before the others see it. The memory has to begin with the nonce. */
    void (*init)(void *memory, const uint64_t nonce[2], void *ctx);
    void *ctx;
} rk__share_plan;
/* Collective over the world. One piece per node, which no name leads to afterwards. RK_EUNSUPPORTED: ranks of a node
 * see different memory (containers). */
rk_status rk__world_share(const rk__world *world, const rk__share_plan *plan, rk__shared *shared, rk_error *err);
void rk__unshare(rk__shared *shared); /* twice is fine */

/* Is this process a rank already (started by mpirun or srun)? Looks at PMIX_RANK, OMPI_COMM_WORLD_RANK, PMI_RANK.
 * RK_EUNSUPPORTED with a message naming `srun --mpi=pmix` for an srun step of several tasks that has none of them. */
rk_status rk__world_am_rank(bool *out, rk_error *err);

/* Cores this process may use (hwloc: physical cores that hold an allowed PU), at least 1. */
int rk__world_cores(void);
/* As if it were not bound: what the machine, or the container, has. */
int rk__world_machine_cores(void);
/* The operating system's numbers of the processing units that this process may use: *list owned; NULL and 0 where they
 * cannot be told. */
rk_status rk__world_core_list(int **list, int *count, rk_error *err);
/* The number of the GPU that a rank may use, -1 if there is none (or hwloc does not know of it). Sets the driver's
 * variable (CUDA_VISIBLE_DEVICES, ROCR_VISIBLE_DEVICES) unless it is set. Before any library that looks at it. */
int rk__world_choose_gpu(int node_rank);

/* ---- launcher ---- */

typedef struct rk__launch_options {
    int ranks;             /* > 0 */
    int cores_per_rank;    /* to bind each to; 0: one, if the ranks take all cores */
    const char *hostfile;  /* NULL: this host */
    char *const *argv;     /* command that each rank runs, argv[0] an absolute path, NULL-terminated */
    bool quiet;            /* the ranks are told of no terminal */
    uint64_t limit_ns;     /* end the job after so long; 0: never */
    const char *only_host; /* of the hostfile; NULL: all */
    /* Called in a process of its own if the ranks do not begin in time, or one has died, or (ended) mpirun has: what is
     * wrong, as far as it can be told; that ends the job. NULL: nobody knows. */
    void (*doubt)(void *ctx, bool ended, rk__text *why);
    void *doubt_ctx;
} rk__launch_options;

typedef struct rk__launch_result {
    bool reported;    /* rank 0 wrote its result: exit_code is its own */
    int exit_code;    /* else: 128+signal or mpirun's code */
    bool interrupted; /* we were told to stop (INT or TERM) */
    bool stuck;       /* some ranks ended while they started, or took too long for it; the others were ended */
    char why[1024];   /* they did not; "": it is not known */
    int output_fd;    /* what rank 0 has left to be printed, to be read and closed by the caller; -1: nothing */
} rk__launch_result;

/* Start mpirun with argv in a process group of its own and stay its parent. INT, TERM and HUP to us become USR1 to
 * mpirun, which passes it to the process group of each rank (drain), again each second until the job has ended; a
 * second one kills. Sets for the ranks: RANKINE_JOB (a directory of ours, where rank 0 leaves its exit code in the file
 * "exit", removed at the end), RANKINE_RANKS (their number), RANKINE_SECRET (see
 * rk__launch_take_secret) and RANKINE_TTY=columns if our stderr is a terminal; passes
 * on all of RANKINE_*, to other hosts too. A job that goes on for ten seconds after its report is ended, or for
 * two seconds if ranks were lost or rank 0 is gone. With Open MPI 4 mpirun is told to let the others go on when a rank
 * dies (orte_enable_recovery), and to notice dead nodes in seconds. Removes
 * shared memory named after the job, and (Linux) ends all processes that outlive mpirun; the caller has no other
 * children. As root it sets what Open MPI asks for; more ranks than cores get --oversubscribe; what the user has set
 * for Open MPI in the environment goes first. Linux: mpirun dies with us. Not for ranks; one at a time in a process.
 * RK_ENOENT: no mpirun on PATH (message names packages), or no such hostfile. */
rk_status rk__launch(const rk__launch_options *options, rk__launch_result *result, rk_error *err);

/* Can each of these hosts be started on? */
typedef struct rk__launch_probe {
    const char *host;
    bool started; /* the program ran there and ended with 0 */
    bool timed_out;
    char said[2048]; /* its stdout and stderr, and mpirun's; cut */
} rk__launch_probe;
/* Runs options->argv on each host by itself, options->ranks of it, each for options->limit_ns at most. */
rk_status rk__launch_ask_hosts(rk__launch_probe *probes, size_t count, const rk__launch_options *options,
                               rk_error *err);

/* The rank's side. First of all, before a kernel is loaded: takes what our words to the launcher begin with out of the
 * environment, so that no program that a task starts has it. */
void rk__launch_take_secret(void);
/* Base name for shared memory of this job: unique, the same on all ranks that rank 0's string is sent
 * to. */
void rk__launch_job_name(char *buffer, size_t size);
/* Rank 0, when all ranks are there and listen to signals: from now on a stop leaves something. */
void rk__launch_begin(void);
/* Rank 0, as the last thing before rk__world_fini: leave the exit code (0 … 255) for the launcher. `broken`: ranks were
 * lost, and mpirun may have to be ended. true: it is written, and the ranks should exit with 0 to keep mpirun quiet.
 * false: nobody looks, or rank 0 is not on the launcher's host. */
bool rk__launch_report(int exit_code, bool broken);
/* Rank 0, when it is about to say how the run ended: what it says on stderr from now on comes last. Returns a file for
 * what the launcher is to print then, so that it notices where that cannot be written; the caller's to close. -1: there
 * is no launcher, or it is on another host. */
int rk__launch_open_output(void);
/* A rank of several that a launcher started, before it makes threads: what it prints gets a label with its rank (see
 * launch_relay.h). `merged`: its stdout is its stderr. Returns what stdout was, where results go; -1: it has not
 * changed, or they go there already. */
int rk__launch_label_output(bool merged);
/* Is that so for this process? */
bool rk__launch_labels_output(void);
/* Have mpirun end the job: of its own accord it waits for ever for a node that is cut off. false: it is on another
 * host, out of our reach. */
bool rk__launch_end_mpirun(void);
/* Will a launcher say how the job ended, should the ranks not? */
bool rk__launch_is_watched(void);
/* Remove all shared memory on this machine that begins with that name; who has mapped it keeps it. */
void rk__launch_unlink_segments(const char *name);
/* Columns of the terminal the person looks at: RANKINE_TTY, else stderr's own; 0: not a terminal. */
int rk__launch_tty_columns(void);

#endif
