/* The log: lines of all actors, each with its number, in one file. Those of an actor are there once, in order, and all
 * of them if it came to its end; those that nobody wants are not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rankine/log.h>

#include "stress.h"

enum { PAD_MAX = 2000, LINE_MAX_BYTES = PAD_MAX + 400 };
static const char mark[] = "] stress ";

void log_a_line(actor *who) {
    int pad = below(&who->random, 8) == 0 ? (int)below(&who->random, PAD_MAX) : 0;
    if (!met(who, rk_log(RK_LOG_DEBUG, "stress %d 0 .", who->number), 0, "log what nobody wants"))
        return;
    if (met(who, rk_log(RK_LOG_INFO, "stress %d %lld %0*d.", who->number, (long long)who->books->lines + 1, pad, 0), 0,
            "log"))
        who->books->lines++;
}

rk_status lines_begin(lines *log, rk_error *err) {
    const char *place = getenv("TMPDIR");
    snprintf(log->path, sizeof log->path, "%s/rankine-stress-XXXXXX", place != NULL ? place : "/tmp");
    int fd = mkstemp(log->path);
    if (fd < 0) {
        snprintf(err->message, sizeof err->message, "no file '%s'", log->path);
        return err->code = RK_EIO;
    }
    close(fd);
    return rk_log_to_file(log->path, RK_LOG_INFO, err);
}

static void take(lines *log, audit *all, const char *line) {
    const char *at = strstr(line, mark);
    long long number;
    int who, spent = 0;
    if (at == NULL || sscanf(at + sizeof mark - 1, "%d %lld %*d.%n", &who, &number, &spent) != 2 || spent == 0 ||
        who < 0 || who >= ACTORS_MAX || strcmp(at + sizeof mark - 1 + spent, "\n") != 0) {
        audit_say(all, -1, "a line of the log is spoilt", 0, 0);
        fprintf(stderr, "%.200s\n", line);
        return;
    }
    if (number != log->found[who] + 1)
        audit_say(all, -1, "lines of an actor out of order", number, log->found[who] + 1);
    log->found[who] = number;
}

static void read_all(lines *log, audit *all) {
    char line[LINE_MAX_BYTES];
    FILE *file = fopen(log->path, "r");
    if (file == NULL)
        audit_say(all, -1, "the log is not there", 0, 0);
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        take(log, all, line);
    if (file != NULL)
        fclose(file);
    unlink(log->path);
}

/* Of an actor that died nobody knows how many it wrote; that of one may still be on its way. */
void lines_end(lines *log, audit *all) {
    rk_status status = rk_log_to_stderr(RK_LOG_OFF, &all->err);
    if (status != RK_OK)
        audit_say(all, -1, all->err.message, status, RK_OK);
    read_all(log, all);
    for (int who = 0; who < all->todo->actors; who++)
        if (all->handed_in[who] && log->found[who] != all->lines[who])
            audit_say(all, -1, "lines of an actor in the log", log->found[who], all->lines[who]);
}
