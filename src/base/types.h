/* Names and sizes of the types and operators that rankine/kernel.h declares. */
#ifndef RANKINE_TYPES_H
#define RANKINE_TYPES_H

#include <rankine/kernel.h>

/* Bytes of one element of an output; 0 for what no output can be. */
size_t rk__type_bytes(rk_type type);
/* "f64", "u8", "bool", "string", …; "?" for none. Static. */
const char *rk__type_name(rk_type type);
/* The type of that name, or 0. */
rk_type rk__type_from_name(const char *name);
bool rk__type_is_float(rk_type type);
bool rk__type_is_integer(rk_type type); /* the eight integers; not RK_BOOL */
/* "sum", "mean", "argmin", …; "?" for none. Static. */
const char *rk__op_name(rk_op op);

#endif
