/* Rankine: data that all ranks can read and change: values, arrays, bytes and lists of fixed length.
 *
 * Python: multiprocessing.Value, Array, shared_memory.SharedMemory and ShareableList. An object lives in memory of the
 * node of the rank that made it, its home. Processes of that node work on the memory itself, at its speed; others send
 * their wishes to the home, which carries them out while its own functions go on computing.
 *
 * What is atomic. The operations on a value, and those on one element of an array (add, compare_swap, and get and put
 * with a count of 1), are atomic with respect to each other, and in one order for all, wherever they come from. Get and
 * put of several elements and reads and writes of memory are not: somebody who looks meanwhile may see a part of them.
 * C11 atomics of the same width through rk_array_pointer may be mixed with them. An item of a list is read and set as a
 * whole.
 *
 * Where C and MPI force a difference from Python: types are told (RK_I64, ...) and checked, not converted. On other
 * nodes there is no pointer (RK_EUNSUPPORTED), but everything else works. Indices count from 0, never from the end.
 * When the home dies, calls return RK_EDEAD; pointers that were got on its node before stay usable.
 *
 * All functions return RK_EPERM on a thread that is none of Rankine's, RK_EINVAL for what was never made or is of
 * another kind or type, RK_ENOENT for what was destroyed, RK_EDEAD if the home has died, RK_ENOMEM, and, on other
 * nodes, RK_ECANCELLED if the caller was told to end: what it asked for may then have happened or not. Only what goes
 * beyond this is said below. `err` may be NULL. An object that one rank destroys while another one uses it: the other
 * one gets RK_ENOENT, but pointers to it must not be used any more. */
#ifndef RANKINE_SHARED_H
#define RANKINE_SHARED_H

#include <rankine/kernel.h> /* rk_type */
#include <rankine/program.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- a value ---- */

typedef struct rk_value {
    rk_ref ref;
    rk_ref lock; /* of those who need more than one operation to themselves; none: serial 0 */
} rk_value;

/** Make a value with a lock on the calling rank. Python: Value(typecode, initial).
 * @param type     an integer or floating type, or RK_BOOL
 * @param initial  one of that type; NULL: 0
 * @return RK_EFULL: the node holds 65536 shared objects already, or no more locks (see <rankine/sync.h>). */
RK_EXPORT rk_status rk_value_create(rk_value *value, rk_type type, const void *initial, rk_error *err);
/** As that, without a lock. Single operations need none. Python: RawValue. */
RK_EXPORT rk_status rk_value_create_raw(rk_value *value, rk_type type, const void *initial, rk_error *err);
/** Have it to oneself, against all who lock it too; reentrant. Python: with value.get_lock(). @return as
 * rk_rlock_acquire, rk_rlock_release; RK_EPERM: also if it was made without a lock */
RK_EXPORT rk_status rk_value_lock(rk_value value, double timeout_seconds, rk_error *err);
RK_EXPORT rk_status rk_value_unlock(rk_value value, rk_error *err);
/** Python: x = value.value. @param x  one of `type`, which is the value's */
RK_EXPORT rk_status rk_value_get(rk_value value, rk_type type, void *x, rk_error *err);
/** Python: value.value = x. */
RK_EXPORT rk_status rk_value_set(rk_value value, rk_type type, const void *x, rk_error *err);
/** Fetch and add: Python's `with value.get_lock(): value.value += delta`. Integers wrap around.
 * @param before  what it was; may be NULL
 * @return RK_EINVAL: also for RK_BOOL */
RK_EXPORT rk_status rk_value_add(rk_value value, rk_type type, const void *delta, void *before, rk_error *err);
/** Set it, and tell what it was. */
RK_EXPORT rk_status rk_value_exchange(rk_value value, rk_type type, const void *x, void *before, rk_error *err);
/** Set it to x if it is *expected, bit by bit. @param expected  becomes what it was  @param swapped  may be NULL */
RK_EXPORT rk_status rk_value_compare_swap(rk_value value, rk_type type, void *expected, const void *x, bool *swapped,
                                          rk_error *err);
/** From any rank. */
RK_EXPORT rk_status rk_value_destroy(rk_value value, rk_error *err);

/* ---- an array ---- */

typedef struct rk_array {
    rk_ref ref;
    rk_ref lock;
} rk_array;

/** Make an array with a lock on the calling rank. Python: Array(typecode, count or sequence).
 * @param count    0 is an array without elements
 * @param initial  [count]; NULL: zeros
 * @return RK_ENOMEM: the node's shared memory (/dev/shm) has no room for it. RK_EFULL as for values. */
RK_EXPORT rk_status rk_array_create(rk_array *array, rk_type type, uint64_t count, const void *initial, rk_error *err);
/** As that, without a lock. Python: RawArray. */
RK_EXPORT rk_status rk_array_create_raw(rk_array *array, rk_type type, uint64_t count, const void *initial,
                                        rk_error *err);
