#include <stdio.h>
#include <string.h>

#include <rankine/command.h>

#include "world/launch_relay.h"

/* ---- what stands between two lines of dashes ---- */

enum { KEPT_BYTES = 1 << 14, RULE_LEAST = 70 }; /* Open MPI 4.1 and 5.0 have 74 to 78 */

static void give(rk__relay *relay, const char *bytes, size_t length) {
    if (length == 0)
        return;
    relay->in_line = bytes[length - 1] != '\n';
    if (!relay->muted)
        rk__lines_add_plain(&relay->lines, bytes, length);
}

static void give_banner(rk__relay *relay) {
    give(relay, relay->banner, relay->held);
    relay->held = 0;
    relay->in_banner = relay->in_note = false;
}

/* "[host:pid] PMIX ERROR: BAD-PARAM in file ../../../src/event/pmix_event_notification.c at line 1033", and how often
 * it could not reach it. */
bool rk__relay_is_noise(const char *line) {
    return line[0] == '[' && ((strstr(line, "] PMIX ERROR: ") != NULL &&
                               strstr(line, "/event/pmix_event_notification.c at line ") != NULL) ||
                              strstr(line, "sent help message help-mpi-btl-tcp.txt / ") != NULL ||
                              strstr(line, "Set MCA parameter \"orte_base_help_aggregate\" to 0") != NULL);
}

static void end_note(rk__relay *relay) {
    relay->banner[relay->held - 1] = '\0';
    bool noise = rk__relay_is_noise(relay->banner);
    relay->banner[relay->held - 1] = '\n';
    if (noise)
        relay->held = 0;
    relay->lost |= noise;
    give_banner(relay);
}

/* Open MPI 4.1, orte/tools/orterun/help-orterun.txt; 5.0 has the same words. The exit code is what a rank of ours ends
 * with that has said why. */
static bool is_told_elsewhere(rk__relay *relay) {
    char code[40];
    relay->banner[relay->held - 1] = '\0';
    snprintf(code, sizeof code, "Exit code:    %d\n", RK_EXIT_STOPPED);
    bool told = strstr(relay->banner, "Per user-direction, the job has been aborted") != NULL ||
                (strstr(relay->banner, "non-zero status") != NULL && strstr(relay->banner, code) != NULL) ||
                strstr(relay->banner, "failed to TCP connect to a peer MPI process") != NULL ||
                strstr(relay->banner, "MPI communication peer process has unexpectedly disconnected") != NULL;
    relay->banner[relay->held - 1] = '\n';
    return told;
}

static void keep_banner(rk__relay *relay) {
    rk__text_add_bytes(&relay->kept, relay->banner, relay->held);
    relay->held = 0;
    relay->in_banner = false;
}

static void end_line(rk__relay *relay) {
    bool rule = relay->only_rule && relay->held - 1 - relay->line_at >= RULE_LEAST;
    relay->line_at = relay->held;
    relay->only_rule = true;
    if (relay->in_banner && rule && is_told_elsewhere(relay)) {
        relay->held = 0;
        relay->in_banner = false;
    } else if (relay->in_banner && rule && relay->keeping && relay->kept.length < KEPT_BYTES) {
        keep_banner(relay);
    } else if (relay->in_banner == rule) {
        give_banner(relay);
    } else {
        relay->in_banner = true;
    }
}

/* A line is held back as long as it may begin a banner, and then the banner; a line that may be a note to its end. */
static void pass_byte(rk__relay *relay, char byte) {
    if (relay->held == 0 && (relay->in_line || (byte != '-' && byte != '['))) {
        give(relay, &byte, 1);
        return;
    }
    if (relay->held == 0) {
        relay->line_at = 0;
        relay->only_rule = true;
        relay->in_note = byte == '[';
    }
    relay->banner[relay->held++] = byte;
    if (relay->in_note) {
        if (byte == '\n')
            end_note(relay);
        else if (relay->held == sizeof relay->banner)
            give_banner(relay);
        return;
    }
    if (byte == '\n')
        end_line(relay);
    else
        relay->only_rule = relay->only_rule && byte == '-';
    if ((!relay->in_banner && !relay->only_rule) || relay->held == sizeof relay->banner)
        give_banner(relay);
}

