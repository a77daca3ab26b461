#include "dispatch/blockset.h"

/* What of [*first, *first + *count) lies in the first word: its mask; and on to the next word. */
static uint64_t take_word(uint64_t *first, uint64_t *count) {
    uint64_t bit = *first % 64, run = 64 - bit < *count ? 64 - bit : *count;
    *first += run;
    *count -= run;
    return (run == 64 ? ~UINT64_C(0) : (UINT64_C(1) << run) - 1) << bit;
}

size_t rk__blockset_words(uint64_t blocks) {
    return (size_t)((blocks + 63) / 64);
}

void rk__blockset_add(rk__blockset *set, uint64_t first, uint64_t count) {
    while (count > 0) {
        uint64_t word = first / 64;
        atomic_fetch_or_explicit(&set[word], take_word(&first, &count), memory_order_release);
    }
}

void rk__blockset_remove(rk__blockset *set, uint64_t first, uint64_t count) {
    while (count > 0) {
        uint64_t word = first / 64;
        atomic_fetch_and_explicit(&set[word], ~take_word(&first, &count), memory_order_release);
    }
}

bool rk__blockset_has(rk__blockset *set, uint64_t block) {
    return atomic_load_explicit(&set[block / 64], memory_order_acquire) >> block % 64 & 1;
}

/* `flip`: all ones to look for what is missing. */
static uint64_t find(rk__blockset *set, uint64_t from, uint64_t end, uint64_t flip) {
    for (uint64_t at = from; at < end; at = (at / 64 + 1) * 64) {
        uint64_t word = (atomic_load_explicit(&set[at / 64], memory_order_acquire) ^ flip) >> at % 64;
        if (word != 0) {
            uint64_t found = at + (uint64_t)__builtin_ctzll(word);
            return found < end ? found : end;
        }
    }
    return end;
}

uint64_t rk__blockset_next(rk__blockset *set, uint64_t from, uint64_t end) {
    return find(set, from, end, 0);
}

uint64_t rk__blockset_next_missing(rk__blockset *set, uint64_t from, uint64_t end) {
    return find(set, from, end, ~UINT64_C(0));
}

uint64_t rk__blockset_count(rk__blockset *set, uint64_t blocks) {
    uint64_t sum = 0;
    for (size_t w = 0; w < rk__blockset_words(blocks); w++)
        sum += (uint64_t)__builtin_popcountll(atomic_load_explicit(&set[w], memory_order_relaxed));
    return sum;
}
