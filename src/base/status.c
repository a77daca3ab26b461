#include "base/base.h"

#include <stdio.h>
#include <string.h>

static const char unknown[] = "unknown status";

const char *rk_status_name(rk_status status) {
    switch (status) {
#define NAME_CASE(name, number, text)                                                                                  \
    case RK_##name:                                                                                                    \
        return #name;
        RK_STATUS_MAP(NAME_CASE)
#undef NAME_CASE
    }
    return unknown;
}

const char *rk_status_text(rk_status status) {
    switch (status) {
#define TEXT_CASE(name, number, text)                                                                                  \
    case RK_##name:                                                                                                    \
        return text;
        RK_STATUS_MAP(TEXT_CASE)
#undef TEXT_CASE
    }
    return unknown;
}

char *rk__format_status(rk_status status, char *buffer, size_t size) {
    const char *name = rk_status_name(status);
    if (name != unknown)
        snprintf(buffer, size, "RK_%s: %s", name, rk_status_text(status));
    else
        snprintf(buffer, size, "%d, which is no rk_status", (int)status);
    return buffer;
}

rk_status rk__fail(rk_error *err, rk_status code, const char *fmt, ...) {
    if (err == NULL)
        return code;
    err->code = code;
    err->rank = -1;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->message, sizeof err->message, fmt, args);
    va_end(args);
    return code;
}

rk_status rk__prefix(rk_error *err, const char *fmt, ...) {
    if (err == NULL)
        return RK_EINVAL;
    char text[RK_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    int used = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (used > 0 && (size_t)used < sizeof text)
        snprintf(text + used, sizeof text - (size_t)used, "%.*s", (int)(sizeof text - 1 - (size_t)used), err->message);
    memcpy(err->message, text, sizeof text);
    return err->code;
}

void rk__error_clear(rk_error *err) {
    if (err != NULL)
        *err = (rk_error)RK_ERROR_INIT;
}

const char *rk__errno_text(int errnum) {
    static _Thread_local char text[128];
#if defined(__GLIBC__) && defined(_GNU_SOURCE)
    return strerror_r(errnum, text, sizeof text);
#else
    if (strerror_r(errnum, text, sizeof text) != 0)
        snprintf(text, sizeof text, "error %d", errnum);
    return text;
#endif
}
