/* rankine kernels [KERNEL] */
#include <stdio.h>
#include <string.h>

#include "base/types.h"
#include "cli/build.h"
#include "cli/cli.h"
#include "cli/display.h"
#include "cli/jsonout.h"
#include "cli/table.h"
#include "kernel/loader.h"

/* ---- the list ---- */

static int list_as_json(const rk__module_entry *entries, size_t count) {
    rk__json json = {0};
    rk__jsonout_begin(&json, RK_EXIT_OK);
    rk__json_begin(&json, "kernels", '[');
    for (size_t i = 0; i < count; i++) {
        rk__json_begin(&json, NULL, '{');
        rk__json_string(&json, "name", entries[i].name);
        rk__json_string(&json, "path", entries[i].path);
        rk__json_string(&json, "summary", entries[i].summary);
        rk__json_end(&json, '}');
    }
    rk__json_end(&json, ']');
    return rk__jsonout_print(&json, RK_EXIT_OK);
}

static int list_as_text(const rk__module_entry *entries, size_t count) {
    rk__text out = RK__TEXT_INIT;
    rk__table table;
    rk__table_init(&table, 2);
    rk__table_row(&table, (const char *[]){"kernel", "what it computes"});
    for (size_t i = 0; i < count; i++)
        rk__table_row(&table, (const char *[]){entries[i].name, entries[i].summary});
    rk__table_print(&table, &out);
    if (count > 0)
        rk__text_add(&out, "\nParameters and results of one of them: rankine kernels %s\n", entries[0].name);
    else
        rk__text_add(&out, "No kernels were found. RANKINE_KERNEL_PATH lists directories to look in; a shared\n"
                           "object can also be named by its path: rankine kernels ./mine.so\n");
    return rk__cli_print(&out, RK_EXIT_OK);
}

static int list(const rk__cli *cli) {
    rk_error err = RK_ERROR_INIT;
    rk__module_entry *entries = NULL;
    size_t count = 0;
    if (rk__module_list(&entries, &count, cli->linked, &err) != RK_OK)
        return rk__cli_fail(cli, &err);
    int code = cli->arguments.json ? list_as_json(entries, count) : list_as_text(entries, count);
    rk__module_list_free(entries, count);
    return code;
}

/* ---- one kernel, for a person ---- */

static void add_params(rk__text *out, const rk_kernel *kernel) {
    rk__table table;
    rk__table_init(&table, 5);
    rk__table_row(&table, (const char *[]){"parameter", "type", "default", "unit", "meaning"});
    for (size_t i = 0; i < rk__kernel_param_count(kernel); i++) {
        const rk_param *p = &kernel->params[i];
        rk__text meaning = RK__TEXT_INIT;
        rk__text_add(&meaning, "%s", p->help ? p->help : "");
        if (p->choices != NULL)
            rk__text_add(&meaning, "%s(%s)", meaning.length ? " " : "", p->choices);
        if (p->fixed)
            rk__text_add(&meaning, "%s[one value for the whole run]", meaning.length ? " " : "");
        rk__table_row(&table, (const char *[]){p->name, rk__type_name(p->type), p->preset ? p->preset : "(required)",
                                               p->unit ? p->unit : "", rk__text_get(&meaning)});
        rk__text_fini(&meaning);
    }
    if (table.rows > 1)
        rk__text_add(out, "\n");
    rk__table_print(&table, out);
}

/* "f64", "u8[height, width]" */
static void add_shape(rk__text *out, const rk_output *output) {
    rk__text_add(out, "%s%s", rk__type_name(output->type), output->varying ? "[any number]" : "");
    if (!output->is_row)
        return;
    rk__text_add(out, "[");
    for (size_t d = 0; d < RK_DIMS_MAX && output->shape[d] != NULL; d++)
        rk__text_add(out, "%s%s", d > 0 ? ", " : "", output->shape[d]);
    rk__text_add(out, "]");
}

