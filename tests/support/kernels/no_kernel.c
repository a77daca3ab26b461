/* A shared object like any other: it has no kernel. */
#include <rankine/status.h>

RK_EXPORT int not_a_kernel(void);
RK_EXPORT int not_a_kernel(void) {
    return 0;
}
