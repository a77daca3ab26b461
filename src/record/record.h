/* src/record: the run file.
 *
 * Problem. One HDF5 file that any reader can open at every instant, that many processes write at once, and in which
 * what was committed is there exactly once, whatever is killed when.
 *
 * Idea. The HDF5 library makes the whole file at the start under a temporary name: every data set contiguous and
 * allocated early, every attribute and scale written. It is closed, and linked into place. From then on no HDF5
 * metadata changes: ranks pwrite() raw bytes at the offsets that H5Dget_offset() gave. The unit of commit is the block,
 * an aligned run of 2^block_log2 tasks; it counts from the moment its 64-byte record is in the file.
 *
 * Order of writes of one block: rows and status, then partial, then record. A record checks itself (XXH3-64, seeded
 * with the run's nonce and the block), vouches for the block's partial and rows, and has two slots: the valid one with
 * the higher generation counts, so that a rewrite is atomic. Slots are planes ([2][blocks]), so that neighbours are one
 * write.
 *
 * What readers see: root data sets are labelled with dimension scales; rows not computed hold the fill value (where the
 * data set is at most RK__FILL_BYTES_MAX; beyond it they are sparse zeros) and `task_status` says which are what.
 *
 * File layout below /rankine: see README.md in this folder.
 *
 * Not collective, except where said. A record may be used by the main thread and the service thread of a rank at once
 * only through the stage. */
#ifndef RANKINE_RECORD_H
#define RANKINE_RECORD_H

#include <stdatomic.h>

#include "base/base.h"
#include "reduce/reduce.h"
#include "space/space.h"

enum {
    RK__FORMAT_VERSION = 2,
    RK__PARTS_MAX = 1 << 20,
    RK__COLUMNS_MAX = RK_OUTPUTS_MAX + 1,
    RK__FAILURE_TEXT_MAX = 216,
    RK__BESIDE_MAX = 4096 + 64 /* path of a file beside the run file */
};
#define RK__FILL_BYTES_MAX     (UINT64_C(64) << 20)
#define RK__DEFAULT_BLOCKS_MAX (UINT64_C(1) << 20)
#define RK__BOOKKEEPING_BUDGET (UINT64_C(8) << 20) /* records and partials of a file with the default block size */

/* Values of the root data set task_status (u8), which exists when some output keeps rows. */
typedef enum rk__task_state { RK__TASK_MISSING = 0, RK__TASK_OK = 1, RK__TASK_FAILED = 2 } rk__task_state;

/* ---- what a file holds: plain data, from a kernel or from the file itself ---- */
typedef struct rk__column {
    char name[80];
    char unit[40], help[200];
    rk_type type;
    uint32_t id;        /* number of the kernel's output; UINT32_MAX for task_status */
    bool keep;          /* rows are in the file */
    bool hashed;        /* rows count in the checksum (all kept outputs but task_status and what is measured) */
    unsigned dim_count; /* inner dimensions; 0: scalar */
    struct {
        char name[80];
        uint64_t size;
    } dims[RK_DIMS_MAX];
    uint64_t elements; /* per row */
    uint64_t row_bytes;
    bool has_fill;
    unsigned char fill[8]; /* one element */
    bool always;           /* rows of failed tasks are what the task left, not the fill value */
    /* Of an output of varying length the rows are counts, named NAME_count; the values are in logs until they are
     * folded into a data set of the output's own name. */
    bool varying;
    struct {
        char name[80];
        char unit[40], help[200];
        rk_type type;
        uint64_t count; /* of a folded file: in all tasks */
    } values;
} rk__column;

typedef struct rk__schema {
    uint64_t tasks, blocks;
    unsigned block_log2;
    uint32_t part, parts; /* the file is for part 1 ... parts of the blocks only; 1 of 1: for all */
    size_t column_count;  /* the kernel's outputs in order (also those not kept), then task_status if any is kept */
    rk__column columns[RK__COLUMNS_MAX];
    bool folded;    /* the values of varying outputs are in the file, not in logs */
    size_t varying; /* how many columns are of varying length */
    size_t partial_bytes;
    size_t field_count;       /* results of the reductions */
    rk__result_field *fields; /* owned; unit and help owned too */
    size_t results_bytes;
} rk__schema;

