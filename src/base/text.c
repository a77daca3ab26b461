#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(rk__text *text, size_t more) {
    if (text->failed)
        return false;
    size_t need = text->length + more + 1;
    if (need <= text->capacity)
        return true;
    size_t capacity = text->capacity ? text->capacity : 128;
    while (capacity < need)
        capacity *= 2;
    char *grown = realloc(text->data, capacity);
    if (grown == NULL) {
        text->failed = true;
        return false;
    }
    text->data = grown;
    text->capacity = capacity;
    return true;
}

void rk__text_add_bytes(rk__text *text, const char *bytes, size_t length) {
    if (!reserve(text, length))
        return;
    memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void rk__text_add(rk__text *text, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (length >= 0 && reserve(text, (size_t)length)) {
        vsnprintf(text->data + text->length, (size_t)length + 1, fmt, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

const char *rk__text_get(const rk__text *text) {
    return text->data ? text->data : "";
}

void rk__text_fini(rk__text *text) {
    free(text->data);
    *text = (rk__text)RK__TEXT_INIT;
}

rk_status rk__alloc(void **out, size_t count, size_t size, const char *what, rk_error *err) {
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (memory == NULL)
        return rk__fail(err, RK_ENOMEM, "no memory for %zu x %zu bytes of %s", count, size, what);
    *out = memory;
    return RK_OK;
}

char *rk__strdup(const char *text) {
    return text ? strdup(text) : NULL;
}
