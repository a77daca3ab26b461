/* What was committed since one last looked, without reading all records again.
 *
 * A word of the bitmap is 64 blocks: in each slot's plane a page of the file. Blocks are given out in spans, in order,
 * so that new commits stand next to old ones: a poll reads the words that are partly done and those after them, and
 * goes on in growing strides while there is news. A span may begin anywhere, though; for that a sweep walks through all
 * that is not done, as far as its time goes, and goes on from there in the next poll. Full words are never read again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/record_private.h"

enum { WORD_BLOCKS = 64, STRIDE_MAX = 128 }; /* words read at once: 512 KiB of each plane */

struct rk__follower {
    rk__record *record;
    uint64_t *done;        /* [words] */
    uint64_t words, swept; /* swept: where the next sweep begins */
    rk__totals totals;
    rk__block_record *slots[2]; /* [STRIDE_MAX * WORD_BLOCKS], one allocation */
    rk__follow_fn visit;
    void *ctx;
};

rk_status rk__follower_create(rk__follower **out, rk__record *record, rk_error *err) {
    rk__follower *f;
    RK_TRY(rk__alloc((void **)&f, 1, sizeof *f, "follower", err));
    f->record = record;
    f->words = record->schema.blocks / WORD_BLOCKS + (record->schema.blocks % WORD_BLOCKS != 0);
    rk_status status = rk__alloc((void **)&f->done, (size_t)f->words, sizeof *f->done, "map of blocks", err);
    if (status == RK_OK)
        status = rk__alloc((void **)&f->slots[0], (size_t)2 * STRIDE_MAX * WORD_BLOCKS, sizeof *f->slots[0],
                           "records of blocks", err);
    if (status != RK_OK) {
        rk__follower_destroy(f);
        return status;
    }
    f->slots[1] = f->slots[0] + STRIDE_MAX * WORD_BLOCKS;
    *out = f;
    return RK_OK;
}

void rk__follower_destroy(rk__follower *follower) {
    if (follower == NULL)
        return;
    free(follower->slots[0]);
    free(follower->done);
    free(follower);
}

const rk__totals *rk__follower_totals(const rk__follower *follower) {
    return &follower->totals;
}

/* Blocks of a run of words: the last word of all may be short. */
static uint64_t blocks_in(const rk__follower *f, uint64_t word, uint64_t count) {
    uint64_t first = word * WORD_BLOCKS, left = f->record->schema.blocks - first;
    return count * WORD_BLOCKS < left ? count * WORD_BLOCKS : left;
}

static bool is_full(const rk__follower *f, uint64_t word) {
    uint64_t blocks = blocks_in(f, word, 1);
    return f->done[word] == (blocks == WORD_BLOCKS ? UINT64_MAX : (UINT64_C(1) << blocks) - 1);
}

static void take(rk__follower *f, uint64_t block, const rk__block_record *entry) {
    f->done[block / WORD_BLOCKS] |= UINT64_C(1) << block % WORD_BLOCKS;
    rk__totals_add(&f->totals, &f->record->schema, block, entry);
    f->visit(f->ctx, block, entry);
}

/* `fresh`: how many blocks were not known before. */
static rk_status read_words(rk__follower *f, uint64_t word, uint64_t count, uint64_t *fresh, rk_error *err) {
    uint64_t first = word * WORD_BLOCKS, blocks = blocks_in(f, word, count);
    for (unsigned s = 0; s < 2; s++)
        RK_TRY(rk__raw_read(f->record, f->slots[s], (size_t)blocks * sizeof *f->slots[s],
                            rk__record_at(f->record, s, first), err));
    *fresh = 0;
    for (uint64_t i = 0; i < blocks; i++) {
        uint64_t block = first + i;
        if (f->done[block / WORD_BLOCKS] >> block % WORD_BLOCKS & 1)
            continue;
        int winner = rk__block_winner(f->record, block, &f->slots[0][i], &f->slots[1][i]);
        if (winner < 0 || rk__block_is_open(&f->slots[winner][i]))
            continue;
        take(f, block, &f->slots[winner][i]);
        ++*fresh;
    }
    return RK_OK;
}

/* Words from `word` on that are not full, at most `most`. */
static uint64_t open_words(const rk__follower *f, uint64_t word, uint64_t most) {
    uint64_t count = 0;
    while (count < most && word + count < f->words && !is_full(f, word + count))
        count++;
    return count;
}

static bool is_front(const rk__follower *f, uint64_t word) {
    return !is_full(f, word) && (word == 0 || f->done[word] != 0 || f->done[word - 1] != 0);
}

/* Moves *word to where nothing was new. */
static rk_status follow_front(rk__follower *f, uint64_t *word, rk_error *err) {
    uint64_t fresh = 1;
    for (uint64_t stride = 1, count; fresh > 0; stride = stride < STRIDE_MAX ? 2 * stride : STRIDE_MAX) {
        count = open_words(f, *word, stride);
        if (count == 0)
            return RK_OK;
        RK_TRY(read_words(f, *word, count, &fresh, err));
        *word += count;
    }
    return RK_OK;
}

static rk_status follow_fronts(rk__follower *f, rk_error *err) {
    for (uint64_t word = 0; word < f->words;)
        if (is_front(f, word))
            RK_TRY(follow_front(f, &word, err));
        else
            word++;
    return RK_OK;
}

/* Once around, or until time is up; a stride at least, for else a slow disk could stop it for ever. */
static rk_status sweep(rk__follower *f, uint64_t sweep_ns, rk_error *err) {
    uint64_t begin = rk__clock_ns(), fresh;
    for (uint64_t seen = 0, count; seen < f->words && (seen == 0 || rk__clock_ns() - begin < sweep_ns); seen += count) {
        if (f->swept >= f->words)
            f->swept = 0;
        count = open_words(f, f->swept, STRIDE_MAX);
        if (count > 0)
            RK_TRY(read_words(f, f->swept, count, &fresh, err));
        while (f->swept + count < f->words && is_full(f, f->swept + count))
            count++;
        f->swept += count;
    }
    return RK_OK;
}

rk_status rk__follower_poll(rk__follower *follower, uint64_t sweep_ns, rk__follow_fn visit, void *ctx, rk_error *err) {
    follower->visit = visit;
    follower->ctx = ctx;
    RK_TRY(follow_fronts(follower, err));
    return sweep_ns > 0 ? sweep(follower, sweep_ns, err) : RK_OK;
}

rk_status rk__record_refresh(rk__record *record, rk_error *err) {
    struct stat before, now;
    int fd = open(record->path, (record->writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return rk__fail(err, errno == ENOENT ? RK_ENOENT : RK_EIO, "run file '%s': %s", record->path,
                        rk__errno_text(errno));
    bool same = fstat(fd, &now) == 0 && fstat(record->fd, &before) == 0 && now.st_dev == before.st_dev &&
                now.st_ino == before.st_ino;
    if (!same) {
        close(fd);
        return rk__fail(err, RK_EMISMATCH, "run file '%s' was replaced by another one", record->path);
    }
    close(record->fd);
    record->fd = fd;
    return RK_OK;
}