/* What makes two runs the same run. Strings owned. */
typedef struct rk__identity {
    char *kernel_name, *kernel_version, *kernel_path; /* path "" if linked in; the path is no part of the identity */
    uint64_t description[2];                          /* rk__kernel_fingerprint */
    uint64_t content[2];                              /* of the kernel's file; another one is refused unless accepted */
    uint64_t seed;
    bool deterministic;
    char *space_text; /* includes parameters, axes, input and its fingerprint */
} rk__identity;
void rk__identity_fini(rk__identity *identity);

/* Columns, fields and block size for a kernel over a space. block_tasks: 0 for the default, else a power of two
 * ("--block 48: must be a power of two, such as 32 or 64"). Default: at most RK__DEFAULT_BLOCKS_MAX blocks, and
 * bookkeeping within budget. */
rk_status rk__schema_create(rk__schema *out, const rk_kernel *kernel, const rk__space *space,
                            const rk__reducer *reducer, uint64_t block_tasks, rk_error *err);
void rk__schema_fini(rk__schema *schema);
uint64_t rk__schema_file_bytes(const rk__schema *schema); /* apparent size, within a few KiB */
/* The blocks of the schema's part. */
void rk__schema_part(const rk__schema *schema, uint64_t *first_block, uint64_t *count);
uint64_t rk__schema_part_tasks(const rk__schema *schema);
/* Tasks of a block (the last one may be short). */
uint64_t rk__schema_block_tasks(const rk__schema *schema, uint64_t block);

typedef struct rk__record rk__record;

/* ---- create (one process) and open (any) ---- */
typedef struct rk__provenance { /* strings borrowed; free text goes into data sets */
    const char *command_line, *directory, *host, *user, *mpi_version, *cpu;
    int ranks, nodes;
} rk__provenance;
/* May a run file take this place? It is free, or `force` and what is there is an HDF5 file or empty; else RK_EEXIST
 * says what to do ("run.h5 exists: choose another name with -o, or --force to overwrite"). RK_EINVAL: no regular file.
 */
rk_status rk__place_check(const char *path, bool force, rk_error *err);
/* The file appears whole at `path` or not at all; what is there is replaced by rename, if rk__place_check allows it.
 * Messages distinguish directory missing, not writable, disk full. umask is the user's. */
rk_status rk__record_create(const char *path, const rk__schema *schema, const rk__space *space,
                            const rk__identity *identity, const rk__provenance *provenance, bool force, rk_error *err);

/* A file that is filled before it has its name, so that what has the name until then stays whole. `draft` is where
 * rk__record_create (with force) is to make it; messages as there. RK_EEXIST also if `path` has logs of another file.
 */
rk_status rk__record_draft(const char *path, const rk__schema *schema, bool force, char draft[RK__BESIDE_MAX],
                           rk_error *err);
/* Give it and its logs the name. It must be synced. */
rk_status rk__record_publish(rk__record *record, const char *path, bool force, rk_error *err);
/* Remove it, and its logs. */
void rk__record_discard(const char *draft);

/* One run at a time on the file at `path` (which need not exist yet), by whatever name it has: RK_EEXIST names the host
 * and process that holds it. Ends with the process; leaves a small file behind only if that is killed. */
typedef struct rk__lock rk__lock;
rk_status rk__lock_take(rk__lock **out, const char *path, const char *host, rk_error *err);
/* The file that lies at `path` now, which was made since. */
rk_status rk__lock_file(rk__lock *lock, const char *path, const char *host, rk_error *err);
/* Does this process, perhaps of another node, see the lock that a process holds, where it could write a file that the
 * other writes too? Not for the process that holds it. */