/** As rk_value_lock, rk_value_unlock. */
RK_EXPORT rk_status rk_array_lock(rk_array array, double timeout_seconds, rk_error *err);
RK_EXPORT rk_status rk_array_unlock(rk_array array, rk_error *err);
/** Python: len(array). */
RK_EXPORT rk_status rk_array_length(rk_array array, uint64_t *count, rk_error *err);
/** Elements first ... first + count - 1. Python: array[first:first + count].
 * @return RK_EINVAL: also for elements that it does not have */
RK_EXPORT rk_status rk_array_get(rk_array array, rk_type type, uint64_t first, uint64_t count, void *x, rk_error *err);
RK_EXPORT rk_status rk_array_put(rk_array array, rk_type type, uint64_t first, uint64_t count, const void *x,
                                 rk_error *err);
/** As rk_value_add, on an element. */
RK_EXPORT rk_status rk_array_add(rk_array array, rk_type type, uint64_t index, const void *delta, void *before,
                                 rk_error *err);
/** As rk_value_compare_swap, on an element. */
RK_EXPORT rk_status rk_array_compare_swap(rk_array array, rk_type type, uint64_t index, void *expected, const void *x,
                                          bool *swapped, rk_error *err);
/** The elements themselves, on the home's node; aligned to a page, the same memory for all its ranks. Python:
 * array.get_obj().
 * @param p  valid until the array is destroyed
 * @return RK_EUNSUPPORTED: the array lives on another node */
RK_EXPORT rk_status rk_array_pointer(rk_array array, void **p, rk_error *err);
/** From any rank. Pointers to it are invalid from now on, on all ranks. */
RK_EXPORT rk_status rk_array_destroy(rk_array array, rk_error *err);

/* ---- bytes ---- */

typedef struct rk_memory {
    rk_ref ref;
} rk_memory;

/** Make `size` zeroed bytes on the calling rank. Python: SharedMemory(name, create=True, size=size).
 * @param name  for rk_memory_attach, of 1 to 255 bytes, known to this program only; NULL: none
 * @return RK_EINVAL: also for a size of 0. RK_EEXIST: the program has memory of that name. RK_ENOMEM, RK_EFULL as for
 * arrays. */
RK_EXPORT rk_status rk_memory_create(rk_memory *memory, const char *name, uint64_t size, rk_error *err);
/** The memory of that name. Python: SharedMemory(name). Who has been given the rk_memory itself need not attach.
 * @return RK_ENOENT: there is none. RK_EDEAD: rank 0, which knows the names, has died. */
RK_EXPORT rk_status rk_memory_attach(rk_memory *memory, const char *name, rk_error *err);
/** Python: shm.size, without its rounding to pages. */
RK_EXPORT rk_status rk_memory_size(rk_memory memory, uint64_t *size, rk_error *err);
/** The bytes themselves, on the home's node. Python: shm.buf.
 * @param p  aligned to a page; valid on this rank until it calls rk_memory_close, even if the memory is unlinked
 * @return RK_EUNSUPPORTED: it lives on another node */
RK_EXPORT rk_status rk_memory_pointer(rk_memory memory, void **p, rk_error *err);
/** Bytes offset ... offset + size - 1, from and to anywhere. Python: shm.buf[offset:offset + size].
 * @return RK_EINVAL: also for bytes that it does not have */
RK_EXPORT rk_status rk_memory_read(rk_memory memory, uint64_t offset, uint64_t size, void *bytes, rk_error *err);
RK_EXPORT rk_status rk_memory_write(rk_memory memory, uint64_t offset, uint64_t size, const void *bytes, rk_error *err);
/** This rank lets go of it: the pointers it has got are invalid from now on. A later call takes hold of it again, as
 * attaching again would. Python: shm.close().
 * @return RK_OK, also if it had no hold of it, and if it is unlinked or its home dead */
RK_EXPORT rk_status rk_memory_close(rk_memory memory, rk_error *err);
/** Its end, and that of its name; from any rank, once. Pointers stay usable until they are closed, as in Python; calls
 * by name or rk_memory return RK_ENOENT. Python: shm.unlink(). */
RK_EXPORT rk_status rk_memory_unlink(rk_memory memory, rk_error *err);

/* ---- a list of fixed length ---- */

typedef struct rk_shared_list {
    rk_ref ref;
} rk_shared_list;

typedef enum rk_shared_kind {
    RK_SHARED_NONE = 0,
    RK_SHARED_BOOL,
    RK_SHARED_INT,
    RK_SHARED_FLOAT,
    RK_SHARED_STRING,
    RK_SHARED_BYTES
} rk_shared_kind;

typedef struct rk_shared_item {
    rk_shared_kind kind;
    bool b;            /* RK_SHARED_BOOL */
    int64_t i;         /* RK_SHARED_INT */
    double f;          /* RK_SHARED_FLOAT */
    const void *bytes; /* RK_SHARED_STRING, RK_SHARED_BYTES */
    size_t size;       /* of bytes; without the NUL of a string. Bytes of 0 inside and at the end are kept */
} rk_shared_item;

/** Make a list on the calling rank. Python: ShareableList(items). An item's place is as large as Python makes it: 8
 * bytes, and for a string or bytes of n bytes the next multiple of 8 above n.
 * @return RK_EINVAL: also for an item of an unknown kind. RK_ENOMEM, RK_EFULL as for arrays. */
