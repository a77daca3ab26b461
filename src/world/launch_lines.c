#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world/launch_relay.h"

/* A live line begins with a return and ends by clearing the rest: see src/cli/progress.c. */
static const char live_end[] = "\033[K", live_clear[] = "\r\033[K", voice[] = "rankine: ";
enum { LINE_BYTES = 1 << 16, CLOSING_BYTES = 1 << 20, VOICE = sizeof voice - 1, LIVE_END = sizeof live_end - 1 };
#define UNFINISHED_NS UINT64_C(200000000) /* so long we wait for the rest of a line */

rk_status rk__lines_init(rk__lines *lines, int ranks, rk_error *err) {
    *lines = (rk__lines){.ranks = ranks, .fold = {.ranks = ranks}};
    return rk__alloc((void **)&lines->of, (size_t)ranks * RK__STREAMS, sizeof(rk__lines_of *), "the output of ranks",
                     err);
}

void rk__lines_fini(rk__lines *lines) {
    for (int i = 0; lines->of != NULL && i < lines->ranks * RK__STREAMS; i++) {
        if (lines->of[i] != NULL)
            rk__text_fini(&lines->of[i]->text);
        free(lines->of[i]);
    }
    free(lines->of);
    rk__fold_fini(&lines->fold);
    rk__output_fini(&lines->output);
    rk__text_fini(&lines->last_words);
    *lines = (rk__lines){0};
}

/* ---- on the screen ---- */

static void clear_live(rk__lines *lines) {
    if (lines->live)
        rk__output_add(&lines->output, RK__STREAM_ERR, live_clear, sizeof live_clear - 1);
    lines->live = false;
}

/* What others have left unfinished ends. */
static void take_line(rk__lines *lines, rk__stream stream, const void *owner) {
    clear_live(lines);
    if (lines->owner[stream] != NULL && lines->owner[stream] != owner)
        rk__output_add(&lines->output, stream, "\n", 1);
    lines->owner[stream] = NULL;
}

static void put(rk__lines *lines, rk__stream stream, const void *owner, const char *bytes, size_t length) {
    if (length == 0)
        return;
    rk__output_add(&lines->output, stream, bytes, length);
    lines->owner[stream] = bytes[length - 1] == '\n' ? NULL : owner;
}

static void put_line(void *ctx, const rk__fold_line *line) {
    rk__lines *lines = ctx;
    rk__text label = RK__TEXT_INIT;
    rk__fold_label(&lines->fold, line, &label);
    take_line(lines, line->stream, NULL);
    rk__output_add(&lines->output, line->stream, rk__text_get(&label), label.length);
    put(lines, line->stream, NULL, line->text.data, line->text.length);
    rk__text_fini(&label);
}

static void give_all(rk__lines *lines) {
    rk__fold_give(&lines->fold, UINT64_MAX, put_line, lines);
}

void rk__lines_add_plain(rk__lines *lines, const char *bytes, size_t length) {
    give_all(lines);
    take_line(lines, RK__STREAM_ERR, lines);
    put(lines, RK__STREAM_ERR, lines, bytes, length);
}

/* ---- a rank's lines ---- */

/* "... on rank 3 (node2): ..." */
static bool names_rank(const rk__text *text, int rank) {
    char name[24];
    snprintf(name, sizeof name, " on rank %d (", rank);
    return strstr(text->data, name) != NULL;
}

/* Rankine's own words, by rank 0 for the run or by a rank that names itself in them; lines that go on are set in. */
static bool is_voice(const rk__text *text, int rank, rk__stream stream, bool goes_on) {
    if (stream != RK__STREAM_ERR || text->length < VOICE)
        return false;
    if (memcmp(text->data, voice, VOICE) == 0)
        return rank == 0 || names_rank(text, rank);
    return goes_on && memcmp(text->data, "  ", 2) == 0;
}

static bool is_live(const rk__text *text, int rank, rk__stream stream) {
    return rank == 0 && stream == RK__STREAM_ERR && text->length > LIVE_END && text->data[0] == '\r' &&
           memcmp(text->data + text->length - LIVE_END, live_end, LIVE_END) == 0;
}

static void show_live(rk__lines *lines, rk__lines_of *of) {
    take_line(lines, RK__STREAM_ERR, lines);
    rk__output_add(&lines->output, RK__STREAM_ERR, of->text.data, of->text.length);
    lines->live = true;
    of->text.length = 0;
}

static void end_line(rk__lines *lines, rk__lines_of *of, const rk__fold_source *source, uint64_t now_ns) {
    if (rk__relay_is_noise(of->text.data)) {
        of->text.length = 0;
    } else if (lines->owner[source->stream] == of) { /* its begin stands there */
        take_line(lines, source->stream, of);
        put(lines, source->stream, of, of->text.data, of->text.length);
        of->text.length = 0;
    } else {
        rk__fold_make_room(&lines->fold, of->text.length, put_line, lines);
        rk__fold_add(&lines->fold, source, &of->text, now_ns);
    }
}

