#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "program/log.h"

typedef struct line {
    struct line *next;
    uint32_t from;
    int level;
    uint64_t birth; /* of the process, as `origin` counts them */
    size_t size;
    char *text;
} line;

typedef struct origin {
    rk__log_count written;
    uint64_t birth;
} origin;

typedef struct sink {
    int fd; /* -1: none */
    int level;
    uint64_t lost; /* lines that could not be written, and have not been told of */
    int why;       /* errno */
} sink;

struct rk__log_writer {
    pthread_mutex_t lock;
    pthread_cond_t more, drained;
    pthread_t thread;
    line *first, *last;
    uint64_t waiting, most; /* lines that are not written, and the most of them */
    bool ending;
    origin *origins; /* [endpoints] */
    sink sinks[RK__LOG_SINKS];
};

/* ---- writing; without the lock, by the writer only ---- */

static bool write_all(sink *to, const char *text, size_t size) {
    while (size > 0) {
        ssize_t done = write(to->fd, text, size);
        if (done < 0 && errno == EAGAIN) {
            struct pollfd place = {.fd = to->fd, .events = POLLOUT};
            poll(&place, 1, -1);
        } else if (done < 0 && errno != EINTR) {
            to->why = errno;
            return false;
        } else if (done > 0) {
            text += done;
            size -= (size_t)done;
        }
    }
    return true;
}

static void tell_lost(sink *to) {
    char text[256];
    int size = snprintf(text, sizeof text, "[%llu lines could not be written: %s]\n", (unsigned long long)to->lost,
                        rk__errno_text(to->why));
    if (to->lost > 0 && write_all(to, text, (size_t)size))
        to->lost = 0;
}

static void write_line(sink *to, const line *one) {
    if (to->fd < 0 || one->level < to->level)
        return;
    tell_lost(to);
    if (!write_all(to, one->text, one->size))
        to->lost++;
}

static void free_line(line *one) {
    free(one->text);
    free(one);
}

/* ---- the thread ---- */

static void count(rk__log_writer *writer, const line *one) {
    origin *from = &writer->origins[one->from];
    if (from->birth == one->birth) {
        from->written.lines++;
        from->written.bytes += one->size;
    }
    if (--writer->waiting == 0)
        pthread_cond_broadcast(&writer->drained);
}

static line *take(rk__log_writer *writer) {
    line *one = writer->first;
    writer->first = one->next;
    if (writer->first == NULL)
        writer->last = NULL;
    return one;
}

static void *run(void *ctx) {
    rk__log_writer *writer = ctx;
    pthread_mutex_lock(&writer->lock);
    for (;;) {
        while (writer->first == NULL && !writer->ending)
            pthread_cond_wait(&writer->more, &writer->lock);
        if (writer->first == NULL)
            break;
        line *one = take(writer);
        pthread_mutex_unlock(&writer->lock);
        for (int i = 0; i < RK__LOG_SINKS; i++)
            write_line(&writer->sinks[i], one);
        pthread_mutex_lock(&writer->lock);
        count(writer, one);
        free_line(one);
    }
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

/* ---- making it ---- */

static void free_writer(rk__log_writer *writer) {
    pthread_cond_destroy(&writer->more);
    pthread_cond_destroy(&writer->drained);
    pthread_mutex_destroy(&writer->lock);
    free(writer->origins);
    free(writer);
}

rk_status rk__log_writer_create(rk__log_writer **out, uint32_t endpoints, rk_error *err) {
    rk__log_writer *made;
    RK_TRY(rk__alloc((void **)&made, 1, sizeof *made, "the log", err));
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->more, NULL);
    pthread_cond_init(&made->drained, NULL);
    for (int i = 0; i < RK__LOG_SINKS; i++)
        made->sinks[i] = (sink){.fd = -1, .level = RK_LOG_OFF};
    rk_status status = rk__alloc((void **)&made->origins, endpoints, sizeof *made->origins, "the log", err);
    int failed = status == RK_OK ? pthread_create(&made->thread, NULL, run, made) : 0;
    if (failed != 0)
        status = rk__fail(err, RK_ENOMEM, "starting a thread for the log: %s", rk__errno_text(failed));
    if (status != RK_OK) {
        free_writer(made);
        return status;
    }
    *out = made;
    return RK_OK;
}

