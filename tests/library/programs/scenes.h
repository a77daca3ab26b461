/* Programs of scenes: `program <scene>` has root play one of them. */
#ifndef SCENES_H
#define SCENES_H

#include <stdio.h>
#include <string.h>

#include <rankine/status.h>

typedef struct scene {
    const char *name;
    rk_status (*play)(rk_error *err);
} scene;

static inline rk_status play_scene(const scene *scenes, size_t count, int argc, char **argv, rk_error *err) {
    for (size_t i = 0; argc > 1 && i < count; i++)
        if (strcmp(argv[1], scenes[i].name) == 0)
            return scenes[i].play(err);
    snprintf(err->message, sizeof err->message, "which scene?");
    return RK_EINVAL;
}

/* A call has returned something else than it should. */
static inline rk_status complain(rk_error *err, const char *call, double with, rk_status got, rk_status wanted) {
    char why[256];
    snprintf(why, sizeof why, "%.200s", err->message);
    snprintf(err->message, sizeof err->message, "%s with %g: RK_%s, not RK_%s (%s)", call, with, rk_status_name(got),
             rk_status_name(wanted), why);
    return RK_EMISMATCH;
}

#endif