static void add_outputs(rk__text *out, const rk_kernel *kernel) {
    rk__table table;
    rk__table_init(&table, 4);
    rk__table_row(&table, (const char *[]){"output", "type", "unit", "meaning"});
    for (size_t i = 0; i < rk__kernel_output_count(kernel); i++) {
        const rk_output *o = &kernel->outputs[i];
        rk__text type = RK__TEXT_INIT, meaning = RK__TEXT_INIT;
        add_shape(&type, o);
        rk__text_add(&meaning, "%s%s%s", o->help ? o->help : "", o->drop ? " [reduced only]" : "",
                     o->always ? " [kept on failure]" : "");
        rk__table_row(&table,
                      (const char *[]){o->name, rk__text_get(&type), o->unit ? o->unit : "", rk__text_get(&meaning)});
        rk__text_fini(&type);
        rk__text_fini(&meaning);
    }
    if (table.rows > 1)
        rk__text_add(out, "\n");
    rk__table_print(&table, out);
}

static void add_reductions(rk__text *out, const rk_kernel *kernel) {
    rk__table table;
    rk__table_init(&table, 5);
    rk__table_row(&table, (const char *[]){"reduction", "operator", "of", "unit", "meaning"});
    for (size_t i = 0; i < rk__kernel_reduction_count(kernel); i++) {
        const rk_reduction *r = &kernel->reduce[i];
        rk__table_row(&table, (const char *[]){r->name, rk__op_name(r->op), r->output ? r->output : "(its own values)",
                                               r->unit ? r->unit : "", r->help});
    }
    if (table.rows > 1)
        rk__text_add(out, "\n");
    rk__table_print(&table, out);
}

/* A range from the default to its double, for a parameter that may be swept. */
static bool add_sweep(rk__text *out, const rk_param *param) {
    double from;
    char first[40], last[40], step[40];
    if (param->type != RK_F64 || param->fixed || param->preset == NULL || !rk__parse_f64(param->preset, &from) ||
        !(from > 0) || !(from < 1e15))
        return false;
    rk__text_add(out, " %s=%s:%s:%s", param->name, rk__format_f64(from, first, sizeof first),
                 rk__format_f64(2 * from, last, sizeof last), rk__format_f64(from / 4, step, sizeof step));
    return true;
}

static void add_example(rk__text *out, const rk_kernel *kernel, const char *name) {
    bool swept = false;
    rk__text_add(out, "rankine run %s", name);
    for (size_t i = 0; i < rk__kernel_param_count(kernel); i++) {
        const rk_param *p = &kernel->params[i];
        if (p->type == RK_INPUT && p->preset == NULL)
            rk__text_add(out, " %s=FILE.h5:/DATASET", p->name);
        else if (p->preset == NULL)
            rk__text_add(out, " %s=VALUE", p->name);
        else if (!swept)
            swept = add_sweep(out, p);
    }
    rk__text_add(out, " -o %s.h5", kernel->name);
}

/* On what a task may be computed. */
static void add_places(rk__text *out, const rk_kernel *kernel) {
    uint64_t number;
    if (kernel->ranks != NULL && rk__parse_u64(kernel->ranks, &number))
        rk__display_fact(out, "ranks", "%s for each task, which is an MPI program", kernel->ranks);
    else if (kernel->ranks != NULL)
        rk__display_fact(out, "ranks", "for each task, an MPI program, as many as the parameter '%s' says",
                         kernel->ranks);
    rk__display_fact(out, "threads", "%s",
                     kernel->thread_safe ? "yes: --threads T may be used"
                                         : "no: it does not say that it is safe for them");
}

static int describe_as_text(const rk__module *module, const char *name) {
    const rk_kernel *kernel = module->kernel;
    rk__text out = RK__TEXT_INIT, example = RK__TEXT_INIT;
    rk__text_add(&out, "%s: %s\n\n", kernel->name, kernel->summary ? kernel->summary : "");
    rk__display_fact(&out, "version", "%s", kernel->version ? kernel->version : "");
    rk__display_fact(&out, "from", "%s", module->path ? module->path : "this program");
    rk__display_fact(&out, "same bits", "%s",
                     kernel->deterministic ? "yes: the same task gives the same bits" : "not promised");
    if (kernel->plan != NULL)
        rk__display_fact(&out, "tasks", "planned by the kernel from its parameters");
    add_places(&out, kernel);
    add_params(&out, kernel);
    add_outputs(&out, kernel);
    add_reductions(&out, kernel);
    add_example(&example, kernel, name);
    rk__text_add(&out, "\nExample:\n  %s\n", rk__text_get(&example));
    rk__text_fini(&example);
    return rk__cli_print(&out, RK_EXIT_OK);
}