bool rk__lock_is_seen(const char *path, const char *host, long pid);
void rk__lock_release(rk__lock *lock); /* NULL is legal */

/* Reads the schema and identity from the file, checks them (every size and offset against the file's length; hostile
 * files give RK_EFORMAT, never a crash) and opens it for pread, or for pwrite too. "not a Rankine run file",
 * "format version 7, this Rankine reads 2"; RK_ECORRUPT if anything but rows and
 * tables has changed since the file was made. Independent of the kernel. */
rk_status rk__record_open(rk__record **out, const char *path, bool writable, rk_error *err);
/* For processes that cannot write the file themselves: bytes go through a port to one that can. `layout` is what
 * rk__record_layout wrote there. The schema and the places are known then; the identity is not. Syncing is the
 * writer's. */
typedef struct rk__port {
    /* Read or write `size` <= RK__PORT_BYTES bytes at `at` of the file; blocks until it is done. Any thread. */
    rk_status (*move)(void *ctx, bool write, uint64_t at, void *bytes, size_t size, rk_error *err);
    void *ctx;
} rk__port;
#define RK__PORT_BYTES ((size_t)1 << 20)
rk_status rk__record_layout(const rk__record *record, rk__text *layout, rk_error *err);
rk_status rk__record_open_port(rk__record **out, const char *path, const char *layout, rk__port port, rk_error *err);
/* What a port's other end does with the file. */
rk_status rk__record_move(rk__record *record, bool write, uint64_t at, void *bytes, size_t size, rk_error *err);
/* The same file? Two opens of one path may be of two disks. */
bool rk__record_is(const rk__record *record, const uint64_t nonce[2]);
void rk__record_nonce(const rk__record *record, uint64_t nonce[2]);
/* Are there no logs that wait to be folded? */
bool rk__record_is_whole(const rk__record *record);
/* The schema, for who outlives the record; which must be closed then. */
void rk__record_take_schema(rk__record *record, rk__schema *out);
/* Can processes of several hosts write different bytes of one page of it at once? Not so on NFS and SMB. */
bool rk__record_is_shared_safely(const rk__record *record);
bool rk__fd_is_shared_safely(int fd); /* the same for any file */
void rk__record_close(rk__record *record);
const rk__schema *rk__record_schema(const rk__record *record);     /* borrowed */
const rk__identity *rk__record_identity(const rk__record *record); /* borrowed */
const char *rk__record_path(const rk__record *record);
/* RK_EMISMATCH if the file is of another kernel, version, description or seed, or (unless accept_kernel) of another
 * build of the kernel. */
rk_status rk__record_match_kernel(const rk__record *record, const rk__identity *identity, bool accept_kernel,
                                  rk_error *err);
/* The same for all of the run. RK_EMISMATCH naming what differs (kernel, version, parameters, seed, input, block size)
 * and both values. `accept_kernel`: another content hash of the kernel's file is allowed. */
rk_status rk__record_match(const rk__record *record, const rk__identity *identity, const rk__schema *schema,
                           bool accept_kernel, rk_error *err);

/* ---- blocks ---- */
#define RK__OWNER_NOBODY UINT32_MAX
typedef struct rk__block_record { /* exactly 64 bytes, no padding, little-endian in the file */
    uint64_t check;               /* XXH3-64 of the other 56 bytes, seed = run nonce ^ mix(block) */
    uint32_t generation;          /* 1 for the first commit; 0 never */
    uint32_t owner;               /* rank * threads + thread; RK__OWNER_NOBODY: the block is open again */
    uint16_t session;             /* its number, counted over the file's life */
    uint16_t epoch;               /* of synchronisation, modulo 2^16; see rk__record_mark */
    uint32_t failed;              /* tasks */
    uint64_t start_ns;            /* wall clock */
    uint64_t duration_ns;
    uint64_t checksum[2];   /* Σ over good tasks, mod 2^128: low, high */
    uint64_t partial_check; /* XXH3-64 of the partial */
} rk__block_record;

