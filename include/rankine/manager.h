/* Rankine: dictionaries, lists and namespaces that all ranks share, as Python's multiprocessing.Manager has them. Who
 * may call, what objects are and how waiting goes: <rankine/program.h>.
 *
 * They live in the memory of the rank that made them, which serves the others also while it computes; no manager has
 * to be started. Each function is one step that others see done or not done. Keys and values are bytes; numbers are the
 * 8 bytes of an int64_t or a double, text is kept without its end. What a function allocates is the caller's: rk_free,
 * rk_items_free.
 *
 * Where Python differs: values are bytes and not objects, so a change of a value is a set of the whole, or one of
 * rk_dict_replace_if and rk_dict_add_i64, which nobody can come in between.
 *
 * All return RK_OK, RK_ENOENT if the object was destroyed, RK_EDEAD if its rank has died, RK_ECANCELLED if the calling
 * function was told to end, RK_ENOMEM, RK_EINVAL if it is no object of the kind, RK_EPERM; and what else is said. */
#ifndef RANKINE_MANAGER_H
#define RANKINE_MANAGER_H

#include <rankine/bytes.h>
#include <rankine/program.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A copy of what was in an object at one moment. Aligned for any type. */
typedef struct rk_items {
    size_t count;
    rk_bytes *keys;   /* [count], NULL for a list */
    rk_bytes *values; /* [count], NULL where only keys were asked for */
    void *own;        /* private to Rankine */
} rk_items;

/** Free what is in it; it is empty then. */
RK_EXPORT void rk_items_free(rk_items *items);

/* ---- dictionaries; keys come in the order in which they were first set ---- */

typedef struct rk_dict {
    rk_ref ref;
} rk_dict;

/** An empty dictionary on the calling rank. Python: Manager().dict(). */
RK_EXPORT rk_status rk_dict_create(rk_dict *dict, rk_error *err);
RK_EXPORT rk_status rk_dict_destroy(rk_dict dict, rk_error *err);

/** d[key] = value */
RK_EXPORT rk_status rk_dict_set(rk_dict dict, rk_bytes key, rk_bytes value, rk_error *err);
/** d[key]. @param size  may be NULL, as of all values here. @return also RK_ENOENT: no such key (Python: KeyError) */
RK_EXPORT rk_status rk_dict_get(rk_dict dict, rk_bytes key, void **value, size_t *size, rk_error *err);
/** del d[key]. @return also RK_ENOENT: no such key */
RK_EXPORT rk_status rk_dict_delete(rk_dict dict, rk_bytes key, rk_error *err);
/** key in d */
RK_EXPORT rk_status rk_dict_contains(rk_dict dict, rk_bytes key, bool *contains, rk_error *err);
/** d.pop(key). @return also RK_ENOENT: no such key */
RK_EXPORT rk_status rk_dict_pop(rk_dict dict, rk_bytes key, void **value, size_t *size, rk_error *err);
/** d.setdefault(key, value): set if there is none.
 * @param now  the value that is there now; NULL: of no interest, as is size */
RK_EXPORT rk_status rk_dict_setdefault(rk_dict dict, rk_bytes key, rk_bytes value, void **now, size_t *size,
                                       rk_error *err);
/** Set the key's value if it is `expected`, byte by byte.
 * @param replaced  whether it was. @return also RK_ENOENT: no such key */
RK_EXPORT rk_status rk_dict_replace_if(rk_dict dict, rk_bytes key, rk_bytes expected, rk_bytes value, bool *replaced,
                                       rk_error *err);
/** Add to an int64_t, modulo 2^64; a key that is not there counts as 0 (as in collections.Counter).
 * @param sum  may be NULL. @return also RK_EINVAL: the value is no number of 8 bytes */
RK_EXPORT rk_status rk_dict_add_i64(rk_dict dict, rk_bytes key, int64_t delta, int64_t *sum, rk_error *err);
/** len(d) */
RK_EXPORT rk_status rk_dict_length(rk_dict dict, size_t *length, rk_error *err);
/** list(d.keys()), list(d.items()) */
RK_EXPORT rk_status rk_dict_keys(rk_dict dict, rk_items *items, rk_error *err);
RK_EXPORT rk_status rk_dict_items(rk_dict dict, rk_items *items, rk_error *err);
RK_EXPORT rk_status rk_dict_clear(rk_dict dict, rk_error *err);

/** As rk_dict_set and rk_dict_get. @return also RK_EINVAL: the value is no number of 8 bytes */
RK_EXPORT rk_status rk_dict_set_i64(rk_dict dict, rk_bytes key, int64_t value, rk_error *err);
RK_EXPORT rk_status rk_dict_set_f64(rk_dict dict, rk_bytes key, double value, rk_error *err);
RK_EXPORT rk_status rk_dict_set_text(rk_dict dict, rk_bytes key, const char *value, rk_error *err);
RK_EXPORT rk_status rk_dict_get_i64(rk_dict dict, rk_bytes key, int64_t *value, rk_error *err);
RK_EXPORT rk_status rk_dict_get_f64(rk_dict dict, rk_bytes key, double *value, rk_error *err);
/** @param value  ends with '\0'; to be freed with rk_free */
RK_EXPORT rk_status rk_dict_get_text(rk_dict dict, rk_bytes key, char **value, rk_error *err);

