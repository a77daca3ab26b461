#include "program/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OP_LINE = 1, OP_WRITTEN, OP_NUDGE, OP_LEVEL };
enum { WRITER = 0 }; /* its endpoint */
enum { TELL_LINES = 32, TELL_BYTES = 8192 };
#define UNKNOWN_LEVEL  UINT64_MAX
#define NUDGE_FIRST_NS UINT64_C(1000000)
#define NUDGE_MAX_NS   UINT64_C(50000000)
#define REACH_ALL_NS   UINT64_C(10000000000)
static const char too_long[] = " ... (cut)\n";

static rk__log_room *room_of(const rk__mail *mail) {
    return rk__mail_room(mail, RK__ROOM_LOG);
}

static rk_status send(rk__log_room *log, uint32_t to, uint16_t op, uint64_t a, uint64_t b) {
    rk__letter letter = {.to = to, .room = RK__ROOM_LOG, .op = op, .a = a, .b = b};
    return rk__mail_send(log->mail, &letter, RK__PAYLOAD_COPY, NULL);
}

/* ---- rank 0 ---- */

static void tell_written(rk__log_room *log, uint32_t to, bool asked) {
    rk__log_count now = rk__log_writer_written(log->writer, to), *told = &log->origins[to].told;
    bool many = now.lines - told->lines >= TELL_LINES || now.bytes - told->bytes >= TELL_BYTES;
    if (!many && !(asked && now.lines != told->lines))
        return;
    *told = now;
    send(log, to, OP_WRITTEN, now.lines, now.bytes);
}

static void take_line(rk__log_room *log, rk__letter *letter) {
    size_t size = (size_t)letter->size;
    log->origins[letter->from].seen = true;
    if (letter->b != (uint64_t)(int64_t)log->level)
        send(log, letter->from, OP_LEVEL, (uint64_t)(int64_t)log->level, 0);
    rk__log_writer_add(log->writer, letter->from, (int)(int64_t)letter->a, rk__letter_take(letter), size);
    tell_written(log, letter->from, false);
}

static void died(void *ctx, uint32_t endpoint) {
    rk__log_room *log = ctx;
    if (log->writer == NULL)
        return;
    rk__log_writer_forget(log->writer, endpoint);
    log->origins[endpoint] = (struct rk__log_origin){{0, 0}, false};
}

/* ---- letters ---- */

static void receive(void *ctx, rk__letter *letter) {
    rk__log_room *log = ctx;
    if (letter->op == OP_LINE && log->writer != NULL) {
        take_line(log, letter);
    } else if (letter->op == OP_NUDGE && log->writer != NULL) {
        tell_written(log, letter->from, true);
    } else if (letter->op == OP_WRITTEN) {
        log->written = (rk__log_count){letter->a, letter->b};
    } else if (letter->op == OP_LEVEL) {
        log->level = (int)(int64_t)letter->a;
        log->level_known = true;
    }
}

static void destroy(void *ctx) {
    rk__log_room *log = ctx;
    rk__log_writer_destroy(log->writer);
    free(log->origins);
    free(log);
}

static rk_status make_writer(rk__log_room *log, rk_error *err) {
    size_t endpoints = rk__mail_endpoints(log->mail);
    if (rk__mail_endpoint(log->mail) != WRITER)
        return RK_OK;
    RK_TRY(rk__alloc((void **)&log->origins, endpoints, sizeof *log->origins, "the log", err));
    return rk__log_writer_create(&log->writer, (uint32_t)endpoints, err);
}

rk_status rk__log_attach(rk__mail *mail, rk__log_name name, rk_error *err) {
    static const rk__room_ops ops = {receive, died, destroy};
    rk__log_room *made;
    RK_TRY(rk__alloc((void **)&made, 1, sizeof *made, "the log", err));
    made->mail = mail;
    made->name = name;
    made->level_known = rk__mail_endpoint(mail) < rk__mail_ranks(mail);
    made->level = made->level_known ? RK_LOG_OFF : RK_LOG_NOTSET;
    if (gethostname(made->host, sizeof made->host - 1) != 0)
        strcpy(made->host, "?");
    rk_status status = make_writer(made, err);
    if (status != RK_OK) {
        destroy(made);
        return status;
    }
    rk__mail_attach(mail, RK__ROOM_LOG, &ops, made);
    return RK_OK;
}