/* The record that counts, or false if the block is not committed. */
bool rk__record_block(rk__record *record, uint64_t block, rk__block_record *out);

typedef struct rk__totals {
    uint64_t blocks_done, tasks_done, tasks_failed; /* done includes failed */
    uint64_t kernel_ns;                             /* sum of block durations */
    uint64_t checksum[2];                           /* sum over blocks */
} rk__totals;
/* Is the block committed, and what its record vouches for in the file? */
rk_status rk__record_check_block(rk__record *record, uint64_t block, bool *sound, rk_error *err);
/* One task's row of a kept column: row_bytes. */
rk_status rk__record_read_row(rk__record *record, size_t column, uint64_t task, void *row, rk_error *err);

/* Reads all records in large pieces. `done`: bitmap of rk__schema.blocks bits (64 per word), set where committed; may
 * be NULL. */
rk_status rk__record_scan(rk__record *record, uint64_t *done, rk__totals *totals, rk_error *err);

/* ---- following: what was committed since one last looked ---- */
typedef struct rk__follower rk__follower;
typedef void (*rk__follow_fn)(void *ctx, uint64_t block, const rk__block_record *entry);
rk_status rk__follower_create(rk__follower **out, rk__record *record, rk_error *err);
void rk__follower_destroy(rk__follower *follower);
/* Visit each committed block that was not visited before, in no particular order. Reads what lies next to blocks that
 * are known, and for about `sweep_ns` also elsewhere; 0: not at all; UINT64_MAX: everywhere, so that nothing committed
 * is missed. */
rk_status rk__follower_poll(rk__follower *follower, uint64_t sweep_ns, rk__follow_fn visit, void *ctx, rk_error *err);
/* Of all blocks visited so far. Borrowed. */
const rk__totals *rk__follower_totals(const rk__follower *follower);
/* Open the file again: a network file system shows what others wrote to whoever opens a file after them.
 * RK_ENOENT: it is gone. RK_EMISMATCH: another file lies there now; the record stays as it was. */
rk_status rk__record_refresh(rk__record *record, rk_error *err);

/* ---- folding ---- */
/* Fold all committed partials in order; memory does not grow with the blocks. */
rk_status rk__record_fold(rk__record *record, const rk__reducer *reducer, void *partial, rk_error *err);

/* ---- checksums of rows ---- */
/* Add Σ XXH3-128(seed = task | id << 56; row) of `count` consecutive rows whose status is RK__TASK_OK; others are
 * skipped. */
void rk__checksum_rows(uint64_t sum[2], const rk__column *column, uint64_t first_task, uint64_t count, const void *rows,
                       const uint8_t *status);
/* Is it what a failed task leaves? */
bool rk__row_is_fill(const rk__column *column, const void *row);
/* Failed tasks count too, by index alone (domain apart). */
void rk__checksum_failed(uint64_t sum[2], uint64_t task);

/* The values of one task and one output of varying length, as they come: their XXH3-128 (seed = task | id << 56) counts
 * in the block's checksum if the task is good and has any. */
typedef struct rk__stream {
    bool open;
    uint64_t task, bytes;
    unsigned char state[640 + 64];
} rk__stream;
/* Opens the stream if it is not; an open one must be of the same task. */
void rk__stream_add(rk__stream *stream, uint32_t id, uint64_t task, const void *bytes, size_t size);
void rk__stream_end(rk__stream *stream, uint64_t hash[2]);
void rk__checksum_add(uint64_t sum[2], const uint64_t hash[2]);

/* ---- logs: values of varying length, until they are folded ---- */
/* A rank's log of one session; the file is made when there is something to write. One block at a time; the main
 * thread's, but for flush and what the stage does. */
