/* src/kernel: finding, loading and checking kernels; their random numbers.
 *
 * A kernel is linked in or comes from a shared object; Rankine's own are shared objects like any other. A name without
 * a slash is looked for among the linked-in ones, then as NAME.so along RANKINE_KERNEL_PATH (colon-separated), then in
 * the directories relative to the running binary: ../lib/rankine/kernels (installed) and kernels (build tree), then the
 * installed absolute path. Anything with a slash or ending in .so is a path.
 *
 * The floating-point environment is restored after dlopen: an object built with -Ofast flips flush-to-zero for the
 * process. */
#ifndef RANKINE_LOADER_H
#define RANKINE_LOADER_H

#include <rankine/kernel.h>

#include "base/base.h"

typedef struct rk__module {
    const rk_kernel *kernel; /* of a maker: what is always there, until rk__module_make */
    rk_make_fn make;         /* NULL: the description is the same for all that the user may set */
    void *handle;            /* NULL: linked in */
    char *path;              /* absolute; NULL: linked in */
    uint64_t content[2];     /* XXH3-128 of the file; of the running binary if linked in */
} rk__module;

/* `linked`: NULL-terminated array, or NULL. Not collective. Messages name the path tried, and what is wrong with the
 * file: not found (the search path, and the nearest name found), not a shared object, no kernel in it, another ABI
 * (both numbers). */
rk_status rk__module_load(rk__module *out, const char *name, const rk_kernel *const *linked, rk_error *err);
void rk__module_unload(rk__module *module);
/* Who hears what a maker has to say when a run begins. */
typedef struct rk__listener {
    void (*hear)(void *ctx, const char *text); /* NULL: nobody */
    void *ctx;
} rk__listener;
/* Of a module with a maker: the kernel for what the user set. `listener` NULL: no run begins with it. RK_EINVAL with
 * the maker's message, or from rk__kernel_check. */
rk_status rk__module_make(rk__module *module, const rk_given *given, size_t count, const rk__listener *listener,
                          rk_error *err);
/* Is the description sound? Names are C identifiers and unique over parameters, outputs, planned axes, reductions
 * apart; sizes match types; presets parse; reductions name outputs; run or run_batch is there. RK_EINVAL: "kernel 'x':
 * output 'y': …". */
rk_status rk__kernel_check(const rk_kernel *kernel, rk_error *err);
size_t rk__kernel_param_count(const rk_kernel *kernel);
size_t rk__kernel_output_count(const rk_kernel *kernel);
size_t rk__kernel_reduction_count(const rk_kernel *kernel);
/* Hash of everything in the description that a user sees: names, types, units, shapes, presets, reductions. */
void rk__kernel_fingerprint(const rk_kernel *kernel, uint64_t out[2]);

typedef struct rk__module_entry {
    char *name, *path, *summary;
} rk__module_entry; /* path NULL: linked in */
/* Every kernel on the search path, sorted by name, first one of a name wins; entries that fail to load have summary
 * "cannot be loaded: …". Caller frees with rk__module_list_free. */
rk_status rk__module_list(rk__module_entry **out, size_t *count, const rk_kernel *const *linked, rk_error *err);
void rk__module_list_free(rk__module_entry *entries, size_t count);

/* Philox4x64-10 by Random123. */
void rk__philox(const uint64_t key[2], const uint64_t counter[4], uint64_t out[4]);

#endif
