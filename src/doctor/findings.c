#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor.h"

const char *rk__severity_name(rk__severity severity) {
    static const char *const names[] = {"error", "warning", "note"}; /* in the order of rk__severity */
    return names[severity];
}

/* Behind those that are as bad or worse. */
static rk__finding *make_place(rk__findings *to, rk__severity severity) {
    rk__finding *grown = realloc(to->items, (to->count + 1) * sizeof *grown);
    if (grown == NULL)
        return NULL;
    to->items = grown;
    size_t at = to->count++;
    for (; at > 0 && grown[at - 1].severity > severity; at--)
        grown[at] = grown[at - 1];
    grown[at] = (rk__finding){.severity = severity};
    return &grown[at];
}

void rk__finding_add(rk__findings *to, rk__severity severity, const char *fmt, ...) {
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    char *remedy = strchr(text, '\n');
    if (remedy != NULL)
        *remedy++ = '\0';
    rk__finding *finding = make_place(to, severity);
    if (finding == NULL) {
        to->failed = true;
        return;
    }
    finding->what = rk__strdup(text);
    finding->remedy = rk__strdup(remedy != NULL ? remedy : "");
    to->failed = to->failed || finding->what == NULL || finding->remedy == NULL;
}

size_t rk__findings_wrong(const rk__findings *findings) {
    size_t wrong = 0;
    for (size_t i = 0; i < findings->count; i++)
        wrong += findings->items[i].severity != RK__SEVERITY_NOTE;
    return wrong;
}

void rk__findings_fini(rk__findings *findings) {
    for (size_t i = 0; i < findings->count; i++) {
        free(findings->items[i].what);
        free(findings->items[i].remedy);
    }
    free(findings->items);
    *findings = (rk__findings){0};
}

/* ---- from one process to another ---- */

#define BETWEEN_PARTS "\x1f" /* ASCII's own separators: "unit", "record" */
#define BETWEEN_ITEMS "\x1e"

void rk__findings_pack(const rk__findings *findings, rk__text *out) {
    for (size_t i = 0; i < findings->count; i++)
        rk__text_add(out, "%d%s" BETWEEN_PARTS "%s" BETWEEN_ITEMS, (int)findings->items[i].severity,
                     findings->items[i].what, findings->items[i].remedy);
}

void rk__findings_unpack(const char *packed, rk__findings *to) {
    while (*packed != '\0') {
        size_t length = strcspn(packed, BETWEEN_ITEMS), what = strcspn(packed, BETWEEN_PARTS);
        if (what > 0 && what < length)
            rk__finding_add(to, (rk__severity)(*packed - '0'), "%.*s\n%.*s", (int)(what - 1), packed + 1,
                            (int)(length - what - 1), packed + what + 1);
        packed += length + (packed[length] != '\0');
    }
}
