#include "mail/object.h"

#include <string.h>

const char *rk__kind_text(uint32_t kind) {
    switch (kind) {
#define KIND_CASE(name, number, text)                                                                                  \
    case (number):                                                                                                     \
        return text;
        RK__KIND_MAP(KIND_CASE)
#undef KIND_CASE
    default:
        return "object of an unknown kind";
    }
}

rk_status rk__ref_check(rk__mail *mail, rk_ref ref, rk__kind kind, rk_error *err) {
    const char *wanted = rk__kind_text(kind);
    if (ref.serial == 0)
        return rk__fail(err, RK_EINVAL, "this %s was never made: call its create function first", wanted);
    if (ref.kind != (uint32_t)kind)
        return rk__fail(err, RK_EINVAL, "this is no %s, but %s %s", wanted,
                        strchr("aeiou", *rk__kind_text(ref.kind)) != NULL ? "an" : "a", rk__kind_text(ref.kind));
    if (ref.home >= rk__mail_endpoints(mail))
        return rk__fail(err, RK_EINVAL, "this %s is of process %u, of which this program has none", wanted, ref.home);
    rk_status status = rk__mail_look_for(mail, ref.home);
    if (status == RK_EDEAD)
        return rk__fail(err, status, "process %u, where this %s lived, has died", ref.home, wanted);
    return status == RK_OK ? RK_OK : rk__fail(err, status, "%s", rk_status_text(status));
}
