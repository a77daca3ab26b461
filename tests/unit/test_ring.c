/* The ring between two processes: what is written is read, whole and in order, however it meets the end of the memory.
 * Writer and reader are threads, for ThreadSanitizer too. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "mail/ring.h"

enum { SIZE_MIN = 1024, SIZE_MAX_TRIED = 16384, LETTERS = 30000 };

typedef struct channel {
    rk__ring ring;
    unsigned char *data;
    size_t size;
    uint32_t seed;
} channel;

/* What the letter of that number is like: both sides know. Half of them are small, some of these pieces of others. */
typedef struct sample {
    rk__fragment head;
    size_t bytes;
    uint32_t birth;
    unsigned char piece[SIZE_MAX_TRIED];
} sample;

static sample *make(channel *c, size_t size, uint32_t seed) {
    sample *s = malloc(sizeof *s);
    *c = (channel){.data = aligned_alloc(64, size), .size = size, .seed = seed};
    CHECK(s != NULL && c->data != NULL);
    memset(c->data, 0, size);
    return s;
}

static void unmake(channel *c, sample *s) {
    free(c->data);
    free(s);
}

static uint32_t mix(uint32_t x) {
    x ^= x >> 16;
    x *= UINT32_C(0x7feb352d);
    x ^= x >> 15;
    x *= UINT32_C(0x846ca68b);
    return x ^ x >> 16;
}

static void imagine(const channel *c, uint32_t number, sample *s) {
    uint32_t dice = mix(number ^ c->seed), most = (uint32_t)rk__ring_piece_max(c->size);
    s->bytes = dice % 2 == 0 ? (dice >> 1) % 10 : (dice >> 1) % (most + 1);
    bool whole = (dice >> 20) % 4 > 0;
    s->birth = mix(dice) % RK__RING_BIRTHS;
    s->head = (rk__fragment){.from = dice,
                             .to = number,
                             .room = (uint16_t)(dice >> 3),
                             .op = (uint16_t)(dice >> 9),
                             .status = -(int32_t)(dice >> 1),
                             .call = UINT64_MAX - number,
                             .a = dice * UINT64_C(3),
                             .b = dice * UINT64_C(5),
                             .c = dice * UINT64_C(7),
                             .size = whole ? s->bytes : s->bytes + 1000,
                             .offset = whole ? 0 : 500};
    for (size_t i = 0; i < s->bytes; i++)
        s->piece[i] = (unsigned char)(mix(dice + (uint32_t)i / 8) >> i % 8);
}

static bool put(channel *c, uint32_t number, sample *s) {
    imagine(c, number, s);
    return rk__ring_write(&c->ring, c->data, c->size, &s->head, s->piece, s->bytes, s->birth);
}

/* false: nothing is there. */
static bool take(channel *c, uint32_t number, sample *s) {
    rk__ring_record record;
    if (!rk__ring_read(&c->ring, c->data, c->size, &record))
        return false;
    imagine(c, number, s);
    CHECK(record.bytes == s->bytes && record.birth == s->birth);
    CHECK(memcmp(&record.head, &s->head, sizeof s->head) == 0);
    CHECK(memcmp(record.piece, s->piece, s->bytes) == 0);
    CHECK((uintptr_t)record.piece % (s->bytes > 8 ? 16 : 8) == 0);
    rk__ring_next(&c->ring, &record);
    return true;
}

static void *write_all(void *ctx) {
    channel *c = ctx;
    sample *s = malloc(sizeof *s);
    CHECK(s != NULL);
    for (uint32_t number = 0; number < LETTERS; number++)
        while (!put(c, number, s))
            sched_yield();
    free(s);
    return NULL;
}

static void what_is_written_is_read(void **state) {
    (void)state;
    for (size_t size = SIZE_MIN; size <= SIZE_MAX_TRIED; size *= 4) {
        channel c;
        pthread_t writer;
        sample *s = make(&c, size, (uint32_t)size);
        CHECK(pthread_create(&writer, NULL, write_all, &c) == 0);
        for (uint32_t number = 0; number < LETTERS; number++)
            while (!take(&c, number, s))
                sched_yield();
        pthread_join(writer, NULL);
        CHECK(!take(&c, LETTERS, s));
        unmake(&c, s);
    }
}

/* Full again and again, at every place of the memory; the largest piece goes into the empty one. */
static void a_full_ring_loses_nothing(void **state) {
    (void)state;
    channel c;
    uint32_t written = 0, read = 0;
    sample *s = make(&c, SIZE_MIN, 7);
    for (int round = 0; round < 20000; round++) {
        while (put(&c, written, s))
            written++;
        uint32_t kept = mix((uint32_t)round) % 3;
        CHECK(written - read >= 2);
        while (written - read > kept)
            CHECK(take(&c, read++, s));
        if (kept == 0)
            CHECK(!take(&c, read, s));
    }
    unmake(&c, s);
}

static void who_takes_up_the_reading_finds_nothing_old(void **state) {
    (void)state;
    channel c;
    uint32_t number = 0;
    sample *s = make(&c, SIZE_MIN, 8);
    for (int round = 0; round < 5000; round++) {
        uint32_t left = mix((uint32_t)round) % 5;
        for (uint32_t i = 0; i < left && put(&c, number, s); i++)
            number++;
        rk__ring_forget(&c.ring);
        CHECK(!take(&c, number, s));
        CHECK(put(&c, number, s) && take(&c, number, s) && !take(&c, number, s));
        number++;
    }
    unmake(&c, s);
}

/* It was killed when the mark was there and the tail was not; the reader may have read the letter, or not. */
static void who_takes_up_the_writing_goes_on(void **state) {
    (void)state;
    channel c;
    uint32_t written = 0, read = 0;
    sample *s = make(&c, SIZE_MIN, 9);
    for (int round = 0; round < 5000; round++) {
        uint64_t tail = c.ring.tail;
        CHECK(put(&c, written, s));
        written++;
        c.ring.tail = tail;
        bool was_read = mix((uint32_t)round) % 2 == 0;
        while (was_read && take(&c, read, s))
            read++;
        rk__ring_resume(&c.ring, c.data, c.size);
        for (int i = 0; i < 3 && put(&c, written, s); i++)
            written++;
        while (take(&c, read, s))
            read++;
        CHECK(read == written);
    }
    unmake(&c, s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_written_is_read),
                                       cmocka_unit_test(a_full_ring_loses_nothing),
                                       cmocka_unit_test(who_takes_up_the_reading_finds_nothing_old),
                                       cmocka_unit_test(who_takes_up_the_writing_goes_on)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
