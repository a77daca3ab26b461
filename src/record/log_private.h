/* The format of logs, and how to read them. README.md says what they are for. */
#ifndef RANKINE_LOG_PRIVATE_H
#define RANKINE_LOG_PRIVATE_H

#include "record/record_private.h"

enum { RK__LOG_PATH_MAX = RK__BESIDE_MAX, RK__LOG_NAME_MAX = 32 };

typedef struct rk__log_frame { /* 48 bytes, little-endian, then the entries */
    uint64_t check;            /* XXH3-64 of the rest; seeded with the nonce and the place in the log */
    uint64_t block;
    uint32_t part, last;
    uint64_t bytes;   /* of entries */
    uint64_t payload; /* XXH3-64 of the entries, seeded with the block */
    uint64_t reserved;
} rk__log_frame;

typedef struct rk__log_entry { /* then the bytes, padded to 8 */
    uint64_t task;
    uint32_t column, bytes;
} rk__log_entry;

_Static_assert(sizeof(rk__log_frame) == 48 && sizeof(rk__log_entry) == 16, "as in the file");

void rk__log_seal(const rk__record *record, rk__log_frame *frame, uint64_t at);
bool rk__log_is_valid(const rk__record *record, const rk__log_frame *frame, uint64_t at);

/* logs.c: the values of committed blocks, from all logs or from a folded file. */
typedef struct rk__values rk__values;
/* Reads the heads of all frames; memory: 24 bytes a block. */
rk_status rk__values_open(rk__values **out, rk__record *record, rk_error *err);
void rk__values_close(rk__values *values); /* NULL is legal */
/* In task order; for each task in the order of emission. RK_ECORRUPT: the block's frames are not there, or damaged. */
typedef rk_status (*rk__values_fn)(void *ctx, uint64_t task, size_t column, const void *bytes, size_t size,
                                   rk_error *err);
rk_status rk__values_block(rk__values *values, uint64_t block, const rk__block_record *entry, rk__values_fn visit,
                           void *ctx, rk_error *err);
/* Of a folded file without logs: are the values of so many tasks where they must be? */
rk_status rk__values_check_starts(rk__record *record, uint64_t first, uint64_t count, bool *sound, rk_error *err);

/* log_directory.c: "NAME.logs" beside a run file; of a name that is too long for that, its hash. */
void rk__logs_path(const char *run_file, char out[RK__LOG_PATH_MAX]);
void rk__log_name(uint32_t session, uint32_t owner, char out[RK__LOG_NAME_MAX]);
rk_status rk__log_failed(const char *path, rk_error *err); /* RK_EIO, by errno */
/* *fd: -1 if there is none. RK_EFORMAT: what lies there is no directory, or a symbolic link to one. */
rk_status rk__logs_open(const char *run_file, int *fd, rk_error *err);
/* The same; made if there is none. */
rk_status rk__logs_make(const char *run_file, int *fd, rk_error *err);
/* A log in an open directory; *fd: -1 if there is none. RK_EFORMAT: it is no regular file (a pipe is not waited for).
 */
rk_status rk__log_open(int directory, const char *name, int flags, int *fd, rk_error *err);
rk_status rk__log_sync_in(int directory, const char *name, rk_error *err);
/* Visit whatever has the name of a log. */
typedef rk_status (*rk__logs_fn)(void *ctx, int directory, const char *name, uint32_t session, uint32_t owner,
                                 rk_error *err);
rk_status rk__logs_walk(const char *run_file, rk__logs_fn visit, void *ctx, rk_error *err);
rk_status rk__logs_sync(const char *run_file, rk_error *err); /* of all of them */
bool rk__logs_exist(const rk__record *record);
/* Removes all logs of the file, and their directory if nothing else is in it. */
void rk__logs_remove(const char *run_file);

#endif