/* ---- announcements ---- */

/* Open MPI 4.1, orte/tools/orterun: fprintf(stderr, "%s: Forwarding signal %d to job\n"), in one write, but wherever
 * the line before it stands. The name is mpirun's, or none any more while it ends. What begins a text is nowhere else
 * in one: after a mismatch at most this byte can begin one. */
static const char *const announcements[] = {"mpirun: Forwarding signal ", "(null): Forwarding signal "};

static void give_held(rk__relay *relay) {
    for (size_t i = 0; i < relay->matched; i++)
        pass_byte(relay, announcements[relay->which][i]);
    relay->matched = 0;
}

static void match(rk__relay *relay, char byte) {
    if (relay->matched > 0 && byte != announcements[relay->which][relay->matched])
        give_held(relay);
    if (relay->matched == 0)
        relay->which = byte == *announcements[1];
    if (byte != announcements[relay->which][relay->matched])
        pass_byte(relay, byte);
    else
        relay->matched++;
    if (announcements[relay->which][relay->matched] == '\0') {
        relay->matched = 0;
        relay->swallowing = true;
    }
}

/* ---- words ---- */

/* What rank 0 says. false: it is nothing of ours. */
static bool hear(rk__relay *relay, const char *word) {
    int code, broken;
    if (strcmp(word, "begun") == 0) {
        relay->begun = true;
    } else if (strcmp(word, "closing") == 0) {
        relay->lines.closing = true;
    } else if (sscanf(word, "exit %d %d", &code, &broken) == 2 && code >= 0 && code <= 255) {
        relay->reported = true;
        relay->exit_code = code;
        relay->broken = broken != 0;
    } else {
        return false;
    }
    return true;
}

static bool begin_frame(rk__relay *relay, const char *word, size_t head) {
    struct rk__relay_frame frame = {0};
    char stream;
    size_t room = RK__FRAME_BYTES - head;
    if (sscanf(word, "line %c %d %63s %zu", &stream, &frame.rank, frame.host, &frame.left) != 4)
        return false;
    if ((stream != 'o' && stream != 'e') || frame.rank < 0 || frame.rank >= relay->lines.ranks || frame.left > room)
        return false;
    frame.stream = stream == 'o' ? RK__STREAM_OUT : RK__STREAM_ERR;
    frame.filling = room - frame.left;
    if (strcmp(frame.host, "-") == 0)
        *frame.host = '\0';
    relay->frame = frame;
    return true;
}

typedef enum taken { NO_WORD, IN_WORD, WORD } taken;

/* WORD: it is complete, without its line end. NO_WORD: neither what is held of it nor the byte belongs to it, but the
 * byte may begin another one. */
static taken take_word(const rk__relay *relay, struct rk__relay_word *word, char byte) {
    size_t at = word->length;
    if (at < relay->intro_length && byte != relay->intro[at])
        return NO_WORD;
    if (at >= relay->intro_length && (byte == RK__LAUNCH_WORD || at + 1 == sizeof word->text))
        return NO_WORD;
    word->text[at] = byte == '\n' ? '\0' : byte;
    word->length += byte != '\n';
    return byte == '\n' ? WORD : IN_WORD;
}

/* ---- frames ---- */

static void add_text(rk__relay *relay, const char *bytes, size_t length, uint64_t now_ns) {
    const struct rk__relay_frame *frame = &relay->frame;
    rk__lines_add(&relay->lines, frame->stream, frame->rank, frame->host, bytes, length, now_ns);
}

static void give_rank_0_word(rk__relay *relay, uint64_t now_ns) {
    add_text(relay, relay->rank_0_word.text, relay->rank_0_word.length, now_ns);
    relay->rank_0_word.length = 0;
}

