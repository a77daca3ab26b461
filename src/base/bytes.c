#include <rankine/bytes.h>

#include <stdlib.h>

void rk_free(void *memory) {
    free(memory);
}