static void close_sink(sink *one) {
    if (one->fd > STDERR_FILENO)
        close(one->fd);
    one->fd = -1;
}

void rk__log_writer_destroy(rk__log_writer *writer) {
    if (writer == NULL)
        return;
    pthread_mutex_lock(&writer->lock);
    writer->ending = true;
    pthread_cond_signal(&writer->more);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    for (int i = 0; i < RK__LOG_SINKS; i++)
        close_sink(&writer->sinks[i]);
    free_writer(writer);
}

/* ---- what others ask of it ---- */

static void await_drained(rk__log_writer *writer) {
    while (writer->waiting > 0)
        pthread_cond_wait(&writer->drained, &writer->lock);
}

void rk__log_writer_drain(rk__log_writer *writer) {
    pthread_mutex_lock(&writer->lock);
    await_drained(writer);
    pthread_mutex_unlock(&writer->lock);
}

/* The writer looks at its sinks while a line is counted as waiting, so that none is looked at now. */
void rk__log_writer_set(rk__log_writer *writer, rk__log_sink which, int fd, int level) {
    pthread_mutex_lock(&writer->lock);
    await_drained(writer);
    close_sink(&writer->sinks[which]);
    writer->sinks[which] = (sink){.fd = fd, .level = level};
    pthread_mutex_unlock(&writer->lock);
}

int rk__log_writer_level(rk__log_writer *writer) {
    int lowest = RK_LOG_OFF;
    pthread_mutex_lock(&writer->lock);
    for (int i = 0; i < RK__LOG_SINKS; i++)
        if (writer->sinks[i].fd >= 0 && writer->sinks[i].level < lowest)
            lowest = writer->sinks[i].level;
    pthread_mutex_unlock(&writer->lock);
    return lowest;
}

static void append(rk__log_writer *writer, line *one) {
    one->birth = writer->origins[one->from].birth;
    if (writer->last != NULL)
        writer->last->next = one;
    else
        writer->first = one;
    writer->last = one;
    if (++writer->waiting > writer->most)
        writer->most = writer->waiting;
    pthread_cond_signal(&writer->more);
}

void rk__log_writer_add(rk__log_writer *writer, uint32_t from, int level, char *text, size_t size) {
    line *one = text != NULL ? calloc(1, sizeof *one) : NULL;
    pthread_mutex_lock(&writer->lock);
    if (one != NULL) {
        *one = (line){.from = from, .level = level, .size = size, .text = text};
        append(writer, one);
    } else { /* out of memory: whoever sent it goes on */
        free(text);
        writer->origins[from].written.lines++;
        writer->origins[from].written.bytes += size;
    }
    pthread_mutex_unlock(&writer->lock);
}

rk__log_count rk__log_writer_written(rk__log_writer *writer, uint32_t from) {
    pthread_mutex_lock(&writer->lock);
    rk__log_count written = writer->origins[from].written;
    pthread_mutex_unlock(&writer->lock);
    return written;
}

void rk__log_writer_forget(rk__log_writer *writer, uint32_t from) {
    pthread_mutex_lock(&writer->lock);
    writer->origins[from] = (origin){.birth = writer->origins[from].birth + 1};
    pthread_mutex_unlock(&writer->lock);
}

uint64_t rk__log_writer_most(rk__log_writer *writer) {
    pthread_mutex_lock(&writer->lock);
    uint64_t most = writer->most;
    pthread_mutex_unlock(&writer->lock);
    return most;
}
