/* Rankine: queues and pipes, as Python's multiprocessing has them. Who may call, what objects are and how waiting goes:
 * <rankine/program.h>.
 *
 * Messages are bytes: any number, none included. What a get or recv allocates is the caller's: rk_free.
 *
 * Where Python differs. A message is in the queue when its put has returned there or soon after, here too: a put into
 * an unbounded queue of another rank does not wait for an answer. What goes wrong with it there (the queue is closed or
 * destroyed, no memory) is told by a later put, and by every call that waits. A rank is at most 64 MiB of messages
 * ahead of another one: then put waits until they have been taken in. A get that was answered has taken its message,
 * even if its rank dies at that moment. */
#ifndef RANKINE_QUEUE_H
#define RANKINE_QUEUE_H

#include <rankine/bytes.h>
#include <rankine/program.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- queues: Queue, JoinableQueue, SimpleQueue ---- */

/* One kind for all three: task_done and join are there, and nobody has to use them. Many ranks put, many get; what one
 * function puts comes out in its order, and who waits first gets first. */
typedef struct rk_queue {
    rk_ref ref;
    uint64_t maxsize; /* 0: unbounded */
} rk_queue;

typedef struct rk_queue_options {
    uint64_t maxsize; /* messages at most; 0: any number */
} rk_queue_options;
#define RK_QUEUE_OPTIONS_INIT                                                                                          \
    { 0 }

/** A queue that lives on the calling rank: best one that gets from it. Python: Queue(maxsize), JoinableQueue(maxsize),
 * SimpleQueue().
 * @param options  NULL: the defaults
 * @return RK_OK, RK_ENOMEM, RK_EPERM */
RK_EXPORT rk_status rk_queue_create(rk_queue *queue, const rk_queue_options *options, rk_error *err);

/** Put a message at the end; `bytes` are the caller's again on return. Python: Queue.put(obj, timeout), put_nowait
 * (timeout 0).
 * @return RK_OK; RK_EFULL: there was no place in time; RK_ECLOSED; RK_ENOENT: destroyed; RK_EDEAD: its rank has died;
 * RK_ECANCELLED: the calling function was told to end; RK_ENOMEM, RK_EINVAL, RK_EPERM */
RK_EXPORT rk_status rk_queue_put(rk_queue queue, const void *bytes, size_t size, double timeout_seconds, rk_error *err);

/** Wait until what this rank has put so far is in the queue: what others put from then on comes behind it. (When a
 * function has ended, all that it put is in its queues.) Python: Queue.join_thread.
 * @return RK_OK; RK_ETIMEDOUT; otherwise as rk_queue_put */
RK_EXPORT rk_status rk_queue_flush(rk_queue queue, double timeout_seconds, rk_error *err);

/** Take the first message. Python: Queue.get(timeout), get_nowait (timeout 0).
 * @param bytes  the message, aligned for any type, to be freed with rk_free; NULL if it has none
 * @param size   may be NULL
 * @return RK_OK; RK_EEMPTY: nothing came in time; RK_ECLOSED: closed, and nothing is left; RK_ENOENT, RK_EDEAD,
 * RK_ECANCELLED, RK_ENOMEM, RK_EINVAL, RK_EPERM as of rk_queue_put */
RK_EXPORT rk_status rk_queue_get(rk_queue queue, double timeout_seconds, void **bytes, size_t *size, rk_error *err);

/** As rk_queue_get, into a buffer of the caller's.
 * @param size  bytes of the message; NULL: it must have `capacity`
 * @return as rk_queue_get; RK_EOVERFLOW: it is larger than `capacity`: it stays, *size tells; RK_EINVAL: `size` is
 * NULL, and it has another size than `capacity`, it stays */
RK_EXPORT rk_status rk_queue_get_into(rk_queue queue, double timeout_seconds, void *buffer, size_t capacity,
                                      size_t *size, rk_error *err);

/** One number a message. @return as rk_queue_put and rk_queue_get; RK_EINVAL: the message has another size, it stays */
RK_EXPORT rk_status rk_queue_put_i64(rk_queue queue, int64_t value, double timeout_seconds, rk_error *err);
RK_EXPORT rk_status rk_queue_put_f64(rk_queue queue, double value, double timeout_seconds, rk_error *err);
RK_EXPORT rk_status rk_queue_get_i64(rk_queue queue, double timeout_seconds, int64_t *value, rk_error *err);
RK_EXPORT rk_status rk_queue_get_f64(rk_queue queue, double timeout_seconds, double *value, rk_error *err);

/** How many messages there are; is there none; is there no place. True when they are counted: others go on. Python:
 * qsize, empty, full. @return RK_OK, RK_ENOENT, RK_EDEAD, RK_ECANCELLED, RK_EINVAL, RK_EPERM */
RK_EXPORT rk_status rk_queue_size(rk_queue queue, uint64_t *count, rk_error *err);
RK_EXPORT rk_status rk_queue_empty(rk_queue queue, bool *empty, rk_error *err);
RK_EXPORT rk_status rk_queue_full(rk_queue queue, bool *full, rk_error *err);

