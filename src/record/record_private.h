/* What the units of this room share. The layout of the file is in README.md. */
#ifndef RANKINE_RECORD_PRIVATE_H
#define RANKINE_RECORD_PRIVATE_H

#include <hdf5.h>

#include "record/record.h"

enum {
    RK__FAILURES_MAX = 4096,
    RK__FAILURE_BYTES = 256,
    RK__SESSIONS_MAX = 64,
    RK__SESSION_BYTES = 256,
    RK__HOSTS_MAX = 1024,
    RK__HOST_BYTES = 128,
    RK__MARKS_MAX = 4096,
    RK__MARK_BYTES = 16,
    RK__FINISH_BYTES = 64
};

struct rk__record {
    char *path;
    int fd;
    bool writable;
    rk__port port; /* .move NULL: by our own descriptor */
    uint64_t nonce[2];
    rk__schema schema;
    rk__identity identity;
    char *provenance;
    /* where things lie in the file */
    uint64_t column_at[RK__COLUMNS_MAX];
    uint64_t *field_at; /* [field_count] */
    /* of varying columns of a folded file: values, where they begin for each task, how many there are in all */
    uint64_t values_at[RK__COLUMNS_MAX], start_at[RK__COLUMNS_MAX], values_count[RK__COLUMNS_MAX];
    uint64_t records_at, partials_at, failures_at, sessions_at, marks_at, finish_at;
    uint64_t hosts_at; /* 0: an older file, which has no such table */
};

_Static_assert(sizeof(rk__block_record) == 64, "a record is one cache line");

/* words.c: lines of words as text. A word has no white space: such bytes, '%' and an empty word are percent-escaped. */
void rk__words_add(rk__text *text, const char *word);
/* Next word of a line into buffer, unescaped; false: none, too long, or a bad escape. */
bool rk__words_next(const char **line, char *buffer, size_t size);
bool rk__words_next_u64(const char **line, uint64_t *out);

/* schema_text.c: the schema as text and back; RK_EFORMAT for anything that is not a sound schema. */
void rk__schema_write(const rk__schema *schema, rk__text *out);
rk_status rk__schema_read(rk__schema *out, const char *text, rk_error *err);
/* identity.c */
void rk__identity_write(const rk__identity *identity, rk__text *out);
rk_status rk__identity_read(rk__identity *out, const char *text, const char *space_text, rk_error *err);

/* create.c: what a file is made of, and the whole of it under a path, not synced. */
typedef struct rk__contents { /* all borrowed */
    const rk__schema *schema;
    const rk__space *space;
    const rk__identity *identity;
    const char *provenance;
    uint64_t nonce[2];
} rk__contents;
rk_status rk__contents_write(const rk__contents *contents, const char *path, rk_error *err);
/* A new file under a temporary name, in place of one that was left: the caller has the lock. */
rk_status rk__name_claim(const char *temporary, const char *directory, rk_error *err);
/* fsync of what is at a path; flags: how to open it. */
rk_status rk__path_sync(const char *path, int flags, rk_error *err);
/* fsync of the directory that a path lies in. */
rk_status rk__directory_sync(const char *path, rk_error *err);

/* A text as a scalar; H5I_INVALID_HID. */
hid_t rk__dataset_text(hid_t parent, const char *name, const char *text);
/* parameters.c: a scalar in the group for each parameter that is not swept. */
bool rk__parameters_write(hid_t group, const rk__space *space);

/* labels.c: data sets of the outputs with their dimension scales; the file is being created. */
rk_status rk__labels_create(hid_t file, const rk__schema *schema, const rk__space *space, rk_error *err);
/* Name the dimension of a result that is an array: as the output's, or FIELD_item. Readers of netCDF-4 would call it by
 * a number of their own. */
bool rk__labels_field(hid_t group, hid_t id, const rk__contents *contents, const rk__result_field *field);
/* A contiguous data set, allocated early, with attributes; fill may be NULL (then the space is left as it is: sparse).
 */
hid_t rk__dataset_create(hid_t parent, const char *name, hid_t type, int rank, const hsize_t *dims, const void *fill);
bool rk__attribute_text(hid_t object, const char *name, const char *value);
hid_t rk__type_hdf5(rk_type type);

/* beside.c: ".NAME.suffix" in the same directory; of a name that is too long for that, its hash. */
void rk__path_beside(const char *path, const char *suffix, char out[RK__BESIDE_MAX]);

