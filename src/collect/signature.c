#include <stdio.h>

#include "base/types.h"
#include "collect/collect_private.h"

bool rk__signature_same(const rk__signature *a, const rk__signature *b) {
    return a->kind == b->kind && a->type == b->type && a->fold == b->fold && a->root == b->root && a->count == b->count;
}

static const char *name_of(rk__collective kind) {
    static const char *const names[] = {"a call",    "rk_bcast",     "rk_scatter",    "rk_scatterv",
                                        "rk_gather", "rk_gatherv",   "rk_allgather",  "rk_alltoall",
                                        "rk_reduce", "rk_allreduce", "rk_barrier_all"};
    return kind <= RK__BARRIER ? names[kind] : names[0];
}

static const char *name_of_fold(rk_fold fold) {
    static const char *const names[] = {"", " (sum)", " (prod)", " (min)", " (max)", " (and)", " (or)"};
    return fold <= RK_FOLD_OR ? names[fold] : names[0];
}

static bool has_root(rk__collective kind) {
    return kind <= RK__GATHERV || kind == RK__REDUCE;
}

static bool has_count(rk__collective kind) {
    return kind != RK__SCATTERV && kind != RK__GATHERV;
}

char *rk__signature_text(const rk__signature *s, char text[RK__SIGNATURE_TEXT_MAX]) {
    int used = snprintf(text, RK__SIGNATURE_TEXT_MAX, "%s%s", name_of(s->kind), name_of_fold(s->fold));
    if (s->kind != RK__BARRIER && has_count(s->kind))
        used += snprintf(text + used, RK__SIGNATURE_TEXT_MAX - (size_t)used, " of %llu %s",
                         (unsigned long long)s->count, rk__type_name(s->type));
    else if (s->kind != RK__BARRIER)
        used += snprintf(text + used, RK__SIGNATURE_TEXT_MAX - (size_t)used, " of %s", rk__type_name(s->type));
    if (has_root(s->kind))
        snprintf(text + used, RK__SIGNATURE_TEXT_MAX - (size_t)used, " with root %u", s->root);
    return text;
}

uint16_t rk__signature_op(const rk__signature *s, rk__collect_op op) {
    return (uint16_t)((unsigned)op | ((unsigned)s->kind & 15) << 4 | ((unsigned)s->type & 15) << 8 |
                      ((unsigned)s->fold & 15) << 12);
}

rk__signature rk__signature_of(uint16_t op, uint64_t root, uint64_t count) {
    return (rk__signature){(rk__collective)(op >> 4 & 15), (rk_type)(op >> 8 & 15), (rk_fold)(op >> 12 & 15),
                           (uint32_t)root, count};
}

/* Source: the finaliser of splitmix64; S. Vigna, https://prng.di.unimi.it/splitmix64.c */
static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

uint64_t rk__signature_digest(uint64_t digest, const rk__signature *s) {
    uint64_t words[] = {rk__signature_op(s, RK__COLLECT_DATA), s->root, s->count};
    for (int i = 0; i < 3; i++)
        digest = mix(digest + UINT64_C(0x9e3779b97f4a7c15) + words[i]);
    return digest;
}
