#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rankine/command.h>

#include "world/launch_private.h"

/* ---- what stands between two lines of dashes ---- */

enum { RULE_LEAST = 70 }; /* Open MPI 4.1 and 5.0 have 74 to 78 */

static void give_byte(rk__relay *relay, char byte) {
    relay->output[relay->length++] = byte;
    relay->in_line = byte != '\n';
}

static void give_banner(rk__relay *relay) {
    for (size_t i = 0; i < relay->held; i++)
        give_byte(relay, relay->banner[i]);
    relay->held = 0;
    relay->in_banner = relay->in_note = false;
}

/* What Open MPI 4.1 says of each rank that dies while it lets the others live: "[host:pid] PMIX ERROR: BAD-PARAM in
 * file ../../../src/event/pmix_event_notification.c at line 1033", and how often it could not reach it. Rank 0 says it
 * better. */
static void end_note(rk__relay *relay) {
    relay->banner[relay->held - 1] = '\0';
    bool known = (strstr(relay->banner, "] PMIX ERROR: ") != NULL &&
                  strstr(relay->banner, "/event/pmix_event_notification.c at line ") != NULL) ||
                 strstr(relay->banner, "sent help message help-mpi-btl-tcp.txt / client connect fail") != NULL ||
                 strstr(relay->banner, "Set MCA parameter \"orte_base_help_aggregate\" to 0") != NULL;
    relay->banner[relay->held - 1] = '\n';
    if (known)
        relay->held = 0;
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
                strstr(relay->banner, "failed to TCP connect to a peer MPI process") != NULL;
    relay->banner[relay->held - 1] = '\n';
    return told;
}

static void end_line(rk__relay *relay) {
    bool rule = relay->only_rule && relay->held - 1 - relay->line_at >= RULE_LEAST;
    relay->line_at = relay->held;
    relay->only_rule = true;
    if (relay->in_banner && rule && is_told_elsewhere(relay)) {
        relay->held = 0;
        relay->in_banner = false;
    } else if (relay->in_banner == rule) {
        give_banner(relay);
    } else {
        relay->in_banner = true;
    }
}

/* A line is held back as long as it may begin a banner, and then the banner; a line that may be a note to its end. */
static void pass_byte(rk__relay *relay, char byte) {
    if (relay->held == 0 && (relay->in_line || (byte != '-' && byte != '['))) {
        give_byte(relay, byte);
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
 * the line before it stands. 'm' begins the text and is nowhere else in it: after a mismatch at most this byte can
 * begin it.
 */
static const char announcement[] = "mpirun: Forwarding signal ";
enum { ANNOUNCEMENT = sizeof announcement - 1 };

static void give_held(rk__relay *relay) {
    for (size_t i = 0; i < relay->matched; i++)
        pass_byte(relay, announcement[i]);
    relay->matched = 0;
}

/* ---- what rank 0 says from another host ---- */

static void end_word(rk__relay *relay) {
    int code, broken;
    relay->word[relay->word_length] = '\0';
    relay->in_word = false;
    if (strcmp(relay->word, "begun") == 0)
        relay->begun = true;
    if (sscanf(relay->word, "exit %d %d", &code, &broken) == 2 && code >= 0 && code <= 255) {
        relay->reported = true;
        relay->exit_code = code;
        relay->broken = broken != 0;
    }
}

static void add_to_word(rk__relay *relay, char byte) {
    if (byte == '\n')
        end_word(relay);
    else if (relay->word_length + 1 < sizeof relay->word)
        relay->word[relay->word_length++] = byte;
}

static void add_byte(rk__relay *relay, char byte) {
    if (relay->in_word) {
        add_to_word(relay, byte);
        return;
    }
    if (byte == RK__LAUNCH_WORD) {
        give_held(relay);
        relay->in_word = true;
        relay->word_length = 0;
        return;
    }
    if (relay->swallowing) {
        relay->swallowing = byte != '\n';
        return;
    }
    if (byte != announcement[relay->matched])
        give_held(relay);
    if (byte != announcement[relay->matched])
        pass_byte(relay, byte);
    else
        relay->matched++;
    if (relay->matched == ANNOUNCEMENT) {
        relay->matched = 0;
        relay->swallowing = true;
    }
}

void rk__relay_add(rk__relay *relay, const char *input, size_t length) {
    for (size_t i = 0; i < length; i++)
        add_byte(relay, input[i]);
}

void rk__relay_flush(rk__relay *relay) {
    give_held(relay);
    give_banner(relay);
}

bool rk__relay_write(rk__relay *relay, int fd) {
    size_t done = 0;
    bool interrupted = false;
    while (done < relay->length && !interrupted) {
        ssize_t wrote = write(fd, relay->output + done, relay->length - done);
        interrupted = wrote < 0 && errno == EINTR;
        if (wrote > 0)
            done += (size_t)wrote;
        else if (!interrupted)
            done = relay->length;
    }
    relay->length -= done;
    memmove(relay->output, relay->output + done, relay->length);
    return relay->length == 0;
}