/* ---- lists; an index counts from 0, or from the end if it is negative: -1 is the last ---- */

typedef struct rk_list {
    rk_ref ref;
} rk_list;

/** An empty list on the calling rank. Python: Manager().list(). */
RK_EXPORT rk_status rk_list_create(rk_list *list, rk_error *err);
RK_EXPORT rk_status rk_list_destroy(rk_list list, rk_error *err);

RK_EXPORT rk_status rk_list_append(rk_list list, rk_bytes value, rk_error *err);
/** l.extend(values): all of them, with nothing in between. */
RK_EXPORT rk_status rk_list_extend(rk_list list, const rk_bytes *values, size_t count, rk_error *err);
/** l.insert(index, value): before that one; beyond the ends, at the end. */
RK_EXPORT rk_status rk_list_insert(rk_list list, int64_t index, rk_bytes value, rk_error *err);
/** l[index], l[index] = value, l.pop(index), del l[index].
 * @return also RK_EINVAL: no such element (Python: IndexError) */
RK_EXPORT rk_status rk_list_get(rk_list list, int64_t index, void **value, size_t *size, rk_error *err);
RK_EXPORT rk_status rk_list_set(rk_list list, int64_t index, rk_bytes value, rk_error *err);
RK_EXPORT rk_status rk_list_pop(rk_list list, int64_t index, void **value, size_t *size, rk_error *err);
RK_EXPORT rk_status rk_list_delete(rk_list list, int64_t index, rk_error *err);
/** l.index(value): the first that is equal, byte by byte. @return also RK_ENOENT: none is (Python: ValueError) */
RK_EXPORT rk_status rk_list_index(rk_list list, rk_bytes value, size_t *index, rk_error *err);
/** len(l) */
RK_EXPORT rk_status rk_list_length(rk_list list, size_t *length, rk_error *err);
/** list(l) */
RK_EXPORT rk_status rk_list_items(rk_list list, rk_items *items, rk_error *err);
RK_EXPORT rk_status rk_list_clear(rk_list list, rk_error *err);

RK_EXPORT rk_status rk_list_append_i64(rk_list list, int64_t value, rk_error *err);
RK_EXPORT rk_status rk_list_append_f64(rk_list list, double value, rk_error *err);
RK_EXPORT rk_status rk_list_append_text(rk_list list, const char *value, rk_error *err);
/** As rk_list_get. @return also RK_EINVAL: the element is no number of 8 bytes */
RK_EXPORT rk_status rk_list_get_i64(rk_list list, int64_t index, int64_t *value, rk_error *err);
RK_EXPORT rk_status rk_list_get_f64(rk_list list, int64_t index, double *value, rk_error *err);
RK_EXPORT rk_status rk_list_get_text(rk_list list, int64_t index, char **value, rk_error *err);

/* ---- namespaces: attributes by name ---- */

typedef struct rk_namespace {
    rk_ref ref;
} rk_namespace;

/** No attributes, on the calling rank. Python: Manager().Namespace(). */
RK_EXPORT rk_status rk_namespace_create(rk_namespace *space, rk_error *err);
RK_EXPORT rk_status rk_namespace_destroy(rk_namespace space, rk_error *err);

/** ns.name = value, ns.name, del ns.name, hasattr(ns, name).
 * @return get and delete also RK_ENOENT: no such attribute (Python: AttributeError) */
RK_EXPORT rk_status rk_namespace_set(rk_namespace space, const char *name, rk_bytes value, rk_error *err);
RK_EXPORT rk_status rk_namespace_get(rk_namespace space, const char *name, void **value, size_t *size, rk_error *err);
RK_EXPORT rk_status rk_namespace_delete(rk_namespace space, const char *name, rk_error *err);
RK_EXPORT rk_status rk_namespace_has(rk_namespace space, const char *name, bool *has, rk_error *err);
/** Names and values, in the order in which they were first set. Python: vars(ns). */
RK_EXPORT rk_status rk_namespace_items(rk_namespace space, rk_items *items, rk_error *err);

/** As rk_namespace_set and rk_namespace_get. @return also RK_EINVAL: the value is no number of 8 bytes */
RK_EXPORT rk_status rk_namespace_set_i64(rk_namespace space, const char *name, int64_t value, rk_error *err);
RK_EXPORT rk_status rk_namespace_set_f64(rk_namespace space, const char *name, double value, rk_error *err);
RK_EXPORT rk_status rk_namespace_set_text(rk_namespace space, const char *name, const char *value, rk_error *err);
RK_EXPORT rk_status rk_namespace_get_i64(rk_namespace space, const char *name, int64_t *value, rk_error *err);
RK_EXPORT rk_status rk_namespace_get_f64(rk_namespace space, const char *name, double *value, rk_error *err);
RK_EXPORT rk_status rk_namespace_get_text(rk_namespace space, const char *name, char **value, rk_error *err);

#ifdef __cplusplus
}
#endif
#endif
