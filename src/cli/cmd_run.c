/* rankine run KERNEL [name=value ...] */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/display.h"
#include "cli/drive.h"
#include "cli/jsonout.h"
#include "cli/request.h"
#include "cli/spaceout.h"
#include "cli/tasks_from.h"

/* ---- --dry-run ---- */

static uint64_t total_memory(const rk__run_plan *plan, int ranks) {
    uint64_t bytes;
    return rk__mul_u64(plan->rank_bytes, (uint64_t)ranks, &bytes) ? bytes : UINT64_MAX;
}

static int plan_as_json(const rk__cli *cli, const rk__run_plan *plan, int ranks) {
    rk__json json = {0};
    rk__text command = RK__TEXT_INIT;
    rk__drive_command_line(cli, ranks, &command);
    rk__jsonout_begin(&json, RK_EXIT_OK);
    rk__json_bool(&json, "dry_run", true);
    rk__json_string(&json, "kernel", plan->space->kernel->name);
    rk__json_string(&json, "file", plan->path);
    rk__json_u64(&json, "tasks", plan->tasks);
    rk__json_u64(&json, "blocks", plan->blocks);
    rk__json_u64(&json, "block_tasks", plan->block_tasks);
    rk__json_u64(&json, "file_bytes", plan->file_bytes);
    rk__json_u64(&json, "row_bytes", plan->row_bytes);
    rk__json_u64(&json, "partial_bytes", plan->partial_bytes);
    rk__json_u64(&json, "rank_bytes", plan->rank_bytes);
    rk__json_i64(&json, "ranks", ranks);
    rk__json_i64(&json, "cores", rk__world_cores());
    rk__json_string(&json, "hostfile", cli->arguments.hostfile);
    rk__json_string(&json, "command", rk__text_get(&command));
    rk__spaceout_json(&json, plan->space);
    rk__text_fini(&command);
    return rk__jsonout_print(&json, RK_EXIT_OK);
}

static void add_place(const rk__cli *cli, int ranks, rk__text *out) {
    char count[40], cores[40];
    rk__display_number_of((uint64_t)ranks, "rank", count, sizeof count);
    rk__display_number_of((uint64_t)rk__world_cores(), "core", cores, sizeof cores);
    if (cli->arguments.hostfile != NULL)
        rk__display_fact(out, "where", "%s on the hosts of %s", count, cli->arguments.hostfile);
    else
        rk__display_fact(out, "where", "%s on this machine (%s may be used)", count, cores);
}

/* The stop of "name=start:stop:step", or NULL. */
static const char *stop_of(const rk__request *request, const char *name, char *buffer, size_t size) {
    size_t length = strlen(name);
    for (size_t i = 0; i < request->setting_count; i++) {
        const char *setting = request->settings[i];
        if (strncmp(setting, name, length) != 0 || setting[length] != '=')
            continue;
        const char *colon = strchr(setting, ':');
        if (colon == NULL)
            return NULL;
        snprintf(buffer, size, "%.*s", (int)strcspn(colon + 1, ":"), colon + 1);
        return buffer;
    }
    return NULL;
}

/* "20:30:0.3" ends at 29.9: said, for whoever thinks that 30 is one of the values. */
static void add_stop(rk__text *out, const rk__axis *axis, const rk__axis_column *column, const rk__request *request) {
    char stop[80];
    rk__value asked;
    if (!column->linear || column->param == NULL || stop_of(request, column->name, stop, sizeof stop) == NULL ||
        rk__value_parse(column->param, stop, &asked, NULL) != RK_OK)
        return;
    rk__value last = rk__axis_value(axis, column, axis->count - 1);
    if (last.as.u64 == asked.as.u64)
        return;
    rk__text value = RK__TEXT_INIT;
    rk__value_text(column->param, last, &value);
    rk__display_fact(out, "note", "%s ends at %s: its step does not lead to %s", column->name, rk__text_get(&value),
                     stop);
    rk__text_fini(&value);
}

static void add_stops(rk__text *out, const rk__space *space, const rk__request *request) {
    for (size_t a = 0; a < space->axis_count; a++)
        for (size_t c = 0; c < space->axes[a].column_count; c++)
            add_stop(out, &space->axes[a], &space->axes[a].columns[c], request);
}

