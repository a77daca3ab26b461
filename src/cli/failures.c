#include "cli/failures.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/display.h"
#include "cli/spaceout.h"

enum { FEW = 5 };

/* ---- patterns ---- */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Length of the number at the beginning of a text, 0 if there is none: digits, with a sign, a fraction, an exponent. */
static size_t number_length(const char *text) {
    size_t i = *text == '-' || *text == '+';
    if (!is_digit(text[i]))
        return 0;
    while (is_digit(text[i]))
        i++;
    if (text[i] == '.' && is_digit(text[i + 1]))
        for (i++; is_digit(text[i]);)
            i++;
    size_t exponent = i + 1 + (text[i] != '\0' && (text[i + 1] == '-' || text[i + 1] == '+'));
    if ((text[i] == 'e' || text[i] == 'E') && is_digit(text[exponent]))
        for (i = exponent; is_digit(text[i]);)
            i++;
    return i;
}

/* The number, or what stands for one. */
static size_t slot_length(const char *pattern) {
    return pattern[0] == '.' && pattern[1] == '.' ? 2 : number_length(pattern);
}

bool rk__failures_widen(char *pattern, const char *message) {
    char wide[RK__FAILURE_TEXT_MAX + 2];
    size_t length = 0;
    for (const char *p = pattern; *p != '\0' || *message != '\0';) {
        size_t slot = slot_length(p), number = number_length(message);
        bool numbers = slot > 0 && number > 0, same = slot == number && memcmp(p, message, slot) == 0;
        size_t step = numbers ? slot : 1;
        const char *text = numbers && !same ? ".." : p;
        size_t added = numbers && !same ? 2 : step;
        if ((!numbers && *p != *message) || length + added >= RK__FAILURE_TEXT_MAX)
            return false;
        memcpy(wide + length, text, added);
        length += added;
        p += step;
        message += numbers ? number : 1;
    }
    wide[length] = '\0';
    memcpy(pattern, wide, length + 1);
    return true;
}

/* ---- groups ---- */

static int by_count(const void *a, const void *b) {
    const rk__failure_group *left = a, *right = b;
    if (left->count != right->count)
        return left->count < right->count ? 1 : -1;
    return left->first_task < right->first_task ? -1 : left->first_task > right->first_task;
}

static rk__failure_group group_of(const rk__failure *failure) {
    rk__failure_group group = {1, failure->task, failure->task, failure->code, "", ""};
    memcpy(group.pattern, failure->message, sizeof group.pattern);
    memcpy(group.message, failure->message, sizeof group.message);
    return group;
}

static void add_to(rk__failure_group *group, const rk__failure *failure) {
    group->count++;
    if (failure->task < group->first_task) {
        group->first_task = failure->task;
        memcpy(group->message, failure->message, sizeof group->message);
    }
    if (failure->task > group->last_task)
        group->last_task = failure->task;
}

rk_status rk__failures_group(const rk__failure *failures, size_t count, rk__failure_group **out, size_t *groups,
                             rk_error *err) {
    rk__failure_group *found;
    size_t n = 0;
    RK_TRY(rk__alloc((void **)&found, count, sizeof *found, "failures", err));
    for (size_t i = 0; i < count; i++) {
        const rk__failure *failure = &failures[i];
        size_t g = 0;
        while (g < n && (found[g].code != failure->code || !rk__failures_widen(found[g].pattern, failure->message)))
            g++;
        if (g == n)
            found[n++] = group_of(failure);
        else
            add_to(&found[g], failure);
    }
    qsort(found, n, sizeof *found, by_count);
    *out = found;
    *groups = n;
    return RK_OK;
}

/* "  failed      80 with code 7, tasks 0 to 79; task 0: rho=20 sigma=8", and below it what that task says. */
static void add_head(rk__text *line, const rk__failure_group *group, const rk__space *space) {
    rk__text_add(line, "  %-11s ", "failed");
    if (group->count > 1)
        rk__text_add(line, "%" PRIu64 " alike with code %" PRId32 ", tasks %" PRIu64 " to %" PRIu64 "; the first",
                     group->count, group->code, group->first_task, group->last_task);
    else
        rk__text_add(line, "task %" PRIu64 " with code %" PRId32, group->first_task, group->code);
    if (space != NULL && space->axis_count > 0) {
        rk__text_add(line, group->count > 1 ? ", at " : " at ");
        rk__space_where(line, space, group->first_task);
    }
    rk__text_add(line, ":");
}

static void add_line(rk__text *out, const char *line, int columns) {
    rk__display_cut(out, line, columns > 0 ? (size_t)columns : strlen(line));
    rk__text_add(out, "\n");
}

static void add_group(rk__text *out, const rk__failure_group *group, const rk__failures_view *view) {
    rk__text head = RK__TEXT_INIT, message = RK__TEXT_INIT;
    add_head(&head, group, view->space);
    rk__text_add(&message, "%14s%s", "", *group->message ? group->message : "(no message)");
    add_line(out, rk__text_get(&head), view->columns);
    add_line(out, rk__text_get(&message), view->columns);
    out->failed = out->failed || head.failed || message.failed;
    rk__text_fini(&head);
    rk__text_fini(&message);
}

/* A few are told one by one. */
static rk_status few_or_groups(const rk__failure *failures, size_t count, rk__failure_group **out, size_t *groups) {
    if (count > FEW)
        return rk__failures_group(failures, count, out, groups, NULL);
    RK_TRY(rk__alloc((void **)out, count, sizeof **out, "failures", NULL));
    for (size_t i = 0; i < count; i++)
        (*out)[i] = group_of(&failures[i]);
    *groups = count;
    return RK_OK;
}

void rk__failures_print(rk__text *out, const rk__failure *failures, size_t count, const rk__failures_view *view) {
    rk__failure_group *groups = NULL;
    size_t group_count = 0;
    uint64_t shown = 0;
    if (count == 0)
        return;
    if (few_or_groups(failures, count, &groups, &group_count) != RK_OK) {
        out->failed = true;
        return;
    }
    rk__text_add(out, "\n");
    for (size_t g = 0; g < group_count && g < view->most; g++) {
        add_group(out, &groups[g], view);
        shown += groups[g].count;
    }
    if (view->failed > shown)
        rk__text_add(out, "  ... and %" PRIu64 " more\n", view->failed - shown);
    if (view->failed > FEW)
        rk__text_add(out, "  (--json lists the failed tasks one by one)\n");
    free(groups);
}
