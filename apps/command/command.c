/* The description of `command`. */
#include "command.h"

#include <stdlib.h>
#include <string.h>

#include "lookup.h"
#include "meant.h"
#include "shell_word.h"

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

/* Without a command line the lines of `line` are what is run. */
static bool set_words(made *m, rk_maker *maker, command_recipe *recipe) {
    const char *cmd = parameters_given(maker, "cmd", "");
    recipe->line = -1;
    if (parameters_is_given(maker, "cmd") && *cmd != '\0') {
        bool shell = is_yes(maker, "sh");
        if (!template_parse(&recipe->words, m, maker, "cmd", cmd, shell ? TEMPLATE_SHELL : TEMPLATE_WORDS))
            return false;
        recipe->words.uses_tmpdir = recipe->words.uses_tmpdir || strstr(cmd, "RANKINE_TMPDIR") != NULL;
        if (recipe->words.count > 0)
            return true;
    }
    recipe->line = parameters_find(m, "line", 4);
    if (recipe->line >= 0 && !parameters_is_given(maker, "cmd")) {
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

/* ---- what may not be meant ---- */

static void mark_shapes(const made *m, bool used[RK_PARAMS_MAX]) {
    const rk_output *outputs = m->kernel.outputs;
    for (size_t o = m->own_outputs; o < RK_OUTPUTS_MAX && outputs[o].name != NULL; o++)
        for (size_t d = 0; d < RK_DIMS_MAX && outputs[o].shape[d] != NULL; d++) {
            int number = parameters_find(m, outputs[o].shape[d], strlen(outputs[o].shape[d]));
            if (number >= 0)
                used[number] = true;
        }
}

static void mark_variables(const made *m, const char *cmd, bool used[RK_PARAMS_MAX]) {
    static const char begin[] = "RANKINE_PARAM_";
    for (const char *at = strstr(cmd, begin); at != NULL; at = strstr(at, begin)) {
        at += sizeof begin - 1;
        size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        int number = parameters_find(m, at, length);
        if (number >= 0)
            used[number] = true;
    }
}

/* Lines that are run themselves may name any parameter's variable. */
static bool check_used(const made *m, rk_maker *maker) {
    const command_recipe *recipe = m->recipe;
    bool used[RK_PARAMS_MAX] = {false};
    template_mark(&recipe->words, used);
    template_mark(&recipe->input, used);
    mark_shapes(m, used);
    mark_variables(m, parameters_given(maker, "cmd", ""), used);
    if (recipe->line >= 0)
        used[recipe->line] = true;
    return meant_used(m, maker, used, recipe->line < 0);
}

static void warn_of_shell_words(rk_maker *maker, const char *cmd) {
    const char *word;
    size_t length;
    if (shell_word_find(cmd, &word, &length))
        rk_maker_warn(
            maker,
            "cmd: no shell runs it, so the program is given %.*s as it stands: sh=yes has a shell run it, and "
            "in quotes it is meant to be a word",
            (int)(length < 60 ? length : 60), word);
}

/* After all that may be refused, so that what is refused is all that is told. */
static bool check_meaning(const made *m, rk_maker *maker) {
    const command_recipe *recipe = m->recipe;
    bool plain = recipe->line < 0 && !is_yes(maker, "sh");
    if (plain && !lookup_program(maker, &recipe->words, "cmd", "; a shell's own words, such as cd, need sh=yes"))
        return false;
    if (!check_used(m, maker))
        return false;
    if (plain)
        warn_of_shell_words(maker, parameters_given(maker, "cmd", ""));
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
    if (!meant_required(m, maker) || !parameters_add(m, maker) || !set_recipe(m, maker))
        return false;
    if (((const command_recipe *)m->recipe)->capture == 0)
        drop_streams(m);
    return parameters_add_outputs(m, maker, parameters_given(maker, "outputs", "")) && check_meaning(m, maker);
}

static const rk_kernel *make(rk_maker *maker) {
    made *m = made_begin(&base, sizeof(command_params), sizeof(command_result));
    if (m != NULL && make_of_given(m, maker))
        return made_end(m);
    made_drop(m);
    return NULL;
}

RK_KERNEL_MAKER(make)