static int plan_as_text(const rk__cli *cli, const rk__run_plan *plan, const rk__request *request, int ranks) {
    rk__text out = RK__TEXT_INIT, command = RK__TEXT_INIT;
    char a[40], b[40], file[32], row[32], rank[32], all[32];
    rk__text_add(&out, "%s: %s, nothing computed (dry run)\n\n", plan->space->kernel->name,
                 rk__display_number_of(plan->tasks, "task", a, sizeof a));
    rk__display_fact(&out, "blocks", "%s of %s", rk__display_number_of(plan->blocks, "block", a, sizeof a),
                     rk__display_number_of(plan->block_tasks, "task", b, sizeof b));
    rk__display_fact(&out, "file", "%s (%s, %s a task)", rk__display_path(plan->path),
                     rk__format_bytes(plan->file_bytes, file, sizeof file),
                     rk__format_bytes(plan->row_bytes, row, sizeof row));
    rk__display_fact(&out, "memory", "about %s per rank and %s in all, besides the kernel's own and MPI's",
                     rk__format_bytes(plan->rank_bytes, rank, sizeof rank),
                     rk__format_bytes(total_memory(plan, ranks), all, sizeof all));
    add_place(cli, ranks, &out);
    rk__drive_command_line(cli, ranks, &command);
    rk__display_fact(&out, "same as", "%s", rk__text_get(&command));
    rk__text_fini(&command);
    add_stops(&out, plan->space, request);
    rk__spaceout_print(&out, plan->space);
    return rk__cli_print(&out, RK_EXIT_OK);
}

static int show_plan(const rk__cli *cli, const rk__run_plan *plan, const rk__request *request) {
    rk_error err = RK_ERROR_INIT;
    int ranks;
    if (rk__drive_ranks(cli, &ranks, &err) != RK_OK)
        return rk__cli_fail(cli, &err);
    return cli->arguments.json ? plan_as_json(cli, plan, ranks) : plan_as_text(cli, plan, request, ranks);
}

/* ---- the run ---- */

/* Without -n: whole teams, at least one. */
static rk_status fit_teams(rk__cli *cli, int team_size, rk_error *err) {
    int room;
    if (team_size == 0 || cli->arguments.ranks > 0)
        return RK_OK;
    if (cli->arguments.hostfile != NULL)
        RK_TRY(rk__drive_ranks(cli, &room, err));
    else
        room = rk__world_cores();
    cli->arguments.ranks = room > team_size ? room / team_size * team_size : team_size;
    return RK_OK;
}

/* The request is tried out here, in one process: what is wrong with it is said once, and mpirun is not started. */
static int prepare_and_drive(rk__cli *cli, rk__run_options *options) {
    rk_error err = RK_ERROR_INIT;
    rk__run_plan plan;
    options->listener = (rk__listener){rk__cli_hear, cli};
    if (rk__run_prepare(options, &plan, &err) != RK_OK)
        return rk__cli_fail(cli, &err);
    options->listener = (rk__listener){NULL, NULL}; /* it was told */
    int code = fit_teams(cli, plan.team_size, &err) != RK_OK ? rk__cli_fail(cli, &err)
               : cli->arguments.dry_run                      ? show_plan(cli, &plan, &options->request)
                                                             : rk__drive(cli, options, plan.path, rk__run_start);
    rk__run_plan_fini(&plan);
    return code;
}

/* What the kernel has to say of the request was said by our launcher, if there is one. */
static int be_rank(rk__cli *cli, rk__run_options *options) {
    if (!rk__launch_is_watched())
        options->listener = (rk__listener){rk__cli_hear, cli};
    return rk__drive_rank(cli, options, rk__run_start);
}

int rk__cmd_run(rk__cli *cli) {
    rk_error err = RK_ERROR_INIT;
    rk__run_options options;
    rk__text command_line = RK__TEXT_INIT;
    bool am_rank = false;
    rk__tasks_from tasks;
    rk_status status = rk__tasks_from_take(cli, &tasks, &err);
    if (status == RK_OK && !cli->arguments.dry_run)
        status = rk__drive_am_rank(&am_rank, &err);
    if (status == RK_OK)
        status = rk__request_make(cli, &options, &command_line, &err);
    cli->typed = rk__text_get(&command_line);
    int code;
    if (status != RK_OK)
        code = rk__drive_is_silent_rank() ? RK_EXIT_OK : rk__cli_fail(cli, &err);
    else if (am_rank)
        code = be_rank(cli, &options);
    else
        code = prepare_and_drive(cli, &options);
    rk__text_fini(&command_line);
    rk__tasks_from_fini(&tasks);
    return code;
}
