#include "cli/display.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/quote.h"
#include "cli/spaceout.h"
#include "kernel/loader.h"

/* ---- numbers ---- */

static char *format_f32(float value, char *buffer, size_t size) {
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(buffer, size, "%.*g", digits, (double)value);
        if (isnan(value) || strtof(buffer, NULL) == value)
            break;
    }
    if (strchr(buffer, 'e') != NULL && value == truncf(value) && fabsf(value) < 1e7f)
        snprintf(buffer, size, "%.0f", (double)value); /* 20, not 2e+01 */
    return buffer;
}

char *rk__display_element(rk_type type, const void *array, uint64_t i, char *buffer, size_t size) {
    switch (type) {
    case RK_F64:
        return rk__format_f64(((const double *)array)[i], buffer, size);
    case RK_F32:
        return format_f32(((const float *)array)[i], buffer, size);
#define INTEGER_CASE(type, c_type, format)                                                                             \
    case type:                                                                                                         \
        snprintf(buffer, size, "%" format, ((const c_type *)array)[i]);                                                \
        return buffer;
        INTEGER_CASE(RK_I8, int8_t, PRId8)
        INTEGER_CASE(RK_U8, uint8_t, PRIu8)
        INTEGER_CASE(RK_I16, int16_t, PRId16)
        INTEGER_CASE(RK_U16, uint16_t, PRIu16)
        INTEGER_CASE(RK_I32, int32_t, PRId32)
        INTEGER_CASE(RK_U32, uint32_t, PRIu32)
        INTEGER_CASE(RK_I64, int64_t, PRId64)
        INTEGER_CASE(RK_U64, uint64_t, PRIu64)
#undef INTEGER_CASE
    case RK_BOOL:
        snprintf(buffer, size, "%s", ((const uint8_t *)array)[i] ? "yes" : "no");
        return buffer;
    default:
        snprintf(buffer, size, "?");
        return buffer;
    }
}

char *rk__display_number_of(uint64_t count, const char *what, char *buffer, size_t size) {
    snprintf(buffer, size, "%" PRIu64 " %s%s", count, what, count == 1 ? "" : "s");
    return buffer;
}

int rk__display_percent(uint64_t done, uint64_t total) {
    if (done >= total)
        return 100;
    double percent = 100 * ((double)done / (double)total);
    return percent < 99 ? (int)percent : 99;
}

char *rk__display_rate(double rate, char *buffer, size_t size) {
    if (!isfinite(rate))
        snprintf(buffer, size, "?");
    else if (rate < 9.95)
        snprintf(buffer, size, "%.2g", rate);
    else
        rk__format_count(rate, buffer, size);
    return buffer;
}

/* ---- files ---- */

const char *rk__display_path(const char *path) {
    char here[4096];
    if (path[0] != '/' || getcwd(here, sizeof here) == NULL)
        return path;
    size_t length = strlen(here);
    bool below = strncmp(path, here, length) == 0 && path[length] == '/' && path[length + 1] != '\0';
    return below ? path + length + 1 : path;
}

char *rk__display_file_size(const char *path, char *buffer, size_t size) {
    struct stat status;
    if (stat(path, &status) != 0) {
        snprintf(buffer, size, "%s", "");
        return buffer;
    }
    uint64_t bytes = (uint64_t)status.st_size, on_disk = (uint64_t)status.st_blocks * 512;
    char apparent[32], real[32];
    rk__format_bytes(bytes, apparent, sizeof apparent);
    if (on_disk < bytes / 2)
        snprintf(buffer, size, "%s, %s of it on disk", apparent, rk__format_bytes(on_disk, real, sizeof real));
    else
        snprintf(buffer, size, "%s", apparent);
    return buffer;
}

void rk__display_fact(rk__text *out, const char *label, const char *fmt, ...) {
    char text[4608];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    rk__text_add(out, "  %-11s %s\n", label, text);
}

/* ---- results ---- */

static const void *field_data(const rk__result_field *field, const void *results) {
    return (const char *)results + field->offset;
}

/* As many elements as fit `room`, and how many there are if not all do. */
static void add_array(rk__text *out, const rk__result_field *field, const void *data, size_t room) {
    char element[40], rest[48];
    rk__text line = RK__TEXT_INIT;
    snprintf(rest, sizeof rest, " ... (%" PRIu64 " values)", field->count);
    uint64_t i = 0;
    for (; i < field->count; i++) {
        rk__display_element(field->type, data, i, element, sizeof element);
        size_t tail = i + 1 == field->count ? 0 : strlen(rest);
        if (line.length + (i > 0) + strlen(element) + tail > room)
            break;
        rk__text_add(&line, "%s%s", i > 0 ? " " : "", element);
    }
    rk__text_add(out, "%s%s\n", rk__text_get(&line), i < field->count ? rest : "");
    rk__text_fini(&line);
}