/** A message that was got is done with: by the rank that got it. Python: JoinableQueue.task_done.
 * @return RK_OK; RK_EINVAL: more often than messages were put (Python: ValueError); RK_ENOENT, RK_EDEAD, RK_ECANCELLED,
 * RK_EPERM */
RK_EXPORT rk_status rk_queue_task_done(rk_queue queue, rk_error *err);

/** Wait until all messages that were put are done with. Python: JoinableQueue.join.
 * @return RK_OK; RK_ETIMEDOUT; RK_EDEAD: the queue's rank has died, or all that is not done was got by ranks that have
 * died (whoever does it in their place calls task_done, and join can be called again); RK_ENOENT, RK_ECANCELLED,
 * RK_EINVAL, RK_EPERM */
RK_EXPORT rk_status rk_queue_join(rk_queue queue, double timeout_seconds, rk_error *err);

/** No more puts, by any rank (in Python: by the caller's process). What is there can be got; then get returns
 * RK_ECLOSED. Again is fine. @return RK_OK, RK_ENOENT, RK_EDEAD, RK_ECANCELLED, RK_EINVAL, RK_EPERM */
RK_EXPORT rk_status rk_queue_close(rk_queue queue, rk_error *err);

/** The queue and what is in it go; who waits for it gets RK_ENOENT. @return as rk_queue_close */
RK_EXPORT rk_status rk_queue_destroy(rk_queue queue, rk_error *err);

/* ---- pipes ---- */

/* One end. A value like all objects: it can be given to another rank. Messages go straight to the rank that first
 * receives at an end (before it has, they are kept where the pipe was made); other ranks that receive there ask it. If
 * an isolated process is the first, they stay where the pipe was made, also when it ends, and it asks for them.
 *
 * Where Python differs. An end is closed for all ranks that have it. send does not wait for the reader, but for the
 * messages on their way (above). If the only rank that has used an end dies, the other end's recv returns RK_EDEAD
 * once nothing is left. Ranks that send at the same end at the same time do not spoil each other's messages. The first
 * call on an end by a rank waits for an answer of the pipe's rank, whatever its timeout. */
typedef struct rk_pipe {
    rk_ref ref;
} rk_pipe;

/** Two ends. Python: Pipe(duplex).
 * @param duplex  false: `first` only receives, `second` only sends
 * @return RK_OK, RK_ENOMEM, RK_EPERM */
RK_EXPORT rk_status rk_pipe_create(rk_pipe *first, rk_pipe *second, bool duplex, rk_error *err);

/** Send a message to the other end. Python: Connection.send, send_bytes.
 * @return RK_OK; RK_EBROKEN: the other end is closed (Python: BrokenPipeError); RK_ECLOSED: this one is; RK_EDEAD: the
 * rank that receives, or the pipe's, has died; RK_EPERM: this end only receives; RK_ECANCELLED, RK_ENOMEM, RK_EINVAL */
RK_EXPORT rk_status rk_pipe_send(rk_pipe end, const void *bytes, size_t size, rk_error *err);

/** Take the first message. Python: Connection.recv, recv_bytes.
 * @param bytes  as rk_queue_get, as is size
 * @return RK_OK; RK_ETIMEDOUT; RK_EEOF: nothing is left and the other end is closed (Python: EOFError); RK_ECLOSED:
 * this end is; RK_EDEAD: the pipe's rank has died, or the one that receives here, or the only one that used the other
 * end; RK_EPERM: this end only sends; RK_ECANCELLED, RK_ENOMEM, RK_EINVAL */
RK_EXPORT rk_status rk_pipe_recv(rk_pipe end, double timeout_seconds, void **bytes, size_t *size, rk_error *err);

/** As rk_pipe_recv, into a buffer of the caller's. Python: recv_bytes_into.
 * @param size  as rk_queue_get_into
 * @return as rk_pipe_recv; RK_EOVERFLOW: it is larger than `capacity`: it stays, *size tells; RK_EINVAL: it has another
 * size, it stays */
RK_EXPORT rk_status rk_pipe_recv_into(rk_pipe end, double timeout_seconds, void *buffer, size_t capacity, size_t *size,
                                      rk_error *err);

/** Would recv return at once, with a message or the end? Waits for that. Python: Connection.poll(timeout).
 * @return RK_OK and *ready; otherwise as rk_pipe_recv, RK_ETIMEDOUT and RK_EEOF excepted */
RK_EXPORT rk_status rk_pipe_poll(rk_pipe end, double timeout_seconds, bool *ready, rk_error *err);

/** Close an end: what was sent there still arrives, then the other one sees the end. What lies unread at this one goes.
 * Again is fine. @return RK_OK, RK_EDEAD, RK_ECANCELLED, RK_EINVAL, RK_EPERM */
RK_EXPORT rk_status rk_pipe_close(rk_pipe end, rk_error *err);

#ifdef __cplusplus
}
#endif
#endif