/* ---- a line ---- */

static const char *name_of_level(int level, char text[24]) {
    static const char *const names[] = {"NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};
    if (level >= 0 && level <= RK_LOG_CRITICAL && level % 10 == 0)
        return names[level / 10];
    snprintf(text, 24, "Level %d", level);
    return text;
}

static void add_head(rk__log_room *log, rk__text *line, int level) {
    char when[32], number[24], name[64] = "";
    uint64_t now = rk__wall_ns();
    rk__wall_text(now, when, sizeof when);
    if (log->name != NULL)
        log->name(log->mail, name, sizeof name);
    rk__text_add(line, "[%.19s.%03uZ %s %s/%u%s%s] ", when, (unsigned)(now / 1000000 % 1000),
                 name_of_level(level, number), log->host, rk__mail_rank_of(log->mail, rk__mail_endpoint(log->mail)),
                 name[0] != '\0' ? "/" : "", name);
}

static void add_message(rk__text *line, const char *fmt, va_list args) {
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, fmt, args);
    char *message = size >= 0 ? malloc((size_t)size + 1) : NULL;
    if (message != NULL) {
        vsnprintf(message, (size_t)size + 1, fmt, again);
        rk__text_add_bytes(line, message, (size_t)size);
    }
    line->failed |= message == NULL;
    free(message);
    va_end(again);
}

static void end_line(rk__text *line) {
    while (line->length > 0 && line->data[line->length - 1] == '\n')
        line->length--;
    if (line->length < RK__LOG_LINE_MAX) {
        rk__text_add(line, "\n");
        return;
    }
    line->length = RK__LOG_LINE_MAX - sizeof too_long;
    rk__text_add(line, "%s", too_long);
}

/* ---- sending it ---- */

static bool has_room(void *ctx) {
    const rk__log_room *log = ctx;
    return (log->sent.lines - log->written.lines < RK__LOG_WINDOW_LINES &&
            log->sent.bytes - log->written.bytes < RK__LOG_WINDOW_BYTES) ||
           rk__mail_is_dead(log->mail, WRITER);
}

static rk_status wait_for_room(rk__log_room *log) {
    rk_status status = has_room(log) ? RK_OK : RK_ETIMEDOUT;
    for (uint64_t pause = NUDGE_FIRST_NS; status == RK_ETIMEDOUT; pause = pause < NUDGE_MAX_NS ? pause * 2 : pause) {
        send(log, WRITER, OP_NUDGE, 0, 0);
        status = rk__wait(log->mail, has_room, log, rk__clock_ns() + pause);
    }
    return status;
}

static rk_status send_line(rk__log_room *log, int level, rk__text *line) {
    rk__letter letter = {.to = WRITER,
                         .room = RK__ROOM_LOG,
                         .op = OP_LINE,
                         .a = (uint64_t)(int64_t)level,
                         .b = log->level_known ? (uint64_t)(int64_t)log->level : UNKNOWN_LEVEL,
                         .size = line->length,
                         .bytes = line->data};
    if (line->failed)
        return RK_ENOMEM;
    if (rk__mail_is_dead(log->mail, WRITER))
        return RK_EDEAD;
    RK_TRY(rk__mail_send(log->mail, &letter, RK__PAYLOAD_COPY, NULL));
    log->sent.lines++;
    log->sent.bytes += line->length;
    return RK_OK;
}

static void tell_dropped(rk__log_room *log) {
    rk__text line = RK__TEXT_INIT;
    add_head(log, &line, RK_LOG_WARNING);
    rk__text_add(&line, "%llu lines before this one were dropped\n", (unsigned long long)log->dropped);
    if (send_line(log, RK_LOG_WARNING, &line) == RK_OK)
        log->dropped = 0;
    rk__text_fini(&line);
}

/* Lines of one strand keep their order: its line goes out when the wait is over, or never. */
static rk_status log_line(rk__log_room *log, int level, rk__text *line) {
    rk_status status = wait_for_room(log);
    if (status == RK_OK && log->dropped > 0)
        tell_dropped(log);
    if (status == RK_OK)
        status = send_line(log, level, line);
    log->dropped += status != RK_OK && status != RK_EDEAD;
    return status;
}