typedef struct rk__log rk__log;
rk_status rk__log_create(rk__log **out, rk__record *record, uint16_t session, uint32_t owner, rk_error *err);
void rk__log_destroy(rk__log *log);               /* does not flush; NULL is legal */
void rk__log_begin(rk__log *log, uint64_t block); /* forgets a block that was begun and not ended */
rk_status rk__log_add(rk__log *log, uint64_t task, size_t column, const void *bytes, uint64_t size, rk_error *err);
/* The block is whole: what was added is its, once flushed. */
rk_status rk__log_end(rk__log *log, rk_error *err);
/* Write all that ended. Any thread. */
rk_status rk__log_flush(rk__log *log, rk_error *err);
/* Sync the log of a rank, if it has one. */
rk_status rk__log_sync(const rk__record *record, uint16_t session, uint32_t owner, rk_error *err);

/* The sum of a varying column's counts, as far as they are in the file. */
rk_status rk__record_count_values(rk__record *record, size_t column, uint64_t *total, rk_error *err);
/* When all blocks are committed and the results are there: a new file with the values in task order is put in the place
 * of the old, and the logs are removed. *record is closed and opened anew; on failure it is as before. Nothing to do
 * without varying outputs, or when it is done. One process. */
rk_status rk__record_fold_values(rk__record **record, const rk__space *space, rk_error *err);

/* ---- the stage: a claimer's rows and records on their way to the file ---- */
typedef struct rk__stage rk__stage;
typedef struct rk__stage_options {
    uint32_t owner;
    uint16_t session;
    /* The node's synchronisation: records carry the epoch that was current when their flush began; `flushing` holds
     * that epoch + 1 while it goes on. Both NULL: epoch 0. */
    const _Atomic uint32_t *epoch;
    _Atomic uint32_t *flushing;
    size_t bytes;               /* written when this much has come together; 0: 1 MiB */
    rk__log *log;               /* written before the records; NULL: none */
    void (*writing)(void *ctx); /* before something is; NULL: nobody wants to know */
    void (*committed)(void *ctx, uint64_t first_block, uint64_t count); /* after their records are in the file */
    void *ctx;
} rk__stage_options;
rk_status rk__stage_create(rk__stage **out, rk__record *record, const rk__stage_options *options, rk_error *err);
void rk__stage_destroy(rk__stage *stage); /* does not flush */
/* How many tasks one batch may have: at least 1, such that a batch's rows fit the stage. */
uint64_t rk__stage_batch_tasks(const rk__stage *stage);
/* Memory for the rows of tasks [first, first+count) (one batch, within one block): rows[c] for column c, NULL where not
 * kept; the last column is task_status if it exists. Contents undefined. Valid until the next call of _rows or _commit.
 * Main thread only. */
rk_status rk__stage_rows(rk__stage *stage, uint64_t first_task, uint64_t count, void **rows, rk_error *err);
/* The block is whole: queue its record (check, generation, owner, session and partial_check are filled in here) and
 * partial. */
rk_status rk__stage_commit(rk__stage *stage, uint64_t block, const rk__block_record *record, const void *partial,
                           rk_error *err);
/* Forget the rows of a block that was begun and not committed. */
void rk__stage_abandon(rk__stage *stage);
/* Write everything committed. Any thread. A failed write leaves the stage as it is: RK_EIO, or RK_EIO with "disk full"
 * words. */
rk_status rk__stage_flush(rk__stage *stage, rk_error *err);
/* The service thread's: flush if the oldest staged commit is older than `age_ns`. Never waits for the main thread's
 * kernel. */
rk_status rk__stage_flush_older(rk__stage *stage, uint64_t age_ns, rk_error *err);

