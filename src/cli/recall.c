#include "cli/recall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/drive.h"
#include "cli/quote.h"

typedef struct policy {
    const char *name;
    const char *instead;   /* an option that says it in another way, or the opposite; or NULL */
    const char *off;       /* what turns it off */
    const char *off_value; /* the value that does */
} policy;

static const policy policies[] = {
    {"isolate", "no-isolate", "--no-isolate", NULL},
    {"task-timeout", NULL, "--task-timeout none", "none"},
    {"task-memory", NULL, "--task-memory none", "none"},
    {"retries", NULL, "--retries 0", "0"},
    {"max-failures", "fail-fast", "--max-failures none", "none"},
    {"fail-fast", "max-failures", "--max-failures none", NULL},
};
enum { POLICIES = sizeof policies / sizeof *policies };
_Static_assert((int)POLICIES <= (int)RK__FORWARD_MORE, "the ranks are told of all of them");

/* ---- the command line of before ---- */

static rk_status read_words(rk__record *record, rk__quoted *out, rk_error *err) {
    rk__fact *facts = NULL;
    size_t count = 0;
    RK_TRY(rk__record_read_facts(record, &facts, &count, err));
    rk_status status = RK_OK;
    for (size_t i = 0; status == RK_OK && i < count; i++)
        if (strcmp(facts[i].key, "command_line") == 0 && out->words == NULL)
            status = rk__quote_split(out, facts[i].value, err);
    rk__record_facts_free(facts, count);
    return status;
}

/* ---- what is taken over ---- */

/* Limits that were there for isolated tasks go with the isolation. */
static bool needs_isolation(const policy *p, const rk__arguments *was) {
    bool limit = strncmp(p->name, "task-", 5) == 0;
    return limit && rk__arguments_given(was, "isolate") != NULL;
}

static bool is_wanted(const policy *p, const rk__arguments *was, const rk__arguments *now) {
    const char *value = rk__arguments_given(was, p->name);
    bool anew = rk__arguments_given(now, p->name) != NULL;
    if (p->instead != NULL && rk__arguments_given(now, p->instead) != NULL)
        anew = true;
    bool off = value != NULL && p->off_value != NULL && strcmp(value, p->off_value) == 0;
    bool lost = needs_isolation(p, was) && rk__arguments_given(now, "no-isolate") != NULL;
    return value != NULL && !anew && !off && !lost;
}

static rk_status take(rk__recall *recall, const policy *p, const char *value, rk__arguments *now, rk_error *err) {
    size_t count;
    const rk__option *options = rk__options(&count), *option = options;
    while (strcmp(option->name, p->name) != 0)
        option++;
    size_t size = strlen(p->name) + strlen(value) + sizeof "--=";
    char *word;
    RK_TRY(rk__alloc((void **)&word, size, 1, "words", err));
    snprintf(word, size, "--%s%s%s", p->name, *value ? "=" : "", value);
    recall->added[recall->added_count++] = word;
    return rk__arguments_add(now, option, value, word, err);
}

static void say(const rk__text *taken, const rk__text *off) {
    fprintf(stderr, "rankine: as in the run:%s; give them again to change them, or to turn them off: %s\n",
            rk__text_get(taken), rk__text_get(off));
}

static rk_status take_all(rk__recall *recall, const rk__arguments *was, rk__cli *cli, rk_error *err) {
    rk__text taken = RK__TEXT_INIT, off = RK__TEXT_INIT;
    bool wanted[POLICIES];
    rk_status status = RK_OK;
    for (size_t i = 0; i < POLICIES; i++) /* before any is added */
        wanted[i] = is_wanted(&policies[i], was, &cli->arguments);
    for (size_t i = 0; status == RK_OK && i < POLICIES; i++) {
        if (!wanted[i])
            continue;
        const char *value = rk__arguments_given(was, policies[i].name);
        rk__text_add(&taken, " --%s%s%s", policies[i].name, *value ? " " : "", value);
        rk__text_add(&off, "%s%s", off.length ? ", " : "", policies[i].off);
        status = take(recall, &policies[i], value, &cli->arguments, err);
    }
    if (status == RK_OK && taken.length > 0 && !cli->arguments.quiet && !rk__drive_is_silent_rank())
        say(&taken, &off);
    rk__text_fini(&taken);
    rk__text_fini(&off);
    return status;
}

rk_status rk__recall_policy(rk__recall *out, rk__cli *cli, rk__record *record, rk_error *err) {
    rk__quoted words = {0};
    rk__arguments was;
    if (read_words(record, &words, NULL) != RK_OK) /* not written by this command: nothing to go by */
        return RK_OK;
    rk__arguments_look(&was, words.count, words.words);
    rk_status status = was.command == RK__COMMAND_RUN ? take_all(out, &was, cli, err) : RK_OK;
    rk__arguments_fini(&was);
    rk__quote_fini(&words);
    return status;
}

void rk__recall_fini(rk__recall *recall) {
    for (size_t i = 0; i < recall->added_count; i++)
        free(recall->added[i]);
    *recall = (rk__recall){0};
}

/* ---- the machine ---- */

void rk__recall_machine(rk__text *out, const char *command_line) {
    static const char *const names[][2] = {{"ranks", "-n"},
                                           {"hostfile", "--hostfile"},
                                           {"threads", "--threads"},
                                           {"jobs-per-rank", "--jobs-per-rank"},
                                           {"cores-per-task", "--cores-per-task"}};
    rk__quoted words = {0};
    rk__arguments was;
    if (command_line == NULL || rk__quote_split(&words, command_line, NULL) != RK_OK)
        return;
    rk__arguments_look(&was, words.count, words.words);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = rk__arguments_given(&was, names[i][0]);
        if (value == NULL)
            continue;
        rk__text_add(out, " %s ", names[i][1]);
        rk__quote_add(out, value);
    }
    rk__arguments_fini(&was);
    rk__quote_fini(&words);
}
