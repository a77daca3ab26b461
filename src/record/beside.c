#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "record/record_private.h"

enum { NAME_LENGTH_MAX = 255 };

void rk__path_beside(const char *path, const char *suffix, char out[RK__BESIDE_MAX]) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    int directory = (int)(name - path);
    if (strlen(name) + strlen(suffix) + 2 <= NAME_LENGTH_MAX)
        snprintf(out, RK__BESIDE_MAX, "%.*s.%s.%s", directory, path, name, suffix);
    else
        snprintf(out, RK__BESIDE_MAX, "%.*s.%016" PRIx64 ".%s", directory, path, rk__hash64(name, strlen(name), 0),
                 suffix);
}
