#include "cli/jsonout.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cli/cli.h"

static const char *exit_name(int exit_code) {
    switch (exit_code) {
    case RK_EXIT_OK:
        return "ok";
    case RK_EXIT_USAGE:
        return "usage";
    case RK_EXIT_TASKS_FAILED:
        return "tasks_failed";
    case RK_EXIT_DAMAGED:
        return "damaged";
    case RK_EXIT_STOPPED:
        return "stopped";
    default:
        return "error";
    }
}

void rk__jsonout_begin(rk__json *json, int exit_code) {
    rk__json_begin(json, NULL, '{');
    rk__json_string(json, "status", exit_name(exit_code));
    rk__json_i64(json, "exit_code", exit_code);
}

int rk__jsonout_print(rk__json *json, int exit_code) {
    rk__json_end(json, '}');
    rk__text_add(&json->text, "\n");
    return rk__cli_print(&json->text, exit_code);
}

void rk__jsonout_error(rk__json *json, const rk_error *err) {
    rk__json_begin(json, "error", '{');
    rk__json_i64(json, "code", err->code);
    rk__json_string(json, "name", rk_status_name(err->code));
    rk__json_string(json, "message", *err->message ? err->message : rk_status_text(err->code));
    rk__json_end(json, '}');
}

void rk__jsonout_element(rk__json *json, const char *key, rk_type type, const void *array, uint64_t i) {
    switch (type) {
    case RK_F64:
        rk__json_f64(json, key, ((const double *)array)[i]);
        return;
    case RK_F32:
        rk__json_f64(json, key, (double)((const float *)array)[i]);
        return;
    case RK_BOOL:
        rk__json_bool(json, key, ((const uint8_t *)array)[i] != 0);
        return;
#define INTEGER_CASE(type, c_type, writer)                                                                             \
    case type:                                                                                                         \
        writer(json, key, ((const c_type *)array)[i]);                                                                 \
        return;
        INTEGER_CASE(RK_I8, int8_t, rk__json_i64)
        INTEGER_CASE(RK_I16, int16_t, rk__json_i64)
        INTEGER_CASE(RK_I32, int32_t, rk__json_i64)
        INTEGER_CASE(RK_I64, int64_t, rk__json_i64)
        INTEGER_CASE(RK_U8, uint8_t, rk__json_u64)
        INTEGER_CASE(RK_U16, uint16_t, rk__json_u64)
        INTEGER_CASE(RK_U32, uint32_t, rk__json_u64)
        INTEGER_CASE(RK_U64, uint64_t, rk__json_u64)
#undef INTEGER_CASE
    default:
        rk__json_string(json, key, NULL);
    }
}

static void add_value(rk__json *json, const rk__result_field *field, const void *data) {
    if (field->count == 1) {
        rk__jsonout_element(json, "value", field->type, data, 0);
        return;
    }
    rk__json_begin(json, "value", '[');
    for (uint64_t i = 0; i < field->count; i++)
        rk__jsonout_element(json, NULL, field->type, data, i);
    rk__json_end(json, ']');
}

void rk__jsonout_results(rk__json *json, const rk__schema *schema, const void *results) {
    rk__json_begin(json, "reductions", '{');
    for (size_t i = 0; results != NULL && i < schema->field_count; i++) {
        const rk__result_field *field = &schema->fields[i];
        rk__json_begin(json, field->name, '{');
        add_value(json, field, (const char *)results + field->offset);
        rk__json_string(json, "type", rk__type_name(field->type));
        rk__json_string(json, "unit", field->unit);
        rk__json_string(json, "help", field->help);
        rk__json_end(json, '}');
    }
    rk__json_end(json, '}');
}

void rk__jsonout_digest(rk__json *json, const uint64_t digest[2]) {
    char text[40];
    snprintf(text, sizeof text, "%016" PRIx64 "%016" PRIx64, digest[1], digest[0]);
    rk__json_string(json, "digest", text);
}

void rk__jsonout_summary(rk__json *json, const rk__run_summary *s, const uint64_t *digest) {
    struct stat file;
    rk__json_string(json, "kernel", s->kernel);
    rk__json_string(json, "file", s->path);
    rk__json_u64(json, "file_bytes", stat(s->path, &file) == 0 ? (uint64_t)file.st_size : 0);
    rk__json_bool(json, "complete", s->complete);
    rk__json_u64(json, "tasks", s->tasks);
    rk__json_u64(json, "done", s->done);
    rk__json_u64(json, "failed", s->failed);
    rk__json_bool(json, "gathered", s->gathered);
    rk__json_u64(json, "ranks_lost", s->ranks_lost);
    rk__json_bool(json, "timed_out", s->timed_out);
    rk__json_bool(json, "too_many_failures", s->too_many_failures);
    rk__json_u64(json, "retried", s->retried);
    rk__json_u64(json, "part", s->part);
    rk__json_u64(json, "parts", s->parts);
    rk__json_u64(json, "tasks_here", s->tasks_here);
    rk__json_u64(json, "blocks_damaged", s->blocks_damaged);
    rk__json_u64(json, "blocks_retried", s->blocks_retried);
    rk__json_f64(json, "seconds", s->seconds);
    rk__json_f64(json, "setup_seconds", s->setup_seconds);
    rk__json_f64(json, "end_seconds", s->end_seconds);
    rk__json_f64(json, "tasks_per_second", s->seconds > 0 ? (double)s->tasks_here / s->seconds : NAN);
    rk__json_f64(json, "efficiency", s->efficiency);
    rk__json_i64(json, "ranks", s->ranks);
    rk__json_i64(json, "nodes", s->nodes);
    rk__json_i64(json, "threads", s->threads);
    rk__json_u64(json, "peak_bytes", s->peak_bytes);
    rk__jsonout_results(json, &s->schema, s->results);
    if (digest != NULL)
        rk__jsonout_digest(json, digest);
}
