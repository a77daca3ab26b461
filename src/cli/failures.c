#include "cli/failures.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/display.h"

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

static rk__failure_group group_of(const rk__failure *failure, const char *host) {
    rk__failure_group group = {
        .count = 1, .first_task = failure->task, .last_task = failure->task, .code = failure->code, .host = host};
    group.few[0] = failure->task;
    memcpy(group.pattern, failure->message, sizeof group.pattern);
    memcpy(group.message, failure->message, sizeof group.message);
    return group;
}

/* Among the lowest so far. */
static void keep_few(rk__failure_group *group, uint64_t task) {
    size_t at = group->count < RK__FAILURES_FEW ? (size_t)group->count : RK__FAILURES_FEW;
    if (at == RK__FAILURES_FEW && group->few[--at] < task)
        return;
    for (; at > 0 && group->few[at - 1] > task; at--)
        group->few[at] = group->few[at - 1];
    group->few[at] = task;
}

static void add_to(rk__failure_group *group, const rk__failure *failure, const char *host) {
    keep_few(group, failure->task);
    if (group->host != NULL && (host == NULL || strcmp(group->host, host) != 0))
        group->host = NULL;
    group->count++;
    if (failure->task < group->first_task) {
        group->first_task = failure->task;
        memcpy(group->message, failure->message, sizeof group->message);
    }
    if (failure->task > group->last_task)
        group->last_task = failure->task;
}

static bool is_like(rk__failure_group *group, const rk__failure *failure, bool widen) {
    if (group->code != failure->code)
        return false;
    return widen ? rk__failures_widen(group->pattern, failure->message) : strcmp(group->pattern, failure->message) == 0;
}

static rk_status make_groups(const rk__failure *failures, const rk__host *const *hosts, size_t count, bool widen,
                             rk__failure_group **out, size_t *groups, rk_error *err) {
    rk__failure_group *found;
    size_t n = 0;
    RK_TRY(rk__alloc((void **)&found, count, sizeof *found, "failures", err));
    for (size_t i = 0; i < count; i++) {
        const rk__failure *failure = &failures[i];
        const char *host = hosts != NULL && hosts[i] != NULL ? hosts[i]->name : NULL;
        size_t g = 0;
        while (g < n && !is_like(&found[g], failure, widen))
            g++;
        if (g == n)
            found[n++] = group_of(failure, host);
        else
            add_to(&found[g], failure, host);
    }
    qsort(found, n, sizeof *found, by_count);
    *out = found;
    *groups = n;
    return RK_OK;
}

rk_status rk__failures_group(const rk__failure *failures, const rk__host *const *hosts, size_t count,
                             rk__failure_group **out, size_t *groups, rk_error *err) {
    return make_groups(failures, hosts, count, true, out, groups, err);
}

/* ---- for a person ---- */

/* "tasks 3 to 12" only where it is all of these. */
static void add_tasks(rk__text *line, const rk__failure_group *group) {
    if (group->last_task - group->first_task + 1 == group->count && group->count > 2) {
        rk__text_add(line, "tasks %" PRIu64 " to %" PRIu64, group->first_task, group->last_task);
        return;
    }
    for (size_t i = 0; i < group->count && i < RK__FAILURES_FEW; i++)
        rk__text_add(line, "%s%" PRIu64, i > 0 ? ", " : "tasks ", group->few[i]);
    if (group->count > RK__FAILURES_FEW)
        rk__text_add(line, ", ...");
}

/* "  failed      80 alike with code 7, tasks 0 to 79; the first, at rho=20 sigma=8:", and below it what that says. */
static void add_head(rk__text *line, const rk__failure_group *group, const rk__space *space) {
    rk__text_add(line, "  %-11s ", "failed");
    if (group->count > 1) {
        rk__text_add(line, "%" PRIu64 " alike with code %" PRId32 ", ", group->count, group->code);
        add_tasks(line, group);
        if (group->host != NULL)
            rk__text_add(line, ", all on %s", group->host);
        rk__text_add(line, "; the first");
    } else {
        rk__text_add(line, "task %" PRIu64 " with code %" PRId32, group->first_task, group->code);
        if (group->host != NULL)
            rk__text_add(line, " on %s", group->host);
    }
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

void rk__failures_print(rk__text *out, const rk__failure *failures, size_t count, const rk__failures_view *view) {
    rk__failure_group *groups = NULL;
    size_t group_count = 0;
    uint64_t shown = 0;
    if (count == 0)
        return;
    bool widen = count > RK__FAILURES_FEW; /* of a few the numbers are worth reading */
    if (make_groups(failures, view->hosts, count, widen, &groups, &group_count, NULL) != RK_OK) {
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
    if (view->failed > RK__FAILURES_FEW && !view->brief)
        rk__text_add(out, "  (--json lists the failed tasks one by one)\n");
    free(groups);
}
