/* A space in words: what its parameters are and along which axes they are swept. */
#ifndef RANKINE_SPACEOUT_H
#define RANKINE_SPACEOUT_H

#include "space/space.h"

/* Tables "parameters" and "axes", each with its heading; nothing where there are none. */
void rk__spaceout_print(rk__text *out, const rk__space *space);
/* "parameters": {name: {value, unit}}, "axes": [{name, kind, count, columns: [{name, unit, first, last}]}] */
void rk__spaceout_json(rk__json *json, const rk__space *space);

/* Where a task lies: "rho=28 sigma=10 replicate=3". */
void rk__spaceout_task(rk__text *out, const rk__space *space, uint64_t task);

#endif
