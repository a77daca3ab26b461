#include <stdio.h>
#include <string.h>

#include "batch/batch.h"

enum { NAME_MAX_LENGTH = 64 };
#define MINUTE             UINT64_C(60)
#define LEAST_WARNING      UINT64_C(30) /* Slurm looks at time limits every 30 s */
#define MOST_WARNING       UINT64_C(120)
#define WARNING_OF_UNNAMED UINT64_C(60) /* sbatch(1), --signal */

/* sbatch(1): short options that take a value. */
static const struct {
    char letter;
    const char *name;
} letters[] = {
    {'A', "account"},    {'B', "extra-node-info"},
    {'C', "constraint"}, {'D', "chdir"},
    {'F', "nodefile"},   {'G', "gpus"},
    {'J', "job-name"},   {'L', "licenses"},
    {'M', "clusters"},   {'N', "nodes"},
    {'S', "core-spec"},  {'a', "array"},
    {'b', "begin"},      {'c', "cpus-per-task"},
    {'d', "dependency"}, {'e', "error"},
    {'i', "input"},      {'m', "distribution"},
    {'n', "ntasks"},     {'o', "output"},
    {'p', "partition"},  {'q', "qos"},
    {'t', "time"},       {'w', "nodelist"},
    {'x', "exclude"},
};

/* What the script, or its being submitted, cannot live with, and what to do. */
static const char *const refused[][2] = {
    {"array", "its tasks would share one run file; the ranks of one job do that already (--nodes, --ntasks), and parts "
              "can be jobs of their own: rankine submit -- run ... --part 1/4 -o part1.h5, and rankine merge"},
    {"wrap", "the script is written from what stands behind '--'"},
    {"wait", "'rankine watch FILE' waits for the run"},
    {"ignore-pbs", "there is nothing of PBS in the script"},
    {"input", "ranks have no standard input"},
};

/* ---- times ---- */

/* Up to `most` numbers with colons between them; how many there were, 0 if it is something else. */
static size_t read_numbers(const char *text, unsigned long long numbers[3], size_t most) {
    int used = 0;
    for (size_t count = 0; count < most; count++) {
        if (*text < '0' || *text > '9' || sscanf(text, "%9llu%n", &numbers[count], &used) != 1)
            return 0;
        text += used;
        if (*text == '\0')
            return count + 1;
        if (*text++ != ':')
            return 0;
    }
    return 0;
}

bool rk__batch_seconds(const char *text, uint64_t *out) {
    unsigned long long n[3] = {0, 0, 0}, days = 0;
    const char *dash = strchr(text, '-');
    if (dash != NULL) {
        int used = 0;
        if (*text < '0' || *text > '9' || sscanf(text, "%9llu%n", &days, &used) != 1 || text + used != dash ||
            read_numbers(dash + 1, n, 3) == 0)
            return false;
        *out = ((days * 24 + n[0]) * 60 + n[1]) * 60 + n[2];
        return true;
    }
    switch (read_numbers(text, n, 3)) {
    case 1:
        *out = n[0] * MINUTE;
        return true;
    case 2:
        *out = n[0] * MINUTE + n[1];
        return true;
    case 3:
        *out = (n[0] * 60 + n[1]) * 60 + n[2];
        return true;
    default:
        return false;
    }
}

/* ---- lines ---- */

/* sbatch takes a line apart at blanks, knows both quotes and backslashes, and takes # for a comment. */
static void add_value(rk__text *out, const char *value) {
    static const char special[] = " \"'\\#";
    if (*value != '\0' && value[strcspn(value, special)] == '\0') {
        rk__text_add(out, "%s", value);
        return;
    }
    rk__text_add(out, "\"");
    for (; *value != '\0'; value++)
        rk__text_add(out, *value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
    rk__text_add(out, "\"");
}

static void add_line(rk__text *out, const char *name, const char *value) {
    rk__text_add(out, "#SBATCH --%s", name);
    if (value != NULL) {
        rk__text_add(out, "=");
        add_value(out, value);
    }
    rk__text_add(out, "\n");
}

static bool has_control(const char *text) {
    while (*text != '\0' && (unsigned char)*text >= ' ' && *text != 0x7f)
        text++;
    return *text != '\0';
}

/* ---- options ---- */

/* Only the script itself can wait until the run has stopped, and USR1 is what the run takes for "stop" alone. */
static rk_status read_signal(rk__batch_directives *d, const char *value, rk_error *err) {
    const char *at = value != NULL ? strchr(value, '@') : NULL;
    size_t length = value == NULL ? 0 : at != NULL ? (size_t)(at - value) : strlen(value);
    uint64_t seconds = WARNING_OF_UNNAMED;
    bool is_ours =
        (length == 6 && memcmp(value, "B:USR1", 6) == 0) || (length == 9 && memcmp(value, "B:SIGUSR1", 9) == 0);
    if (!is_ours || (at != NULL && (!rk__parse_u64(at + 1, &seconds) || seconds == 0)))
        return rk__fail(err, RK_EINVAL,
                        "--signal=%s: the script waits for --signal=B:USR1@SECONDS, which has the run stop in order so "
                        "long before the time limit",
                        value != NULL ? value : "");
    d->asks_signal = true;
    d->signal_seconds = seconds;
    return RK_OK;
}

/* A tenth of the job's time, within bounds. */
static void read_time(rk__batch_directives *d, const char *value) {
    uint64_t seconds;
    if (d->asks_signal || value == NULL || !rk__batch_seconds(value, &seconds))
        return;
    uint64_t tenth = seconds / 10;
    d->signal_seconds = tenth < LEAST_WARNING ? LEAST_WARNING : tenth > MOST_WARNING ? MOST_WARNING : tenth;
}

static rk_status refuse(const char *name, rk_error *err) {
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strcmp(name, refused[i][0]) == 0)
            return rk__fail(err, RK_EINVAL, "--%s is no option of submit: %s", name, refused[i][1]);
    return RK_OK;
}