void rk__display_cut(rk__text *out, const char *text, size_t room) {
    size_t length = strlen(text);
    if (length <= room) {
        rk__text_add_bytes(out, text, length);
        return;
    }
    length = room > 3 ? room - 3 : 0;
    while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--;
    rk__text_add_bytes(out, text, length);
    rk__text_add(out, "%.*s", room < 3 ? (int)room : 3, "...");
}

static bool has_unit(const char *unit) {
    return unit != NULL && *unit != '\0' && strcmp(unit, "1") != 0;
}

static void drop_trailing_spaces(rk__text *text) {
    while (text->length > 0 && text->data[text->length - 1] == ' ')
        text->data[--text->length] = '\0';
}

typedef struct widths {
    size_t name, value, unit;
} widths;

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static widths measure(const rk__schema *schema, const void *results) {
    widths w = {10, 0, 0}; /* values stand below those of the facts */
    for (size_t i = 0; i < schema->field_count; i++) {
        const rk__result_field *field = &schema->fields[i];
        char value[40];
        w.name = larger(w.name, strlen(field->name));
        if (field->count != 1)
            continue;
        rk__display_element(field->type, field_data(field, results), 0, value, sizeof value);
        w.value = larger(w.value, strlen(value));
        if (has_unit(field->unit))
            w.unit = larger(w.unit, strlen(field->unit));
    }
    return w;
}

/* Where the task lies that RK_ARGMIN or RK_ARGMAX found. Values given by tasks have places of their own. */
static bool add_place(rk__text *out, const rk__space *space, const rk__result_field *field, const void *data) {
    uint64_t task;
    for (size_t r = 0; space != NULL && space->axis_count > 0 && r < rk__kernel_reduction_count(space->kernel); r++) {
        const rk_reduction *reduction = &space->kernel->reduce[r];
        if (strcmp(reduction->name, field->name) != 0 || reduction->output == NULL || field->type != RK_U64 ||
            (reduction->op != RK_ARGMIN && reduction->op != RK_ARGMAX))
            continue;
        memcpy(&task, data, sizeof task);
        if (task >= space->tasks)
            return false;
        rk__text_add(out, "task at ");
        rk__space_where(out, space, task);
        return true;
    }
    return false;
}

static void add_result(rk__text *out, const rk__result_field *field, const void *data, const rk__space *space,
                       widths w) {
    size_t begin = out->length;
    rk__text_add(out, "  %-*s  ", (int)w.name, field->name);
    size_t used = out->length - begin;
    if (field->count != 1) {
        add_array(out, field, data, used < RK__DISPLAY_COLUMNS ? RK__DISPLAY_COLUMNS - used : 0);
        return;
    }
    char value[40];
    rk__display_element(field->type, data, 0, value, sizeof value);
    rk__text_add(out, "%-*s  ", (int)w.value, value);
    if (w.unit > 0)
        rk__text_add(out, "%-*s  ", (int)w.unit, has_unit(field->unit) ? field->unit : "");
    used = out->length - begin;
    if (!add_place(out, space, field, data) && field->help != NULL && used + 8 < RK__DISPLAY_COLUMNS)
        rk__display_cut(out, field->help, RK__DISPLAY_COLUMNS - used);
    drop_trailing_spaces(out);
    rk__text_add(out, "\n");
}

void rk__display_results(rk__text *out, const rk__schema *schema, const void *results, const rk__space *space) {
    widths w = measure(schema, results);
    for (size_t i = 0; i < schema->field_count; i++)
        add_result(out, &schema->fields[i], field_data(&schema->fields[i], results), space, w);
}

static bool keeps_rows(const rk__schema *schema) {
    for (size_t i = 0; i < schema->column_count; i++)
        if (schema->columns[i].keep && schema->columns[i].id != UINT32_MAX)
            return true;
    return false;
}

void rk__display_python(rk__text *out, const char *path, const rk__schema *schema) {
    rk__display_fact(out, "python", "xarray.open_dataset(\"%s\", %sengine=\"h5netcdf\")", path,
                     keeps_rows(schema) ? "" : "group=\"reduced\", ");
}

/* ---- the summary of a run ---- */

