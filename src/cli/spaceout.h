/* A space in words: what its parameters are and along which axes they are swept. */
#ifndef RANKINE_SPACEOUT_H
#define RANKINE_SPACEOUT_H

#include "kernel/loader.h"
#include "record/record.h"
#include "space/space.h"

/* Tables "parameters" and "axes", each with its heading; nothing where there are none. */
void rk__spaceout_print(rk__text *out, const rk__space *space);
/* "parameters": {name: {value, unit}}, "axes": [{name, kind, count, columns: [{name, unit, first, last}]}] */
void rk__spaceout_json(rk__json *json, const rk__space *space);

/* The space of a recorded run, made again. It borrows from the module, which is given back after it. Where the kernel
 * cannot be loaded, or is another now: *space is NULL. */
void rk__spaceout_load(const rk__identity *identity, const rk_kernel *const *linked, rk__module *module,
                       rk__space **space);

#endif