/* Rank 0's words are in between what it prints. */
static void add_rank_0(rk__relay *relay, const char *bytes, size_t length, uint64_t now_ns) {
    struct rk__relay_word *word = &relay->rank_0_word;
    size_t from = 0; /* what is text and not given out yet */
    for (size_t i = 0; i < length; i++) {
        bool inside = word->length > 0;
        taken what = take_word(relay, word, bytes[i]);
        if (what == NO_WORD && inside) {
            give_rank_0_word(relay, now_ns);
            from = i;
            inside = false;
            what = take_word(relay, word, bytes[i]);
        }
        if (what == NO_WORD)
            continue;
        if (!inside)
            add_text(relay, bytes + from, i - from, now_ns);
        from = i + 1;
        if (what == IN_WORD)
            continue;
        bool heard = hear(relay, word->text + relay->intro_length);
        from -= !heard;
        if (!heard)
            give_rank_0_word(relay, now_ns);
        word->length = 0;
    }
    if (word->length == 0)
        add_text(relay, bytes + from, length - from, now_ns);
}

static size_t take_frame(rk__relay *relay, const char *input, size_t length, uint64_t now_ns) {
    struct rk__relay_frame *frame = &relay->frame;
    size_t text = length < frame->left ? length : frame->left;
    if (frame->rank == 0 && frame->stream == RK__STREAM_ERR)
        add_rank_0(relay, input, text, now_ns);
    else
        add_text(relay, input, text, now_ns);
    size_t filling = length - text < frame->filling ? length - text : frame->filling;
    frame->left -= text;
    frame->filling -= filling;
    return text + filling;
}

/* ---- mpirun's text ---- */

static void add_text_byte(rk__relay *relay, char byte) {
    if (relay->swallowing)
        relay->swallowing = byte != '\n';
    else
        match(relay, byte);
}

/* What looked like a word and is none. */
static void give_word(rk__relay *relay) {
    for (size_t i = 0; i < relay->word.length; i++)
        add_text_byte(relay, relay->word.text[i]);
    relay->word.length = 0;
}

static void add_byte(rk__relay *relay, char byte) {
    struct rk__relay_word *word = &relay->word;
    taken what = take_word(relay, word, byte);
    if (what == NO_WORD && word->length > 0) {
        give_word(relay);
        what = take_word(relay, word, byte);
    }
    if (what == NO_WORD)
        add_text_byte(relay, byte);
    if (what != WORD)
        return;
    const char *said = word->text + relay->intro_length;
    if (!begin_frame(relay, said, word->length + 1) && !hear(relay, said)) {
        give_word(relay);
        add_text_byte(relay, '\n');
    }
    word->length = 0;
}

void rk__relay_add(rk__relay *relay, const char *input, size_t length, uint64_t now_ns) {
    for (size_t i = 0; i < length;) {
        if (relay->frame.left + relay->frame.filling > 0)
            i += take_frame(relay, input + i, length - i, now_ns);
        else
            add_byte(relay, input[i++]);
    }
}

void rk__relay_flush(rk__relay *relay) {
    give_held(relay);
    give_banner(relay);
}

void rk__relay_give_kept(rk__relay *relay) {
    relay->keeping = false;
    give(relay, rk__text_get(&relay->kept), relay->kept.length);
    relay->kept.length = 0;
}

/* ---- the whole ---- */

rk_status rk__relay_init(rk__relay *relay, int ranks, const char *secret, rk_error *err) {
    *relay = (rk__relay){0};
    relay->intro_length = (size_t)snprintf(relay->intro, sizeof relay->intro, "%c%s ", RK__LAUNCH_WORD, secret);
    return rk__lines_init(&relay->lines, ranks, err);
}

void rk__relay_fini(rk__relay *relay) {
    rk__lines_fini(&relay->lines);
    rk__text_fini(&relay->kept);
}

void rk__relay_end(rk__relay *relay) {
    give_word(relay);
    rk__lines_add(&relay->lines, RK__STREAM_ERR, 0, relay->frame.host, relay->rank_0_word.text,
                  relay->rank_0_word.length, 0);
    rk__relay_flush(relay);
    rk__lines_end(&relay->lines);
}