RK_EXPORT rk_status rk_shared_list_create(rk_shared_list *list, const rk_shared_item *items, uint64_t count,
                                          rk_error *err);
/** Python: len(list). */
RK_EXPORT rk_status rk_shared_list_length(rk_shared_list list, uint64_t *count, rk_error *err);
/** Python: list[index].
 * @param item    its bytes, if it has any, are in `buffer`, followed by a NUL
 * @param buffer  of buffer_size bytes; NULL and 0 if no text is expected
 * @return RK_EINVAL: no such index. RK_EOVERFLOW: the buffer is too small; item->size says what it must hold, besides
 * the NUL. */
RK_EXPORT rk_status rk_shared_list_get(rk_shared_list list, uint64_t index, rk_shared_item *item, void *buffer,
                                       size_t buffer_size, rk_error *err);
/** Python: list[index] = item; of any kind.
 * @return RK_EINVAL: no such index. RK_EOVERFLOW: the item's place is too small for it. */
RK_EXPORT rk_status rk_shared_list_set(rk_shared_list list, uint64_t index, const rk_shared_item *item, rk_error *err);
/** How many items are equal to this one: Python's list.count(item), where 1, 1.0 and true are equal. */
RK_EXPORT rk_status rk_shared_list_count(rk_shared_list list, const rk_shared_item *item, uint64_t *count,
                                         rk_error *err);
/** The first of them. Python: list.index(item). @return RK_ENOENT: also if there is none */
RK_EXPORT rk_status rk_shared_list_index(rk_shared_list list, const rk_shared_item *item, uint64_t *index,
                                         rk_error *err);
/** From any rank. Python: list.shm.unlink(). */
RK_EXPORT rk_status rk_shared_list_destroy(rk_shared_list list, rk_error *err);

/* ---- for one type ---- */

/* rk_value_get_i64(value, &x, err), rk_array_put_f64(array, first, count, x, err), ...: as above, for i32, i64, u64 and
 * f64, with the type checked by the compiler. */
#define RK__SHARED_OF(name, ctype, TYPE)                                                                               \
    static inline rk_status rk_value_create_##name(rk_value *value, ctype initial, rk_error *err) {                    \
        return rk_value_create(value, TYPE, &initial, err);                                                            \
    }                                                                                                                  \
    static inline rk_status rk_value_get_##name(rk_value value, ctype *x, rk_error *err) {                             \
        return rk_value_get(value, TYPE, x, err);                                                                      \
    }                                                                                                                  \
    static inline rk_status rk_value_set_##name(rk_value value, ctype x, rk_error *err) {                              \
        return rk_value_set(value, TYPE, &x, err);                                                                     \
    }                                                                                                                  \
    static inline rk_status rk_value_add_##name(rk_value value, ctype delta, ctype *before, rk_error *err) {           \
        return rk_value_add(value, TYPE, &delta, before, err);                                                         \
    }                                                                                                                  \
    static inline rk_status rk_value_exchange_##name(rk_value value, ctype x, ctype *before, rk_error *err) {          \
        return rk_value_exchange(value, TYPE, &x, before, err);                                                        \
    }                                                                                                                  \
    static inline rk_status rk_value_compare_swap_##name(rk_value value, ctype *expected, ctype x, bool *swapped,      \
                                                         rk_error *err) {                                              \
        return rk_value_compare_swap(value, TYPE, expected, &x, swapped, err);                                         \
    }                                                                                                                  \
    static inline rk_status rk_array_create_##name(rk_array *array, uint64_t count, const ctype *initial,              \
                                                   rk_error *err) {                                                    \
        return rk_array_create(array, TYPE, count, initial, err);                                                      \
    }                                                                                                                  \
    static inline rk_status rk_array_get_##name(rk_array array, uint64_t first, uint64_t count, ctype *x,              \
                                                rk_error *err) {                                                       \
        return rk_array_get(array, TYPE, first, count, x, err);                                                        \
    }                                                                                                                  \
    static inline rk_status rk_array_put_##name(rk_array array, uint64_t first, uint64_t count, const ctype *x,        \
                                                rk_error *err) {                                                       \
        return rk_array_put(array, TYPE, first, count, x, err);                                                        \
    }                                                                                                                  \
    static inline rk_status rk_array_add_##name(rk_array array, uint64_t index, ctype delta, ctype *before,            \
                                                rk_error *err) {                                                       \
        return rk_array_add(array, TYPE, index, &delta, before, err);                                                  \
    }                                                                                                                  \
    static inline rk_status rk_array_compare_swap_##name(rk_array array, uint64_t index, ctype *expected, ctype x,     \
                                                         bool *swapped, rk_error *err) {                               \
        return rk_array_compare_swap(array, TYPE, index, expected, &x, swapped, err);                                  \
    }
RK__SHARED_OF(i32, int32_t, RK_I32)
RK__SHARED_OF(i64, int64_t, RK_I64)
RK__SHARED_OF(u64, uint64_t, RK_U64)
RK__SHARED_OF(f64, double, RK_F64)
#undef RK__SHARED_OF

#ifdef __cplusplus
}
#endif
#endif
