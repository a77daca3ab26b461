/* Naming a function walks the list of loaded objects, as slow as the whole way of a task: each is remembered in the
 * place its address hashes to. */
#include "pool/pool_private.h"

static size_t place_of(uint64_t key) {
    return (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 58); /* Fibonacci hashing: Knuth, TAOCP 3, 6.4 */
}

rk_status rk__pool_name(rk__pools *room, rk_function function, rk__function_name *name, rk_error *err) {
    rk__known_name *known = &room->by_function[place_of((uint64_t)(uintptr_t)function)];
    if (function == NULL || known->function != function) {
        RK_TRY(rk__function_name_of(function, name, err));
        *known = (rk__known_name){function, *name};
    }
    *name = known->name;
    return RK_OK;
}

rk_status rk__pool_function(rk__pools *room, const rk__function_name *name, rk_function *function, rk_error *err) {
    rk__known_name *known = &room->by_name[place_of(name->offset + name->object)];
    if (known->function == NULL || known->name.object != name->object || known->name.offset != name->offset) {
        rk_function found;
        RK_TRY(rk__function_find(name, &found, err));
        *known = (rk__known_name){found, *name};
    }
    *function = known->function;
    return RK_OK;
}
