/* Atomics on elements of any type: an integer or floating number, or a bool, of 1, 2, 4 or 8 bytes. Sequentially
 * consistent all of them: "one order for all" is what the header promises. */
#include <string.h>

#include "shared/shared_private.h"

#define WIDTH_MAP(X) X(8) X(16) X(32) X(64)

uint64_t rk__atom_bits(rk_type type, const void *element) {
    switch (rk__type_bytes(type)) {
#define TO_BITS(width)                                                                                                 \
    case (width) / 8: {                                                                                                \
        uint##width##_t bits;                                                                                          \
        memcpy(&bits, element, sizeof bits);                                                                           \
        return bits;                                                                                                   \
    }
        WIDTH_MAP(TO_BITS)
#undef TO_BITS
    default:
        return 0;
    }
}

void rk__atom_element(rk_type type, uint64_t word, void *element) {
    switch (rk__type_bytes(type)) {
#define TO_ELEMENT(width)                                                                                              \
    case (width) / 8: {                                                                                                \
        uint##width##_t bits = (uint##width##_t)word;                                                                  \
        memcpy(element, &bits, sizeof bits);                                                                           \
        return;                                                                                                        \
    }
        WIDTH_MAP(TO_ELEMENT)
#undef TO_ELEMENT
    default:
        return;
    }
}

#define APPLY(width)                                                                                                   \
    static uint64_t apply_##width(const rk__shared_step *step, void *memory, bool *swapped) {                          \
        _Atomic uint##width##_t *at = memory;                                                                          \
        uint##width##_t operand = (uint##width##_t)step->operand, found = (uint##width##_t)step->expected;             \
        switch ((rk__atom)step->atom) {                                                                                \
        case RK__ATOM_STORE:                                                                                           \
            atomic_store(at, operand);                                                                                 \
            return operand;                                                                                            \
        case RK__ATOM_ADD:                                                                                             \
            return atomic_fetch_add(at, operand);                                                                      \
        case RK__ATOM_EXCHANGE:                                                                                        \
            return atomic_exchange(at, operand);                                                                       \
        case RK__ATOM_SWAP_IF:                                                                                         \
            *swapped = atomic_compare_exchange_strong(at, &found, operand);                                            \
            return found;                                                                                              \
        case RK__ATOM_LOAD:                                                                                            \
            break;                                                                                                     \
        }                                                                                                              \
        return atomic_load(at);                                                                                        \
    }
WIDTH_MAP(APPLY)
#undef APPLY

static uint64_t add_f64(void *memory, uint64_t operand) {
    _Atomic uint64_t *at = memory;
    uint64_t found = atomic_load(at), wanted;
    double sum, delta;
    memcpy(&delta, &operand, sizeof delta);
    do {
        memcpy(&sum, &found, sizeof sum);
        sum += delta;
        memcpy(&wanted, &sum, sizeof wanted);
    } while (!atomic_compare_exchange_weak(at, &found, wanted));
    return found;
}

static uint64_t add_f32(void *memory, uint32_t operand) {
    _Atomic uint32_t *at = memory;
    uint32_t found = atomic_load(at), wanted;
    float sum, delta;
    memcpy(&delta, &operand, sizeof delta);
    do {
        memcpy(&sum, &found, sizeof sum);
        sum += delta;
        memcpy(&wanted, &sum, sizeof wanted);
    } while (!atomic_compare_exchange_weak(at, &found, wanted));
    return found;
}

uint64_t rk__atom_apply(const rk__shared_step *step, void *at, bool *swapped) {
    *swapped = false;
    if (step->atom == RK__ATOM_ADD && step->type == RK_F64)
        return add_f64(at, step->operand);
    if (step->atom == RK__ATOM_ADD && step->type == RK_F32)
        return add_f32(at, (uint32_t)step->operand);
    switch (rk__type_bytes((rk_type)step->type)) {
#define CASE(width)                                                                                                    \
    case (width) / 8:                                                                                                  \
        return apply_##width(step, at, swapped);
        WIDTH_MAP(CASE)
#undef CASE
    default:
        return 0;
    }
}