/* ---- copying what another file of the same kernel holds ---- */
typedef struct rk__copy_report {
    uint64_t blocks, tasks; /* copied */
    uint64_t blocks_there;  /* committed in `to` before, with the same checksum */
    uint64_t blocks_damaged;
} rk__copy_report;
/* Commit in `to` every block of its part that `from` has committed, that has as many tasks in both and that is sound in
 * `from`; failures of its tasks too. The files have the same columns and partials; tasks have the same numbers. Before
 * the first session of `to`, in one process; `number` is another one for each `from`. RK_EMISMATCH: a block that both
 * have differs, so the kernel is not deterministic. */
rk_status rk__record_copy(rk__record *to, rk__record *from, uint32_t number, rk__copy_report *report, rk_error *err);

/* ---- failures, sessions, results ---- */
typedef struct rk__failure {
    uint64_t task;
    int32_t code;
    uint32_t attempts; /* as read: over all sessions; 0: it ended its process, and by that the session */
    double seconds;
    char message[RK__FAILURE_TEXT_MAX]; /* NUL-terminated, cut on a UTF-8 boundary */
} rk__failure;
/* Table slots are dealt to nodes: node i of n uses base+i, base+i+n, …; `ordinal` counts within the node. Beyond the
 * table the entry is dropped (the failed count in the block's record stays right). */
rk_status rk__record_failure_base(rk__record *record, uint64_t *base, rk_error *err);
rk_status rk__record_write_failure(rk__record *record, uint64_t slot, uint16_t session, const rk__failure *failure,
                                   rk_error *err);
/* Valid entries of committed blocks, one per task, ascending; caller frees. */
rk_status rk__record_read_failures(rk__record *record, rk__failure **out, size_t *count, rk_error *err);
/* *found: a task ended this session (by its number) by ending its process. */
rk_status rk__record_read_crash(rk__record *record, uint32_t session, rk__failure *out, bool *found, rk_error *err);

typedef struct rk__session {
    uint64_t start_ns, end_ns; /* wall; end 0: it did not end in order */
    uint32_t ranks, nodes;
    uint64_t tasks_before, tasks_after, kernel_ns;
    uint32_t outcome; /* 0 running or killed, 1 complete, 2 stopped, 3 failed */
    char host[64];
    uint32_t pid;
    uint32_t number;     /* as in the records of its blocks; 1, 2, ... */
    uint32_t merged;     /* how many earlier sessions this entry stands for besides its own */
    uint32_t threads;    /* of each rank; 0 is 1: the owner of a record is rank * threads + thread */
    uint32_t ranks_lost; /* they died, or were not waited for; rk__record_lose_rank counts them */
} rk__session;
/* A fixed table; when it is full the oldest are merged into one. Returns the number for the records. From then on what
 * earlier sessions committed is trusted: rk__record_settle comes before. Syncs the file and all logs before the entry
 * is written, and the file after it. */
rk_status rk__record_session_begin(rk__record *record, const rk__session *session, uint16_t *number, rk_error *err);
/* start_ns and ranks_lost stay what they are in the file. */
rk_status rk__record_session_end(rk__record *record, uint16_t number, const rk__session *session, rk_error *err);
rk_status rk__record_read_sessions(rk__record *record, rk__session **out, size_t *count, rk_error *err);

/* Which rank was where, in which session: kept for the latest ones (hosts.c). A file from before that has none. */
typedef struct rk__host { /* ranks first, first + stride, ... of a node */
    uint32_t session, threads;
    uint32_t first, count, stride;
    uint32_t lost; /* so many of them */
    char name[64];
} rk__host;
typedef struct rk__roll { /* of a session that begins; all borrowed */
    uint32_t ranks, threads;
    const int *node_of_rank; /* [ranks] */
    const char (*hosts)[64]; /* [ranks] */
} rk__roll;
rk_status rk__record_call_roll(rk__record *record, uint16_t session, const rk__roll *roll, rk_error *err);
/* A rank of the session that goes on is lost; once for each. One thread at a time. */
rk_status rk__record_lose_rank(rk__record *record, uint16_t session, uint32_t rank, rk_error *err);
/* In the order of sessions, then of ranks; caller frees. */
rk_status rk__record_read_hosts(rk__record *record, rk__host **out, size_t *count, rk_error *err);
/* Where a block was computed; NULL: not known. */
const rk__host *rk__host_of(const rk__host *hosts, size_t count, const rk__block_record *entry);