static rk_status understand(rk__batch_directives *d, const char *name, const char *value, rk_error *err) {
    RK_TRY(refuse(name, err));
    if (strcmp(name, "signal") == 0)
        return read_signal(d, value, err);
    if (strcmp(name, "time") == 0)
        read_time(d, value);
    d->names_job = d->names_job || strcmp(name, "job-name") == 0;
    d->says_open_mode = d->says_open_mode || strcmp(name, "open-mode") == 0;
    d->says_requeue = d->says_requeue || strcmp(name, "requeue") == 0 || strcmp(name, "no-requeue") == 0;
    if (strcmp(name, "cpus-per-task") == 0)
        d->cpus = value;
    return RK_OK;
}

static rk_status add_option(rk__batch_directives *d, const char *name, const char *value, rk_error *err) {
    if (has_control(name) || (value != NULL && has_control(value)))
        return rk__fail(err, RK_EINVAL,
                        "--%s: a line break or another control character cannot stand in a script's "
                        "#SBATCH line",
                        name);
    if (strcmp(name, "chdir") == 0) {
        d->chdir = value;
        return RK_OK;
    }
    RK_TRY(understand(d, name, value, err));
    add_line(&d->lines, name, value);
    return RK_OK;
}

/* "--nodes=3" or "--nodes", and then the next word if that is no option. *used: words taken. */
static rk_status read_long(rk__batch_directives *d, const char *word, const char *next, size_t *used, rk_error *err) {
    char name[NAME_MAX_LENGTH];
    size_t length = strcspn(word + 2, "=");
    if (length == 0 || length >= sizeof name)
        return rk__fail(err, RK_EINVAL, "'%s' is no option of sbatch", word);
    memcpy(name, word + 2, length);
    name[length] = '\0';
    bool has_value = word[2 + length] == '=', takes_next = !has_value && next != NULL && next[0] != '-';
    *used = takes_next ? 2 : 1;
    return add_option(d, name, has_value ? word + 3 + length : takes_next ? next : NULL, err);
}

static const char *name_of(char letter) {
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (letters[i].letter == letter)
            return letters[i].name;
    return NULL;
}

/* "-N3", "-N 3"; letters that take no value stay as they are. */
static rk_status read_short(rk__batch_directives *d, const char *word, const char *next, size_t *used, rk_error *err) {
    const char *name = name_of(word[1]);
    *used = 1;
    if (name == NULL && word[1] == 'W')
        return refuse("wait", err);
    if (name == NULL) {
        if (has_control(word))
            return rk__fail(err, RK_EINVAL, "'%s' is no option of sbatch", word);
        rk__text_add(&d->lines, "#SBATCH ");
        add_value(&d->lines, word);
        rk__text_add(&d->lines, "\n");
        return RK_OK;
    }
    if (word[2] == '\0' && next == NULL)
        return rk__fail(err, RK_EINVAL, "%s (--%s) needs a value", word, name);
    *used = word[2] == '\0' ? 2 : 1;
    return add_option(d, name, word[2] == '\0' ? next : word + 2, err);
}

rk_status rk__batch_directives_read(rk__batch_directives *out, const char *const *words, size_t count, rk_error *err) {
    *out = (rk__batch_directives){.signal_seconds = MOST_WARNING};
    for (size_t i = 0, used = 0; i < count; i += used) {
        const char *word = words[i], *next = i + 1 < count ? words[i + 1] : NULL;
        if (word[0] != '-' || word[1] == '\0')
            return rk__fail(err, RK_EINVAL, "'%s': an option of sbatch is expected before '--'", word);
        RK_TRY((word[1] == '-' ? read_long : read_short)(out, word, next, &used, err));
    }
    return RK_OK;
}

rk_status rk__batch_directives_complete(rk__batch_directives *d, const char *job_name, const char *directory,
                                        rk_error *err) {
    if (has_control(directory))
        return rk__fail(err, RK_EINVAL,
                        "directory '%s': a line break or another control character cannot stand in a "
                        "script's #SBATCH line",
                        directory);
    add_line(&d->lines, "chdir", directory);
    if (!d->names_job && !has_control(job_name))
        add_line(&d->lines, "job-name", job_name);
    if (!d->asks_signal)
        rk__text_add(&d->lines, "#SBATCH --signal=B:USR1@%llu\n", (unsigned long long)d->signal_seconds);
    if (!d->says_open_mode)
        rk__text_add(&d->lines, "#SBATCH --open-mode=append\n");
    if (!d->says_requeue)
        rk__text_add(&d->lines, "#SBATCH --requeue\n");
    return RK_OK;
}

void rk__batch_directives_fini(rk__batch_directives *directives) {
    rk__text_fini(&directives->lines);
}
