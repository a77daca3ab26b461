#include "line.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(line *l, const char *bytes, size_t length) {
    if (l->used + length > l->room) {
        size_t room = 2 * (l->used + length) + 512;
        char *data = realloc(l->data, room);
        if (data == NULL) {
            l->failed = true;
            return;
        }
        l->data = data;
        l->room = room;
    }
    memcpy(l->data + l->used, bytes, length);
    l->used += length;
}

static void add_text(line *l, const char *text) {
    add(l, text, strlen(text));
}

static void add_u64(line *l, const char *before, uint64_t value) {
    char text[64];
    int length = snprintf(text, sizeof text, "%s%" PRIu64, before, value);
    add(l, text, (size_t)length);
}

/* Bytes of the UTF-8 sequence at `c` by table 3-7 of the Unicode standard, or 0. */
static size_t sequence(const unsigned char *c) {
    unsigned char least = 0x80, most = 0xbf;
    size_t length = c[0] < 0x80 ? 1 : c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : c[0] < 0xf5 ? 4 : 0;
    least = c[0] == 0xe0 ? 0xa0 : c[0] == 0xf0 ? 0x90 : least;
    most = c[0] == 0xed ? 0x9f : c[0] == 0xf4 ? 0x8f : most;
    for (size_t i = 1; i < length; i++) {
        if (c[i] < least || c[i] > most)
            return 0;
        least = 0x80;
        most = 0xbf;
    }
    return length;
}

/* A byte that is no UTF-8 becomes the lone surrogate U+DC00 + byte: Python's "surrogateescape" has it back. */
static void add_string(line *l, const char *text) {
    char escape[16];
    add(l, "\"", 1);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0';) {
        size_t length = sequence(c);
        if (length > 0 && *c >= ' ' && *c != '"' && *c != '\\') {
            add(l, (const char *)c, length);
            c += length;
            continue;
        }
        if (*c == '"' || *c == '\\')
            snprintf(escape, sizeof escape, "\\%c", *c);
        else
            snprintf(escape, sizeof escape, "\\u%04x", length > 0 ? (unsigned)*c : 0xdc00u + *c);
        add_text(l, escape);
        c++;
    }
    add(l, "\"", 1);
}

static void add_params(line *l, const made *m, const void *params) {
    const rk_param *all = m->kernel.params + m->own_params;
    char buffer[PARAMETER_TEXT_MAX];
    add_text(l, ",\"params\":{");
    for (size_t i = 0; m->own_params + i < RK_PARAMS_MAX && all[i].name != NULL; i++) {
        const char *value = parameters_text(m, i, params, buffer);
        add_text(l, i > 0 ? ",\"" : "\"");
        add_text(l, all[i].name);
        add_text(l, "\":");
        if (all[i].type == RK_STRING)
            add_string(l, value);
        else
            add_text(l, value);
    }
    add(l, "}", 1);
}

static void add_shared(line *l, const made *m, const shared *s) {
    bool first = true;
    add_text(l, ",\"shared\":{\"path\":");
    add_string(l, s->path);
    add_u64(l, ",\"bytes\":", s->size);
    add_text(l, ",\"offsets\":{");
    for (size_t o = 0; o < RK_OUTPUTS_MAX && m->kernel.outputs[o].name != NULL; o++) {
        if (!m->kernel.outputs[o].is_row)
            continue;
        add_text(l, first ? "\"" : ",\"");
        add_text(l, m->kernel.outputs[o].name);
        add_u64(l, "\":", s->results.at[o]);
        first = false;
    }
    add_text(l, "}}");
}

void line_write(line *l, const made *m, const rk_task *task, const void *params, const shared *s) {
    rk_random random = rk_random_stream(task, 0);
    l->used = 0;
    l->failed = false;
    add_u64(l, "{\"task\":", task->index);
    add_u64(l, ",\"seed\":", rk_random_u64(&random) >> 1);
    add_u64(l, ",\"attempt\":", task->attempt > 0 ? task->attempt : 1);
    add_params(l, m, params);
    if (s != NULL)
        add_shared(l, m, s);
    add_text(l, "}\n");
}

void line_fini(line *l) {
    free(l->data);
    *l = (line){0};
}
