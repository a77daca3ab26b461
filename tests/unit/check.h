/* cmocka's asserts leave by longjmp, which only the main thread may do: ranks that are threads, or processes, end
 * here. */
#ifndef RANKINE_TEST_CHECK_H
#define RANKINE_TEST_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { FIXTURE_RANKS_MAX = 64 };

#endif
