/* The description of `command`. */
#include "command.h"

#include <stdlib.h>
#include <string.h>

#define OUTPUT(field, value_type, ...) RK_OUTPUT(command_result, field, value_type, __VA_ARGS__)

static const rk_kernel base = {
    .magic = RK_KERNEL_MAGIC,
    .abi = RK_KERNEL_ABI,
    .size = sizeof(rk_kernel),
    .name = "command",
    .summary = "any command line: a program for each task",
    .version = "1",
    .thread_safe = true,
    .own_processes = true,
    .params =
        {
            RK_PARAM(command_params, cmd, RK_STRING, NULL, NULL,
                     "the command line; {name} stands for a parameter of yours, also {task} {seed} {rank} {tmpdir}",
                     .fixed = true),
            RK_PARAM(command_params, sh, RK_BOOL, "no", NULL, "run it by /bin/sh", .fixed = true),
            {.name = "stdin",
             .offset = offsetof(command_params, input),
             .size = sizeof(const char *),
             .type = RK_STRING,
             .preset = "",
             .help = "file that the program reads from; may have placeholders",
             .fixed = true},
            RK_PARAM(command_params, outputs, RK_STRING, "", NULL,
                     "results in the last JSON object on stdout, as in energy:f64,steps:i64", .fixed = true),
            RK_PARAM(command_params, capture, RK_STRING, "64K", NULL,
                     "bytes of stdout and of stderr that are recorded; 0: none", .fixed = true),
            RK_PARAM(command_params, keep, RK_BOOL, "no", NULL, "do not remove the directories {tmpdir}",
                     .fixed = true),
        },
    .outputs =
        {
            OUTPUT(exit_code, RK_I32, "1", "exit code; -1: ended by a signal", .always = true),
            OUTPUT(signal, RK_I32, "1", "number of the signal that ended it; 0: none", .always = true),
            OUTPUT(wall_seconds, RK_F64, "s", "time from start to end", .always = true, .measured = true),
            OUTPUT(cpu_seconds, RK_F64, "s", "processor time, with that of children that were waited for",
                   .always = true, .measured = true),
            OUTPUT(max_rss_bytes, RK_U64, "byte", "largest memory of one process", .always = true, .measured = true),
            OUTPUT(stdout_bytes, RK_U64, "byte", "written to standard output", .always = true),
            OUTPUT(stderr_bytes, RK_U64, "byte", "written to standard error", .always = true, .measured = true),
            RK_OUTPUT_VARYING("stdout", RK_U8, "1", "standard output, the first bytes", .always = true),
            RK_OUTPUT_VARYING("stderr", RK_U8, "1", "standard error, the first bytes", .always = true,
                              .measured = true),
        },
    .run = command_task,
    .end = command_end,
};

/* ---- settings ---- */

/* "64K", "1M", "100". */
static bool parse_capture(rk_maker *maker, const char *text, size_t *out) {
    char *end;
    unsigned long long bytes = strtoull(text, &end, 10);
    unsigned shift = *end == 'K' || *end == 'k' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
    bool sound = end != text && *text >= '0' && *text <= '9' && *(end + (shift > 0)) == '\0' && bytes >> 34 == 0;
    if (!sound || bytes << shift > UINT64_C(1) << 34) {
        rk_maker_fail(maker, "capture=%s: bytes are expected, such as 64K, 10M or 0", text);
        return false;
    }
    *out = (size_t)(bytes << shift);
    return true;
}

static bool is_yes(const rk_maker *maker, const char *name) {
    static const char *const words[] = {"yes", "true", "on", "1"};
    const char *value = parameters_given(maker, name, "no");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(value, words[i]) == 0)
            return true;
    return false;
}

static bool is_given(const rk_maker *maker, const char *name) {
    for (size_t i = 0; i < maker->count; i++)
        if (strcmp(maker->given[i].name, name) == 0)
            return true;
    return false;
}

/* Without a command line the lines of `line` are what is run. */
static bool set_words(made *m, rk_maker *maker, command_recipe *recipe) {
    const char *cmd = parameters_given(maker, "cmd", "");
    recipe->line = -1;
    if (is_given(maker, "cmd") && *cmd != '\0') {
        bool shell = is_yes(maker, "sh");
        if (!template_parse(&recipe->words, m, maker, "cmd", cmd, shell ? TEMPLATE_SHELL : TEMPLATE_WORDS))
            return false;
        recipe->words.uses_tmpdir = recipe->words.uses_tmpdir || strstr(cmd, "RANKINE_TMPDIR") != NULL;
        if (recipe->words.count > 0)
            return true;
    }
    recipe->line = parameters_find(m, "line", 4);
    if (recipe->line >= 0 && !is_given(maker, "cmd")) {
        m->kernel.params[0].preset = "";
        return true;
    }
    rk_maker_fail(maker, "command needs a command line: write cmd='program {x}' x=1:10, or --tasks-from FILE");
    return false;
}

static bool set_recipe(made *m, rk_maker *maker) {
    command_recipe *recipe = made_alloc(m, sizeof *recipe);
    const char *input = parameters_given(maker, "stdin", "");
    if (!parameters_are_single(m, maker) || recipe == NULL || !set_words(m, maker, recipe) ||
        !template_parse(&recipe->input, m, maker, "stdin", input, TEMPLATE_ONE_WORD) ||
        !parse_capture(maker, parameters_given(maker, "capture", "64K"), &recipe->capture))
        return false;
    recipe->has_input = *input != '\0';
    recipe->keep = is_yes(maker, "keep");
    recipe->has_outputs = *parameters_given(maker, "outputs", "") != '\0';
    m->recipe = recipe;
    return true;
}

/* Nothing of the streams is recorded: then there are no outputs for them. */
static void drop_streams(made *m) {
    m->kernel.outputs[COMMAND_STDOUT] = m->kernel.outputs[COMMAND_STDERR] = (rk_output){0};
    m->own_outputs = COMMAND_STDOUT;
}

static bool make_of_given(made *m, rk_maker *maker) {
    if (maker->count == 0)
        return true;
    if (!parameters_add(m, maker) || !set_recipe(m, maker))
        return false;
    if (((const command_recipe *)m->recipe)->capture == 0)
        drop_streams(m);
    return parameters_add_outputs(m, maker, parameters_given(maker, "outputs", ""));
}

static const rk_kernel *make(rk_maker *maker) {
    made *m = made_begin(&base, sizeof(command_params), sizeof(command_result));
    if (m != NULL && make_of_given(m, maker))
        return made_end(m);
    made_drop(m);
    return NULL;
}

RK_KERNEL_MAKER(make)
