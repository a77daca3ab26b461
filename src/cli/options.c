#include "cli/options.h"

#include <stdlib.h>
#include <string.h>

#include "run/run.h"

enum { NAME_MAX_SHOWN = 32 };

typedef struct parser {
    rk__arguments *arguments;
    int argc, next;
    char **argv;
    bool looking; /* values are taken as they stand */
} parser;

/* What people type who come from elsewhere; of what the nearest name would mislead about, too. */
static const char *const option_synonyms[][2] = {
    {"retry", "--retries N (try again at once), or of resume --retry-failed"},
    {"out", "--output FILE, or -o FILE"},
    {"np", "-n N"},
    {"timeout", "--task-timeout TIME (of a task), or --time-limit TIME (of the run)"},
};

/* `name` without its dashes; NULL: nothing is known. */
static const char *meant_by(const char *name, size_t length) {
    for (size_t i = 0; i < sizeof option_synonyms / sizeof *option_synonyms; i++)
        if (strlen(option_synonyms[i][0]) == length && memcmp(option_synonyms[i][0], name, length) == 0)
            return option_synonyms[i][1];
    return NULL;
}

static rk_status unknown_option(const char *word, size_t length, rk_error *err) {
    const char *names[RK__OPTIONS_MAX], *bare = word + strspn(word, "-");
    size_t count, bare_length = length - (size_t)(bare - word);
    const rk__option *options = rk__options(&count);
    for (size_t i = 0; i < count; i++)
        names[i] = options[i].name;
    char name[NAME_MAX_SHOWN + 1] = "";
    if (bare_length < sizeof name)
        memcpy(name, bare, bare_length);
    const char *meant = meant_by(bare, bare_length),
               *nearest = bare_length > 1 ? rk__nearest(name, names, count) : NULL;
    if (meant != NULL)
        return rk__fail(err, RK_EINVAL, "unknown option '%.*s': did you mean %s?", (int)length, word, meant);
    if (nearest != NULL)
        return rk__fail(err, RK_EINVAL, "unknown option '%.*s': did you mean --%s?", (int)length, word, nearest);
    return rk__fail(err, RK_EINVAL, "unknown option '%.*s': see rankine --help", (int)length, word);
}

static const rk__option *find_long(const char *name, size_t length) {
    size_t count;
    const rk__option *options = rk__options(&count);
    for (size_t i = 0; i < count; i++)
        if (strlen(options[i].name) == length && memcmp(options[i].name, name, length) == 0)
            return &options[i];
    return NULL;
}

static const rk__option *find_short(char letter) {
    size_t count;
    const rk__option *options = rk__options(&count);
    for (size_t i = 0; i < count; i++)
        if (options[i].letter == letter)
            return &options[i];
    return NULL;
}

/* The next word as a value. A word that looks like an option is none: the value was forgotten. */
static const char *next_value(parser *p) {
    if (p->next >= p->argc)
        return NULL;
    const char *word = p->argv[p->next];
    bool option = word[0] == '-' && word[1] != '\0' && !(word[1] >= '0' && word[1] <= '9') && word[1] != '.';
    if (option)
        return NULL;
    p->next++;
    return word;
}

static size_t place_of(const rk__option *option) {
    return (size_t)(option - rk__options(&(size_t){0}));
}

static void forward(parser *p, int first, int end) {
    for (int i = first; i < end; i++)
        p->arguments->forward[p->arguments->forward_count++] = p->argv[i];
}

static rk_status apply(parser *p, const rk__option *option, int first, const char *value, rk_error *err) {
    if (option->kind == RK__OPTION_FLAG && value != NULL)
        return rk__fail(err, RK_EINVAL, "--%s takes no value, '%s' was given", option->name, value);
    if (option->kind == RK__OPTION_VALUE && value == NULL)
        value = next_value(p);
    if (option->kind == RK__OPTION_VALUE && (value == NULL || *value == '\0'))
        return rk__fail(err, RK_EINVAL, "--%s needs a value: --%s %s", option->name, option->name, option->value);
    if (!p->looking)
        RK_TRY(option->set(p->arguments, value, err));
    p->arguments->given[place_of(option)] = value != NULL ? value : "";
    if (!option->launcher)
        forward(p, first, p->next);
    return RK_OK;
}

