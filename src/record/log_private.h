/* The format of logs, and how to read them. README.md says what they are for. */
#ifndef RANKINE_LOG_PRIVATE_H
#define RANKINE_LOG_PRIVATE_H

#include "record/record_private.h"

enum { RK__LOG_PATH_MAX = 4096 + 64 };

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

void rk__log_path(const rk__record *record, uint32_t session, uint32_t owner, char out[RK__LOG_PATH_MAX]);
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
bool rk__logs_exist(const rk__record *record);
/* Removes all logs of the file, and their directory. */
void rk__logs_remove(const rk__record *record);

#endif
