/* What tests of the launcher share: a relay of so many ranks, and what came of it. */
#ifndef RANKINE_TEST_LAUNCH_FIXTURE_H
#define RANKINE_TEST_LAUNCH_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "world/launch_private.h"
#include "world/launch_relay.h"

#define SECOND UINT64_C(1000000000)

#define SECRET "0123456789abcdef"
enum { RANKS = 8 };
static const char secret[] = SECRET;

static inline void begin(rk__relay *relay) {
    assert_int_equal(rk__relay_init(relay, RANKS, secret, NULL), RK_OK);
}

/* The whole of what came, and what is given out of it. */
static inline void assert_relayed(rk__relay *relay, const char *expected) {
    rk__relay_end(relay);
    assert_string_equal(rk__text_get(&relay->lines.output.text), expected);
    rk__relay_fini(relay);
}

static inline void add_cut(rk__relay *relay, const char *input, size_t length, size_t cut) {
    rk__relay_add(relay, input, cut, 0);
    rk__relay_add(relay, input + cut, length - cut, 0);
}

#endif