static void add_headline(rk__text *out, const rk__run_summary *s) {
    char tasks[40], part[48] = "";
    rk__display_number_of(s->tasks, "task", tasks, sizeof tasks);
    if (s->parts > 1)
        snprintf(part, sizeof part, "part %" PRIu32 " of %" PRIu32 " ", s->part, s->parts);
    if (s->complete)
        rk__text_add(out, "%s: %scomplete, %s", s->kernel, part, tasks);
    else
        rk__text_add(out, "%s: %sstopped%s, %" PRIu64 " of %s done", s->kernel, part,
                     s->too_many_failures ? " by too many failures"
                     : s->timed_out       ? " at its time limit"
                                          : "",
                     s->done, tasks);
    if (s->failed > 0)
        rk__text_add(out, ", %" PRIu64 " failed", s->failed);
    if (s->retried > 0)
        rk__text_add(out, ", %" PRIu64 " succeeded at a later attempt", s->retried);
    rk__text_add(out, "\n\n");
}

static void add_times(rk__text *out, const rk__run_summary *s) {
    char time[32], start[32], end[32], rate[32], here[40];
    rk__display_fact(
        out, "time", "%s for %s (%s/s); start %s, end %s", rk__format_seconds(s->seconds, time, sizeof time),
        rk__display_number_of(s->tasks_here, "task", here, sizeof here),
        rk__display_rate(s->seconds > 0 ? (double)s->tasks_here / s->seconds : NAN, rate, sizeof rate),
        rk__format_seconds(s->setup_seconds, start, sizeof start), rk__format_seconds(s->end_seconds, end, sizeof end));
}

static void add_ranks(rk__text *out, const rk__run_summary *s) {
    char ranks[40], nodes[40], peak[32], efficiency[32] = "", threads[40] = "";
    if (s->threads > 1)
        snprintf(threads, sizeof threads, " of %d threads", s->threads);
    if (isfinite(s->efficiency))
        snprintf(efficiency, sizeof efficiency, ", efficiency %.1f %%", 100 * s->efficiency);
    rk__display_fact(out, "ranks", "%s%s on %s%s, at most %s each",
                     rk__display_number_of((uint64_t)s->ranks, "rank", ranks, sizeof ranks), threads,
                     rk__display_number_of((uint64_t)s->nodes, "node", nodes, sizeof nodes), efficiency,
                     rk__format_bytes(s->peak_bytes, peak, sizeof peak));
    if (s->ranks_lost > 0)
        rk__display_fact(out, "lost", "%s%s", rk__display_number_of(s->ranks_lost, "rank", ranks, sizeof ranks),
                         s->complete ? "; what they had not finished was computed by others"
                                     : "; what they had not finished is left to rankine resume");
}

static void add_file(rk__text *out, const rk__run_summary *s) {
    char size[80];
    rk__text quoted = RK__TEXT_INIT;
    const char *path = rk__display_path(s->path);
    rk__display_file_size(s->path, size, sizeof size);
    rk__display_fact(out, "file", "%s%s%s%s", path, *size ? " (" : "", size, *size ? ")" : "");
    rk__quote_add(&quoted, path);
    rk__display_fact(out, "look", "rankine info %s%s", rk__text_get(&quoted),
                     s->failed > 0 ? "   (lists the failed tasks too)" : "");
    rk__text_fini(&quoted);
    if (s->complete && s->parts > 1)
        rk__display_fact(out, "join", "rankine merge PART... -o FILE");
    else if (s->complete)
        rk__display_python(out, path, &s->schema);
}

/* What a resume found before it went on. */
static void add_settled(rk__text *out, const rk__run_summary *s) {
    char count[40];
    if (s->blocks_damaged > 0)
        rk__display_fact(out, "damage", "%s, computed again",
                         rk__display_number_of(s->blocks_damaged, "damaged block", count, sizeof count));
    if (s->blocks_retried > 0)
        rk__display_fact(out, "retried", "%s with failed tasks",
                         rk__display_number_of(s->blocks_retried, "block", count, sizeof count));
}

void rk__display_merged(rk__text *out, const rk__run_summary *summary, const rk__space *space) {
    add_headline(out, summary);
    add_settled(out, summary);
    if (summary->results != NULL && summary->schema.field_count > 0)
        rk__display_results(out, &summary->schema, summary->results, space);
    rk__text_add(out, "\n");
    add_file(out, summary);
}

void rk__display_summary(rk__text *out, const rk__run_summary *summary, const rk__space *space) {
    add_headline(out, summary);
    if (summary->tasks_here > 0) {
        add_times(out, summary);
        add_ranks(out, summary);
    } else {
        rk__display_fact(out, "time", summary->complete ? "nothing was left to compute" : "no task was computed");
    }
    add_settled(out, summary);
    if (summary->results != NULL && summary->schema.field_count > 0) {
        rk__text_add(out, "\n");
        rk__display_results(out, &summary->schema, summary->results, space);
    }
    rk__text_add(out, "\n");
    add_file(out, summary);
}