static rk_status format_and_log(rk__log_room *log, int level, const char *fmt, va_list args) {
    rk__text line = RK__TEXT_INIT;
    add_head(log, &line, level);
    add_message(&line, fmt, args);
    end_line(&line);
    rk_status status = log_line(log, level, &line);
    rk__text_fini(&line);
    return status;
}

rk_status rk_log(int level, const char *fmt, ...) {
    rk__mail *mail = rk__enter(NULL);
    if (mail == NULL)
        return RK_EPERM;
    rk__log_room *log = room_of(mail);
    rk_status status = RK_OK;
    va_list args;
    va_start(args, fmt);
    if (level >= log->level)
        status = format_and_log(log, level, fmt, args);
    va_end(args);
    rk__leave(mail);
    return status;
}

int rk_log_level(void) {
    rk__mail *mail = rk__enter(NULL);
    int level = mail != NULL ? room_of(mail)->level : RK_LOG_OFF;
    if (mail != NULL)
        rk__leave(mail);
    return level;
}

/* ---- where lines go ---- */

/* What any rank has sent is here, and what it was sent is there. */
static rk_status reach_all(rk__log_room *log) {
    uint64_t deadline = rk__clock_ns() + REACH_ALL_NS;
    rk_status status = RK_OK;
    for (uint32_t rank = 0; rank < rk__mail_ranks(log->mail) && status != RK_ECANCELLED; rank++)
        status = rk__mail_reach(log->mail, rank, deadline);
    return status == RK_ECANCELLED ? status : RK_OK;
}

static void tell_level(rk__log_room *log) {
    int level = rk__log_writer_level(log->writer);
    for (uint32_t to = 0; to < rk__mail_endpoints(log->mail); to++)
        if (to < rk__mail_ranks(log->mail) || log->origins[to].seen)
            send(log, to, OP_LEVEL, (uint64_t)(int64_t)level, 0);
    reach_all(log);
}

static rk_status begin(rk__log_room *log, rk_error *err) {
    if (log->writer == NULL)
        return rk__fail(err, RK_EPERM, "where log lines go is said on rank 0, not on rank %u or in an isolated process",
                        rk__mail_rank_of(log->mail, rk__mail_endpoint(log->mail)));
    rk_status status = reach_all(log); /* lines from before go where they were to go */
    return status == RK_OK ? status : rk__fail(err, status, "told to end before log lines could be directed");
}

static rk_status open_sink(const char *path, int level, int *fd, rk_error *err) {
    *fd = level < RK_LOG_OFF ? STDERR_FILENO : -1;
    if (path == NULL || level >= RK_LOG_OFF)
        return RK_OK;
    *fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    return *fd >= 0 ? RK_OK : rk__fail(err, RK_EIO, "log file '%s': %s", path, rk__errno_text(errno));
}

/* path NULL: stderr. Opening and draining may take their time: without the lock. */
static rk_status direct(rk__log_sink sink, const char *path, int level, rk_error *err) {
    int fd;
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    rk__log_room *log = room_of(mail);
    rk_status status = begin(log, err);
    rk__leave(mail);
    RK_TRY(status);
    RK_TRY(open_sink(path, level, &fd, err));
    rk__log_writer_set(log->writer, sink, fd, level);
    rk__enter(NULL);
    tell_level(log);
    rk__leave(mail);
    return RK_OK;
}

rk_status rk_log_to_stderr(int level, rk_error *err) {
    return direct(RK__LOG_STDERR, NULL, level, err);
}

rk_status rk_log_to_file(const char *path, int level, rk_error *err) {
    if (path == NULL)
        return rk__fail(err, RK_EINVAL, "the log file's name is NULL");
    return direct(RK__LOG_FILE, path, level, err);
}

void rk__log_finish(void) {
    rk__mail *mail = rk__enter(NULL);
    rk__log_room *log = room_of(mail);
    reach_all(log);
    rk__leave(mail);
    rk__log_writer_drain(log->writer);
}