/* Somebody may wait for what is there of it: the rest goes on behind it, unless something comes between. */
static void show_unfinished(rk__lines *lines, rk__lines_of *of, const rk__fold_source *source) {
    bool goes_on = lines->owner[source->stream] == of;
    give_all(lines);
    if (goes_on && lines->owner[source->stream] == of) {
        take_line(lines, source->stream, of);
    } else {
        rk__fold_line line = {.count = 1, .first = source->rank, .labelled = source->labelled};
        rk__text label = RK__TEXT_INIT;
        memcpy(line.host, of->host, sizeof line.host);
        rk__fold_label(&lines->fold, &line, &label);
        take_line(lines, source->stream, of);
        rk__output_add(&lines->output, source->stream, rk__text_get(&label), label.length);
        rk__text_fini(&label);
    }
    put(lines, source->stream, of, of->text.data, of->text.length);
    of->text.length = 0;
}

static rk__fold_source source_of(const rk__lines_of *of, int rank, rk__stream stream) {
    return (rk__fold_source){stream, rank, of->host, !is_voice(&of->text, rank, stream, of->voice)};
}

static void add_piece(rk__lines *lines, rk__lines_of *of, int rank, rk__stream stream, const char *bytes, size_t length,
                      uint64_t now_ns) {
    if (of->text.length == 0)
        of->since_ns = now_ns;
    rk__text_add_bytes(&of->text, bytes, length);
    if (of->text.failed) { /* dropped: there is no memory */
        rk__text_fini(&of->text);
        return;
    }
    rk__fold_source source = source_of(of, rank, stream);
    if (bytes[length - 1] == '\n') {
        of->voice = !source.labelled;
        end_line(lines, of, &source, now_ns);
    } else if (is_live(&of->text, rank, stream)) {
        show_live(lines, of);
    } else if (of->text.length >= LINE_BYTES) {
        show_unfinished(lines, of, &source);
    }
}

static rk__lines_of *lines_of(rk__lines *lines, rk__stream stream, int rank) {
    rk__lines_of **of = &lines->of[(size_t)rank * RK__STREAMS + stream];
    if (*of == NULL)
        *of = calloc(1, sizeof **of);
    return *of;
}

/* true: kept for the end. */
static bool take_last_words(rk__lines *lines, const char *bytes, size_t length) {
    if (lines->last_words.length + length > CLOSING_BYTES)
        return false;
    rk__text_add_bytes(&lines->last_words, bytes, length);
    return !lines->last_words.failed;
}

void rk__lines_add(rk__lines *lines, rk__stream stream, int rank, const char *host, const char *bytes, size_t length,
                   uint64_t now_ns) {
    rk__lines_of *of = lines_of(lines, stream, rank);
    bool last = lines->closing && rank == 0 && stream == RK__STREAM_ERR;
    if (of == NULL)
        return;
    snprintf(of->host, sizeof of->host, "%s", host);
    if (last && take_last_words(lines, bytes, length))
        return;
    while (length > 0) {
        const char *end = memchr(bytes, '\n', length);
        size_t piece = end != NULL ? (size_t)(end - bytes) + 1 : length;
        add_piece(lines, of, rank, stream, bytes, piece, now_ns);
        bytes += piece;
        length -= piece;
    }
}

/* ---- time ---- */

static bool is_unfinished(const rk__lines *lines, int i) {
    return lines->of[i] != NULL && lines->of[i]->text.length > 0;
}

static void show_all_unfinished(rk__lines *lines, uint64_t now_ns) {
    for (int i = 0; i < lines->ranks * RK__STREAMS; i++)
        if (is_unfinished(lines, i) && now_ns >= lines->of[i]->since_ns + UNFINISHED_NS) {
            rk__stream stream = (rk__stream)(i % RK__STREAMS);
            rk__fold_source source = source_of(lines->of[i], i / RK__STREAMS, stream);
            show_unfinished(lines, lines->of[i], &source);
        }
}

void rk__lines_give_due(rk__lines *lines, uint64_t now_ns) {
    rk__fold_give(&lines->fold, now_ns, put_line, lines);
    show_all_unfinished(lines, now_ns);
}

void rk__lines_wait_anew(rk__lines *lines, uint64_t now_ns) {
    for (int i = 0; i < lines->ranks * RK__STREAMS; i++)
        if (is_unfinished(lines, i))
            lines->of[i]->since_ns = now_ns;
}

uint64_t rk__lines_due(const rk__lines *lines) {
    uint64_t due = rk__fold_due(&lines->fold);
    for (int i = 0; i < lines->ranks * RK__STREAMS; i++)
        if (is_unfinished(lines, i) && lines->of[i]->since_ns + UNFINISHED_NS < due)
            due = lines->of[i]->since_ns + UNFINISHED_NS;
    return due;
}

static void give_out(rk__lines *lines) {
    rk__lines_give_due(lines, UINT64_MAX);
    clear_live(lines);
    for (int stream = 0; stream < RK__STREAMS; stream++)
        if (lines->owner[stream] != NULL && lines->owner[stream] != lines)
            take_line(lines, (rk__stream)stream, NULL);
}

/* Other threads of rank 0, and what it calls at its end, may print after its last words have begun: those get a label.
 */
void rk__lines_end(rk__lines *lines) {
    give_out(lines);
    if (lines->last_words.length == 0)
        return;
    char host[RK__HOST_BYTES];
    const rk__lines_of *of = lines->of[RK__STREAM_ERR];
    snprintf(host, sizeof host, "%s", of->host);
    lines->closing = false;
    rk__lines_add(lines, RK__STREAM_ERR, 0, host, lines->last_words.data, lines->last_words.length, 0);
    lines->last_words.length = 0;
    give_out(lines);
}