/* ---- one kernel, for scripts ---- */

static void json_params(rk__json *json, const rk_kernel *kernel) {
    rk__json_begin(json, "parameters", '[');
    for (size_t i = 0; i < rk__kernel_param_count(kernel); i++) {
        const rk_param *p = &kernel->params[i];
        rk__json_begin(json, NULL, '{');
        rk__json_string(json, "name", p->name);
        rk__json_string(json, "type", rk__type_name(p->type));
        rk__json_string(json, "default", p->preset);
        rk__json_string(json, "unit", p->unit);
        rk__json_string(json, "help", p->help);
        rk__json_string(json, "choices", p->choices);
        rk__json_bool(json, "fixed", p->fixed);
        rk__json_end(json, '}');
    }
    rk__json_end(json, ']');
}

static void json_outputs(rk__json *json, const rk_kernel *kernel) {
    rk__json_begin(json, "outputs", '[');
    for (size_t i = 0; i < rk__kernel_output_count(kernel); i++) {
        const rk_output *o = &kernel->outputs[i];
        rk__json_begin(json, NULL, '{');
        rk__json_string(json, "name", o->name);
        rk__json_string(json, "type", rk__type_name(o->type));
        rk__json_begin(json, "shape", '[');
        for (size_t d = 0; o->is_row && d < RK_DIMS_MAX && o->shape[d] != NULL; d++)
            rk__json_string(json, NULL, o->shape[d]);
        rk__json_end(json, ']');
        rk__json_string(json, "unit", o->unit);
        rk__json_string(json, "help", o->help);
        rk__json_bool(json, "varying", o->varying);
        rk__json_bool(json, "kept", !o->drop);
        rk__json_bool(json, "always", o->always);
        rk__json_bool(json, "measured", o->measured);
        rk__json_end(json, '}');
    }
    rk__json_end(json, ']');
}

static void json_reductions(rk__json *json, const rk_kernel *kernel) {
    rk__json_begin(json, "reductions", '[');
    for (size_t i = 0; i < rk__kernel_reduction_count(kernel); i++) {
        const rk_reduction *r = &kernel->reduce[i];
        rk__json_begin(json, NULL, '{');
        rk__json_string(json, "name", r->name);
        rk__json_string(json, "operator", rk__op_name(r->op));
        rk__json_string(json, "output", r->output);
        rk__json_string(json, "unit", r->unit);
        rk__json_string(json, "help", r->help);
        rk__json_end(json, '}');
    }
    rk__json_end(json, ']');
}

static int describe_as_json(const rk__module *module, const char *name) {
    const rk_kernel *kernel = module->kernel;
    rk__json json = {0};
    rk__text example = RK__TEXT_INIT;
    add_example(&example, kernel, name);
    rk__jsonout_begin(&json, RK_EXIT_OK);
    rk__json_string(&json, "name", kernel->name);
    rk__json_string(&json, "summary", kernel->summary);
    rk__json_string(&json, "version", kernel->version);
    rk__json_string(&json, "path", module->path);
    rk__json_bool(&json, "deterministic", kernel->deterministic);
    rk__json_bool(&json, "plans", kernel->plan != NULL);
    rk__json_string(&json, "ranks", kernel->ranks);
    rk__json_bool(&json, "thread_safe", kernel->thread_safe);
    json_params(&json, kernel);
    json_outputs(&json, kernel);
    json_reductions(&json, kernel);
    rk__json_string(&json, "example", rk__text_get(&example));
    rk__text_fini(&example);
    return rk__jsonout_print(&json, RK_EXIT_OK);
}

int rk__cmd_kernels(rk__cli *cli) {
    rk_error err = RK_ERROR_INIT;
    if (rk__cli_words(cli, 0, 1, "one kernel", &err) != RK_OK)
        return rk__cli_fail(cli, &err);
    if (cli->arguments.word_count == 0)
        return list(cli);
    const char *name = cli->arguments.words[0];
    rk__module module;
    if (rk__build_refuse_source(name, &err) != RK_OK || rk__module_load(&module, name, cli->linked, &err) != RK_OK)
        return rk__cli_fail(cli, &err);
    int code = cli->arguments.json ? describe_as_json(&module, name) : describe_as_text(&module, name);
    rk__module_unload(&module);
    return code;
}