static rk_status parse_long(parser *p, const char *word, rk_error *err) {
    const char *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    const rk__option *option = find_long(word + 2, length - 2);
    if (option == NULL)
        return unknown_option(word, length, err);
    return apply(p, option, p->next - 1, equals ? equals + 1 : NULL, err);
}

/* "-out f.h5" is not -o with the value "ut". */
static bool is_long_name(const char *name, size_t length) {
    return length > 1 && (find_long(name, length) != NULL || meant_by(name, length) != NULL);
}

static rk_status parse_short(parser *p, const char *word, rk_error *err) {
    const rk__option *option = find_short(word[1]);
    size_t length = strcspn(word, "=");
    if (option == NULL || is_long_name(word + 1, length - 1))
        return unknown_option(word, length, err);
    const char *value = word[2] == '=' ? word + 3 : word[2] != '\0' ? word + 2 : NULL;
    return apply(p, option, p->next - 1, value, err);
}

/* What people who come from elsewhere type, and what it is called here. */
static const char *const synonyms[][2] = {
    {"repair", "rankine resume FILE --repair"},
    {"retry", "rankine resume FILE --retry-failed (and --retries N to try again at once)"},
    {"continue", "rankine resume FILE"},
    {"restart", "rankine resume FILE"},
    {"sbatch", "rankine submit"},
    {"queue", "rankine status"},
    {"show", "rankine info FILE"},
    {"list", "rankine kernels"},
    {"ls", "rankine kernels"},
    {"join", "rankine merge PART... -o FILE"},
    {"test", "rankine check KERNEL, or of a file: rankine verify FILE"},
};

static rk_status unknown_command(const char *word, rk_error *err) {
    for (size_t i = 0; i < sizeof synonyms / sizeof *synonyms; i++)
        if (strcmp(word, synonyms[i][0]) == 0)
            return rk__fail(err, RK_EINVAL, "unknown command '%s': it is %s", word, synonyms[i][1]);
    const char *names[RK__COMMAND_COUNT];
    for (int i = 0; i < RK__COMMAND_COUNT; i++)
        names[i] = rk__command_name((rk__command)i);
    const char *nearest = rk__nearest(word, names, RK__COMMAND_COUNT);
    if (nearest != NULL)
        return rk__fail(err, RK_EINVAL, "unknown command '%s': did you mean rankine %s?", word, nearest);
    return rk__fail(err, RK_EINVAL, "unknown command '%s': to run a kernel of that name, rankine run %s", word, word);
}

static rk_status parse_word(parser *p, const char *word, rk_error *err) {
    rk__arguments *a = p->arguments;
    if (a->command == RK__COMMAND_NONE) {
        a->command = rk__command_from_name(word);
        if (a->command == RK__COMMAND_NONE)
            return unknown_command(word, err);
    } else {
        a->words[a->word_count++] = word;
    }
    forward(p, p->next - 1, p->next);
    return RK_OK;
}

/* All that stands before the "--" of `submit` is for sbatch, unless it is an option of submit by its long name. */
static bool take_for_batch(parser *p, const char *word) {
    if (p->arguments->command != RK__COMMAND_SUBMIT || strcmp(word, "-h") == 0)
        return false;
    const rk__option *option = strncmp(word, "--", 2) == 0 ? find_long(word + 2, strcspn(word + 2, "=")) : NULL;
    if (option != NULL && rk__option_applies(option, RK__COMMAND_SUBMIT))
        return false;
    p->arguments->batch[p->arguments->batch_count++] = word;
    return true;
}

static rk_status parse_words(parser *p, rk_error *err) {
    bool ended = false;
    while (p->next < p->argc) {
        const char *word = p->argv[p->next++];
        if (!ended && strcmp(word, "--") != 0 && take_for_batch(p, word))
            continue;
        if (ended || word[0] != '-' || word[1] == '\0') {
            RK_TRY(parse_word(p, word, err));
        } else if (strcmp(word, "--") == 0) {
            ended = true;
            forward(p, p->next - 1, p->next);
        } else {
            RK_TRY(word[1] == '-' ? parse_long(p, word, err) : parse_short(p, word, err));
        }
    }
    return RK_OK;
}

