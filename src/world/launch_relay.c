#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "world/launch_private.h"

/* Open MPI 4.1, orte/tools/orterun: fprintf(stderr, "%s: Forwarding signal %d to job\n"), in one write, but wherever
 * the line before it stands. 'm' begins the text and is nowhere else in it: after a mismatch at most this byte can
 * begin it.
 */
static const char announcement[] = "mpirun: Forwarding signal ";
enum { ANNOUNCEMENT = sizeof announcement - 1 };

static void give_held(rk__relay *relay) {
    memcpy(relay->output + relay->length, announcement, relay->matched);
    relay->length += relay->matched;
    relay->matched = 0;
}

static void add_byte(rk__relay *relay, char byte) {
    if (relay->swallowing) {
        relay->swallowing = byte != '\n';
        return;
    }
    if (byte != announcement[relay->matched])
        give_held(relay);
    if (byte != announcement[relay->matched])
        relay->output[relay->length++] = byte;
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
