#include <stdlib.h>
#include <string.h>

#include "world/launch_relay.h"

#define FOLD_NS UINT64_C(200000000)
enum { FOLD_BYTES = 1 << 18, LIST_BYTES = 40 };

static rk__fold_line *line_at(rk__fold *fold, size_t i) {
    return &fold->lines[(fold->at + i) % RK__FOLD_LINES];
}

static bool has_rank(const rk__fold_line *line, int rank) {
    return line->ranks != NULL && (line->ranks[rank / 8] >> rank % 8 & 1) != 0;
}

/* ---- giving out ---- */

static void give_first(rk__fold *fold, rk__fold_fn give, void *ctx) {
    rk__fold_line *line = line_at(fold, 0);
    give(ctx, line);
    fold->bytes -= line->text.length;
    rk__text_fini(&line->text);
    free(line->ranks);
    *line = (rk__fold_line){0};
    fold->at = (fold->at + 1) % RK__FOLD_LINES;
    fold->count--;
}

uint64_t rk__fold_due(const rk__fold *fold) {
    return fold->count > 0 ? fold->lines[fold->at].since_ns + FOLD_NS : UINT64_MAX;
}

void rk__fold_give(rk__fold *fold, uint64_t now_ns, rk__fold_fn give, void *ctx) {
    while (fold->count > 0 && now_ns >= rk__fold_due(fold))
        give_first(fold, give, ctx);
}

/* ---- taking in ---- */

static bool is_same(const rk__fold_line *line, rk__stream stream, const rk__text *text) {
    return line->labelled && line->stream == stream && line->text.length == text->length &&
           memcmp(line->text.data, text->data, text->length) == 0;
}

/* The same line of others, behind all that this rank has here: its own lines keep their order. */
static rk__fold_line *find(rk__fold *fold, const rk__fold_source *source, const rk__text *text) {
    rk__fold_line *found = NULL;
    for (size_t i = fold->count; i-- > 0 && !has_rank(line_at(fold, i), source->rank);)
        if (is_same(line_at(fold, i), source->stream, text))
            found = line_at(fold, i);
    return found;
}

static void join(rk__fold_line *line, const rk__fold_source *source) {
    int rank = source->rank;
    line->ranks[rank / 8] |= (unsigned char)(1U << rank % 8);
    line->count++;
    line->first = rank < line->first ? rank : line->first;
    line->last = rank > line->last ? rank : line->last;
    if (strcmp(line->host, source->host) != 0)
        *line->host = '\0';
}

void rk__fold_make_room(rk__fold *fold, size_t length, rk__fold_fn give, void *ctx) {
    while (fold->count == RK__FOLD_LINES || (fold->count > 0 && fold->bytes + length > FOLD_BYTES))
        give_first(fold, give, ctx);
}

/* Without memory for its ranks it is a line that others do not join. */
static void append(rk__fold *fold, const rk__fold_source *source, const rk__text *text, uint64_t now_ns) {
    rk__fold_line *line = line_at(fold, fold->count++);
    int rank = source->rank;
    *line = (rk__fold_line){.stream = source->stream,
                            .text = *text,
                            .count = 1,
                            .first = rank,
                            .last = rank,
                            .ranks = calloc((size_t)fold->ranks / 8 + 1, 1),
                            .since_ns = now_ns};
    strncpy(line->host, source->host, sizeof line->host - 1);
    line->labelled = source->labelled && line->ranks != NULL;
    if (line->ranks != NULL)
        line->ranks[rank / 8] |= (unsigned char)(1U << rank % 8);
    fold->bytes += text->length;
}

void rk__fold_add(rk__fold *fold, const rk__fold_source *source, rk__text *text, uint64_t now_ns) {
    rk__fold_line *same = source->labelled ? find(fold, source, text) : NULL;
    if (same != NULL) {
        join(same, source);
        rk__text_fini(text);
    } else {
        append(fold, source, text, now_ns);
        *text = (rk__text)RK__TEXT_INIT;
    }
}

/* ---- labels ---- */

/* "0-3, 7" */
static void list_ranks(const rk__fold_line *line, rk__text *out) {
    for (int rank = line->first, end; rank <= line->last && out->length <= LIST_BYTES; rank = end + 1) {
        end = rank;
        if (!has_rank(line, rank))
            continue;
        while (end < line->last && has_rank(line, end + 1))
            end++;
        rk__text_add(out, "%s%d", out->length > 0 ? ", " : "", rank);
        if (end > rank)
            rk__text_add(out, "-%d", end);
    }
}

void rk__fold_label(const rk__fold *fold, const rk__fold_line *line, rk__text *out) {
    rk__text list = RK__TEXT_INIT;
    if (!line->labelled)
        return;
    if (line->count > 1)
        list_ranks(line, &list);
    if (line->count == 1)
        rk__text_add(out, "rank %d", line->first);
    else if (line->count == fold->ranks)
        rk__text_add(out, "all %d ranks", line->count);
    else if (list.length <= LIST_BYTES)
        rk__text_add(out, "ranks %s", rk__text_get(&list));
    else
        rk__text_add(out, "%d of %d ranks", line->count, fold->ranks);
    if (*line->host != '\0')
        rk__text_add(out, " on %s", line->host);
    rk__text_add(out, ": ");
    rk__text_fini(&list);
}

void rk__fold_fini(rk__fold *fold) {
    for (size_t i = 0; i < RK__FOLD_LINES; i++) {
        rk__text_fini(&fold->lines[i].text);
        free(fold->lines[i].ranks);
    }
    *fold = (rk__fold){0};
}