/* "run, check" */
static void commands_of(const rk__option *option, rk__text *out) {
    for (int i = 0; i < RK__COMMAND_COUNT; i++)
        if (option->commands & (1u << i))
            rk__text_add(out, "%s%s", out->length ? ", " : "", rk__command_name((rk__command)i));
}

static rk_status check_places(const parser *p, rk_error *err) {
    rk__command command = p->arguments->command;
    size_t count;
    const rk__option *options = rk__options(&count);
    for (size_t i = 0; i < count; i++) {
        const rk__option *option = &options[i];
        bool given = p->arguments->given[i] != NULL, anywhere = option->commands == 0;
        if (!given || anywhere || command == RK__COMMAND_NONE || rk__option_applies(option, command))
            continue;
        rk__text commands = RK__TEXT_INIT;
        commands_of(option, &commands);
        rk_status status = rk__fail(err, RK_EINVAL, "--%s is no option of 'rankine %s' (it is one of: %s)",
                                    option->name, rk__command_name(command), rk__text_get(&commands));
        rk__text_fini(&commands);
        return status;
    }
    return RK_OK;
}

/* Wanted before the parse, for a message about any word must know it. */
static bool wants_json(int argc, char **argv) {
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

static rk_status prepare(rk__arguments *out, int argc, char **argv, rk_error *err) {
    *out = (rk__arguments){.command = RK__COMMAND_NONE,
                           .program = argc > 0 ? argv[0] : "rankine",
                           .seed = RK__DEFAULT_SEED,
                           .sync_seconds = (double)RK__DEFAULT_SYNC_NS * 1e-9,
                           .samples = 256,
                           .json = wants_json(argc, argv)};
    size_t room = (size_t)argc + 1;
    void *words = NULL, *zips = NULL, *batch = NULL, *passed = NULL;
    rk_status status = rk__alloc(&words, room, sizeof *out->words, "words", err);
    if (status == RK_OK)
        status = rk__alloc(&zips, room, sizeof *out->zips, "words", err);
    if (status == RK_OK)
        status = rk__alloc(&batch, room, sizeof *out->batch, "words", err);
    if (status == RK_OK)
        status = rk__alloc(&passed, room + RK__FORWARD_MORE, sizeof *out->forward, "words", err);
    out->words = words;
    out->zips = zips;
    out->batch = batch;
    out->forward = passed;
    return status;
}

rk_status rk__arguments_parse(rk__arguments *out, int argc, char **argv, rk_error *err) {
    RK_TRY(prepare(out, argc, argv, err));
    parser p = {.arguments = out, .argc = argc, .next = argc > 0, .argv = argv};
    forward(&p, 0, p.next);
    RK_TRY(parse_words(&p, err));
    return check_places(&p, err);
}

void rk__arguments_look(rk__arguments *out, int argc, char **argv) {
    parser p = {.arguments = out, .argc = argc, .next = argc > 0, .argv = argv, .looking = true};
    if (prepare(out, argc, argv, NULL) == RK_OK)
        parse_words(&p, NULL);
}

const char *rk__arguments_given(const rk__arguments *arguments, const char *name) {
    const rk__option *option = find_long(name, strlen(name));
    return option != NULL ? arguments->given[place_of(option)] : NULL;
}

/* Behind the program: "--" may stand further on. */
rk_status rk__arguments_add(rk__arguments *a, const rk__option *option, const char *value, char *word, rk_error *err) {
    RK_TRY(option->set(a, value, err));
    memmove(a->forward + 2, a->forward + 1, a->forward_count * sizeof *a->forward);
    a->forward[1] = word;
    a->forward_count++;
    return RK_OK;
}

void rk__arguments_fini(rk__arguments *arguments) {
    free(arguments->words);
    free(arguments->zips);
    free(arguments->batch);
    free(arguments->forward);
    *arguments = (rk__arguments){.command = RK__COMMAND_NONE};
}
