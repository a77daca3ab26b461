#include "made.h"

#include <stdlib.h>
#include <string.h>

typedef struct made_piece {
    struct made_piece *before;
    _Alignas(16) char bytes[];
} made_piece;

static made *newest;

made *made_begin(const rk_kernel *base, size_t params_size, size_t result_size) {
    made *m = calloc(1, sizeof *m);
    if (m == NULL)
        return NULL;
    m->kernel = *base;
    m->params_size = params_size;
    m->result_size = result_size;
    while (m->own_params < RK_PARAMS_MAX && base->params[m->own_params].name != NULL)
        m->own_params++;
    while (m->own_outputs < RK_OUTPUTS_MAX && base->outputs[m->own_outputs].name != NULL)
        m->own_outputs++;
    return m;
}

void *made_alloc(made *m, size_t size) {
    made_piece *piece = calloc(1, sizeof *piece + size);
    if (piece == NULL)
        return NULL;
    piece->before = m->pieces;
    m->pieces = piece;
    return piece->bytes;
}

char *made_text(made *m, const char *text, size_t length) {
    char *copy = made_alloc(m, length + 1);
    if (copy != NULL)
        memcpy(copy, text, length);
    return copy;
}

const rk_kernel *made_end(made *m) {
    m->kernel.params_size = m->params_size;
    m->kernel.result_size = m->result_size;
    m->before = newest;
    newest = m;
    return &m->kernel;
}

void made_drop(made *m) {
    while (m != NULL && m->pieces != NULL) {
        made_piece *piece = m->pieces;
        m->pieces = piece->before;
        free(piece);
    }
    free(m);
}

const made *made_current(void) {
    return newest;
}

/* Descriptions live until the shared object is unloaded. */
__attribute__((destructor)) static void drop_all(void) {
    while (newest != NULL) {
        made *m = newest;
        newest = m->before;
        made_drop(m);
    }
}