/* raw.c: whole reads and writes; a short read is RK_EFORMAT, errors name the file. */
rk_status rk__raw_write(const rk__record *record, const void *bytes, size_t size, uint64_t at, rk_error *err);
rk_status rk__raw_read(const rk__record *record, void *bytes, size_t size, uint64_t at, rk_error *err);

/* Never written: a file is all zeros at first. */
bool rk__raw_is_blank(const void *bytes, size_t size);

/* blocks.c */
uint64_t rk__record_at(const rk__record *record, unsigned slot, uint64_t block);
uint64_t rk__partial_at(const rk__record *record, unsigned slot, uint64_t block);
void rk__block_seal(const rk__record *record, uint64_t block, rk__block_record *entry);
bool rk__block_is_valid(const rk__record *record, uint64_t block, const rk__block_record *entry);
/* Which of a block's two slots counts; -1: none. */
int rk__block_winner(const rk__record *record, uint64_t block, const rk__block_record *first,
                     const rk__block_record *second);
/* Is the block open again, although the record is valid? */
bool rk__block_is_open(const rk__block_record *entry);
/* Open a block again: its record in `slot` is `entry`. */
rk_status rk__block_reopen(rk__record *record, uint64_t block, unsigned slot, const rk__block_record *entry,
                           rk_error *err);
/* Walk all committed blocks in order. */
typedef rk_status (*rk__block_fn)(void *ctx, uint64_t block, unsigned slot, const rk__block_record *entry,
                                  rk_error *err);
rk_status rk__blocks_walk(rk__record *record, rk__block_fn visit, void *ctx, rk_error *err);

void rk__totals_add(rk__totals *totals, const rk__schema *schema, uint64_t block, const rk__block_record *entry);

/* The partial that an entry vouches for; RK_ECORRUPT if it is another one. */
rk_status rk__record_read_partial(rk__record *record, uint64_t block, unsigned slot, const rk__block_record *entry,
                                  void *partial, rk_error *err);

/* shell.c: seal a file that has just been made and opened; check one before the HDF5 library looks at it. RK_EFORMAT:
 * it is no run file; RK_ECORRUPT: what must not change has changed. */
rk_status rk__shell_write(rk__record *record, rk_error *err);
rk_status rk__shell_check(const rk__record *record, rk_error *err);
/* Is it a run file but for the seal? Looks at bytes only; .fd and .path of `record` are enough. */
bool rk__shell_is_lost(const rk__record *record);
#define RK__TITLE_BEGIN "Rankine run of kernel "
/* open.c: one that is not sealed yet. */
rk_status rk__record_open_unsealed(rk__record **out, const char *path, rk_error *err);
/* settle.c: the highest session that left a mark; 0: none. */
rk_status rk__marks_last_session(rk__record *record, uint32_t *last, rk_error *err);
/* hosts.c: entries that are neither whole nor blank; `mend` makes them blank. */
rk_status rk__hosts_check(rk__record *record, bool mend, uint64_t *bad, rk_error *err);
rk_status rk__hosts_lose(rk__record *record, uint16_t session, uint32_t rank, rk_error *err);
/* sessions.c: the same for its table. */
rk_status rk__sessions_check(rk__record *record, bool mend, uint64_t *bad, rk_error *err);
/* finish.c: the run is not complete any more. */
rk_status rk__record_unfinish(rk__record *record, rk_error *err);

/* failures.c: holds the table of failures against what the records say. Which of more than fit in it are there cannot
 * be known: then it holds always. */
typedef struct rk__failure_index rk__failure_index;
rk_status rk__failure_index_create(rk__failure_index **out, rk__record *record, rk_error *err);
void rk__failure_index_destroy(rk__failure_index *index); /* NULL is legal */
/* Does the table have an entry for each failed task of a committed block? */
rk_status rk__failure_index_holds(rk__failure_index *index, uint64_t block, const rk__block_record *entry, bool *holds,
                                  rk_error *err);
/* Failures were copied: if they may not be all in `from`, they may not be in `to`. */
rk_status rk__failures_inherit(rk__record *to, rk__record *from, rk_error *err);

/* verify.c: checks blocks one by one with the same memory. */
typedef struct rk__checker rk__checker;
rk_status rk__checker_create(rk__checker **out, rk__record *record, rk_error *err);
void rk__checker_destroy(rk__checker *checker);
/* Are the rows, states and partial of a block what its record vouches for? */
rk_status rk__checker_block(rk__checker *checker, uint64_t block, unsigned slot, const rk__block_record *entry,
                            bool *sound, rk_error *err);

uint64_t rk__hash64(const void *bytes, size_t size, uint64_t seed);

#endif