/* Write /reduced/… and the record that vouches for it; syncs the file before and after. */
rk_status rk__record_finish(rk__record *record, const void *results, rk_error *err);
/* RK_EINTERRUPTED if the run is not complete. `results` of schema.results_bytes. */
rk_status rk__record_read_results(rk__record *record, void *results, rk_error *err);
/* wrong[f]: the result in the file differs from that in `results`, whatever vouches for it. */
rk_status rk__record_compare_results(rk__record *record, const void *results, bool *wrong, rk_error *err);
/* Also RK_EIO if the file has lost its name: then nothing can be found again. */
rk_status rk__record_sync(rk__record *record, rk_error *err);

/* ---- what a power cut may have taken ----
 * A record can reach the disk before the rows that it vouches for. So each node, every few seconds, begins a new epoch,
 * waits until no flush of an older one is under way, syncs, and leaves a mark for each of its ranks: what this rank
 * committed in this session up to that epoch may be trusted. Ranks beyond the table are checked at the next resume. */
rk_status rk__record_mark(rk__record *record, uint32_t owner, uint16_t session, uint32_t epoch, rk_error *err);

/* The marks as they are now, and which sessions ended in order: does that cover a block's record? */
typedef struct rk__trust rk__trust;
rk_status rk__trust_read(rk__trust **out, rk__record *record, rk_error *err);
void rk__trust_destroy(rk__trust *trust); /* NULL is legal */
bool rk__trust_covers(const rk__trust *trust, const rk__block_record *entry);

typedef struct rk__settle_options {
    bool check_all;    /* check every block, not only those that no mark covers */
    bool retry_failed; /* open blocks with failed tasks again */
} rk__settle_options;
typedef struct rk__settle_report {
    uint64_t blocks_checked, blocks_damaged, blocks_retried;
} rk__settle_report;
/* Before a session: blocks whose rows or partial are not what their record vouches for are opened again. Syncs the file
 * if anything was changed. One process, while no session is going on. */
rk_status rk__record_settle(rk__record *record, const rk__settle_options *options, rk__settle_report *report,
                            rk_error *err);

/* A file that another program has written to with the HDF5 library lacks its seal, and does not open. */
bool rk__record_lost_seal(const char *path);
/* Check all blocks, open again those that are damaged, and seal the file. The caller has the file's lock. */
rk_status rk__record_reseal(const char *path, rk__settle_report *report, rk_error *err);

/* ---- verify and digest: from the file alone ---- */
typedef struct rk__verify_report {
    rk__totals totals;
    uint64_t blocks_bad;
    uint64_t first_bad[16]; /* the first of them */
    uint64_t entries_bad;   /* of the tables of sessions and of hosts, once the latest session has ended in order */
    bool complete, results_ok;
} rk__verify_report;
/* Recomputes every committed block's checksum from its rows, checks partials and results. RK_OK with counts in the
 * report, also when damaged; an error only if it could not look. `progress` may be NULL. */
rk_status rk__record_verify(rk__record *record, rk__verify_report *report,
                            void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx, rk_error *err);
/* 128 bits over rows, failed tasks, reductions, names, types, shapes; nothing that time or place changes.
 * RK_EINTERRUPTED if not complete. */
rk_status rk__record_digest(rk__record *record, uint64_t digest[2], rk_error *err);

/* Provenance as read back, for `info`: a list of (key, value) texts in file order; caller frees with
 * rk__record_facts_free. */
typedef struct rk__fact {
    char *key, *value;
} rk__fact;
rk_status rk__record_read_facts(rk__record *record, rk__fact **out, size_t *count, rk_error *err);
void rk__record_facts_free(rk__fact *facts, size_t count);

#endif
