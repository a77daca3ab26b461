/* What the units of the machine share.
 *
 *   machine.c  the table of objects; which step is whose
 *   guard.c    getting inside, also after the dead
 *   queue.c    slots: standing in a queue, being told
 *   locks.c    lock, rlock, condition      counts.c  semaphore, event      meet.c  barrier
 *   losses.c   who does not wait any longer: it gave up, it died */
#ifndef RANKINE_SYNC_MACHINE_PRIVATE_H
#define RANKINE_SYNC_MACHINE_PRIVATE_H

#include "sync/machine.h"

typedef struct rk__sync_queue { /* parties + 1; 0: nobody */
    uint32_t first, last, count;
} rk__sync_queue;

typedef struct rk__sync_object {
    _Atomic uint32_t guard;  /* endpoint + 1 of the process inside, and above that 8 bits of its birth */
    _Atomic uint32_t home;   /* endpoint + 1; 0: the place is free */
    _Atomic uint64_t serial; /* 0: being made or destroyed */
    uint64_t taken;          /* how often the place was */
    _Atomic uint32_t lock;   /* 0: it has a guard and lock of its own; else place + 1 of the lock of a condition */
    uint32_t users;          /* conditions that were made for this lock */
    uint32_t kind;
    bool broken, watched;
    _Atomic uint32_t holder; /* party + 1: of the lock; of a barrier: who runs its action */
    uint32_t depth;          /* how often the holder has it */
    uint64_t value, limit;   /* count and bound of a semaphore; whether the event is set; parties of a barrier */
    rk__sync_queue entry;    /* those who want the lock, the count, the event; those at the barrier */
    rk__sync_queue sleepers; /* those who wait for a notification */
    unsigned char pad[40];
} rk__sync_object;
_Static_assert(sizeof(rk__sync_object) == 128, "two cache lines each");

typedef enum rk__sync_slot_state { RK__SLOT_IDLE = 0, RK__SLOT_WAITING, RK__SLOT_DONE } rk__sync_slot_state;

struct rk__sync_slot { /* a party's */
    _Atomic uint32_t state;
    _Atomic uint32_t object;  /* place + 1: where it waits, or waited last */
    uint32_t next, previous;  /* in the queue: parties + 1 */
    _Atomic uint32_t home;    /* of the object */
    _Atomic uint32_t granter; /* endpoint + 1 of who made it DONE */
    _Atomic uint64_t serial;  /* of the object */
    _Atomic uint64_t call;
    _Atomic uint64_t value;
    _Atomic int32_t status;
    uint32_t depth;  /* to have the lock again */
    bool in_sleep;   /* it stands among the sleepers */
    bool slept;      /* it waits for a notification, or for the lock after one */
    bool acts;       /* it would run the barrier's action */
    uint8_t barrier; /* the next of these to be forgotten */
    unsigned char pad[4];
    _Atomic uint64_t barriers[RK__SYNC_BARRIERS]; /* serials of those it came to */
};
_Static_assert(sizeof(rk__sync_slot) == 128, "two cache lines each");

struct rk__sync_area {
    _Atomic uint32_t first_free; /* a guess */
    _Atomic uint32_t end;        /* places from here on were never taken */
    unsigned char pad[4096 - 8];
    rk__sync_object objects[RK__SYNC_PLACES];
};

/* ---- guard.c ---- */

/* The endpoint of the process inside; RK__NOBODY: none is. */
uint32_t rk__sync_inside(const rk__sync_object *object);

/* Inside the guard of the object with that serial; NULL: there is none, and we are not inside. */
rk__sync_object *rk__sync_enter(rk__sync_machine *machine, uint64_t serial);
/* Inside the guard of whatever is in a place. */
rk__sync_object *rk__sync_enter_place(rk__sync_machine *machine, uint32_t place);
void rk__sync_leave(rk__sync_machine *machine);
/* Outside of guards: tell of what was granted. */
void rk__sync_tell_all(rk__sync_machine *machine);
/* All that wait for it, and for the conditions that were made for it, are told. Inside. */
void rk__sync_break(rk__sync_machine *machine, rk__sync_object *object);

static inline uint32_t rk__sync_place(const rk__sync_machine *machine, const rk__sync_object *object) {
    return (uint32_t)(object - machine->area->objects);
}
static inline uint32_t rk__sync_lock_place(const rk__sync_machine *machine, const rk__sync_object *object) {
    uint32_t lock = atomic_load_explicit(&object->lock, memory_order_relaxed);
    return lock != 0 ? lock - 1 : rk__sync_place(machine, object);
}
static inline rk__sync_object *rk__sync_lock_of(rk__sync_machine *machine, const rk__sync_object *object) {
    return &machine->area->objects[rk__sync_lock_place(machine, object)];
}
/* The next object from *place on that is guarded by the guard we are in; NULL: no more. */
rk__sync_object *rk__sync_next_guarded(rk__sync_machine *machine, uint32_t *place);

/* ---- counts.c, locks.c; inside the guard: queues are whole, the last step may not be ---- */

void rk__sync_count_settle(rk__sync_machine *machine, rk__sync_object *object);
void rk__sync_lock_settle(rk__sync_machine *machine, rk__sync_object *lock);

/* ---- queue.c; inside the guard ---- */

rk__sync_slot *rk__sync_slot_of(const rk__sync_machine *machine, uint32_t party);
/* Which of an endpoint's slots were ever used: bits by strand. */
uint64_t rk__sync_used(const rk__sync_machine *machine, uint32_t endpoint);
void rk__sync_use(rk__sync_machine *machine, uint32_t party);
/* The party waits, last in the object's entry queue. */
rk__sync_slot *rk__sync_stand(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request,
                              rk__sync_reply *reply);
/* A slot that is in no queue goes to the end of this one. */
void rk__sync_append(rk__sync_machine *machine, rk__sync_object *object, rk__sync_queue *queue, uint32_t party);
void rk__sync_remove(rk__sync_machine *machine, uint32_t party);
/* Into the queue that it was in, which has been emptied. */
void rk__sync_append_again(rk__sync_machine *machine, uint32_t party);
/* It is no longer in a queue, and its wait is over. */
void rk__sync_grant(rk__sync_machine *machine, uint32_t party, rk_status status, uint64_t value);
/* The first of the queue, taken out of it. */
uint32_t rk__sync_pop(rk__sync_machine *machine, rk__sync_queue *queue);
void rk__sync_grant_queue(rk__sync_machine *machine, rk__sync_queue *queue, rk_status status);
/* Who watches the object is to look again. */
void rk__sync_tell_watchers(rk__sync_machine *machine, rk__sync_object *object);
/* Does this slot wait, for something that the guard we are in guards? */
bool rk__sync_waits_here(rk__sync_machine *machine, const rk__sync_slot *slot);

/* ---- steps; inside ---- */

rk_status rk__sync_lock_acquire(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request,
                                rk__sync_reply *reply);
rk_status rk__sync_lock_release(rk__sync_machine *machine, rk__sync_object *object, uint32_t party);
/* To the first waiter, or free. */
void rk__sync_lock_pass_on(rk__sync_machine *machine, rk__sync_object *lock);
rk_status rk__sync_sleep(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request,
                         rk__sync_reply *reply);
rk_status rk__sync_notify(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request,
                          rk__sync_reply *reply);
rk_status rk__sync_count_acquire(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request,
                                 rk__sync_reply *reply);
rk_status rk__sync_count_release(rk__sync_machine *machine, rk__sync_object *object, uint64_t count);
rk_status rk__sync_event_set(rk__sync_machine *machine, rk__sync_object *object);
rk_status rk__sync_event_wait(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request,
                              rk__sync_reply *reply);
rk_status rk__sync_arrive(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request,
                          rk__sync_reply *reply);
rk_status rk__sync_acted(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request);
rk_status rk__sync_reset(rk__sync_machine *machine, rk__sync_object *object);

/* machine.c: everybody who waits is told `status`, the place is free. Inside. RK_EPERM: conditions need this lock. */
rk_status rk__sync_unmake(rk__sync_machine *machine, rk__sync_object *object, rk_status status);

/* losses.c */
/* Its wait of that call ends with RK_ETIMEDOUT, if it waits yet. Of a condition: also if it waits for the lock. Outside
 * of guards. */
void rk__sync_cancel(rk__sync_machine *machine, uint32_t party, uint64_t call);
/* Outside of guards: if the party still waits somewhere, it does not any longer. */
void rk__sync_withdraw(rk__sync_machine *machine, uint32_t party);

#endif
