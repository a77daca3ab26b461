#include "meant.h"

#include <stdio.h>
#include <string.h>

#include "parameters.h"

/* What other programs call a setting. */
static const struct {
    const char *name, *setting;
} others[] = {{"shell", "sh"}, {"command", "cmd"}, {"input", "stdin"}};
enum { OTHERS = sizeof others / sizeof *others };

static const rk_param *setting_named(const made *m, const char *name) {
    for (size_t p = 0; p < m->own_params; p++)
        if (strcmp(m->kernel.params[p].name, name) == 0)
            return &m->kernel.params[p];
    return NULL;
}

/* The setting that a name is nearly that of, or NULL. */
static const rk_param *nearest_setting(const made *m, const rk_maker *maker, const char *name) {
    const char *names[RK_PARAMS_MAX + OTHERS];
    size_t count = 0;
    for (; count < m->own_params; count++)
        names[count] = m->kernel.params[count].name;
    for (size_t i = 0; i < OTHERS; i++)
        if (setting_named(m, others[i].setting) != NULL)
            names[count++] = others[i].name;
    const char *near = rk_maker_nearest(maker, name, names, count);
    for (size_t i = 0; near != NULL && i < OTHERS; i++)
        if (strcmp(near, others[i].name) == 0)
            near = others[i].setting;
    return near != NULL ? setting_named(m, near) : NULL;
}

static bool is_yes_or_no(const char *value) {
    static const char *const words[] = {"yes", "no", "true", "false", "on", "off"};
    for (size_t i = 0; value != NULL && i < sizeof words / sizeof *words; i++)
        if (strcmp(value, words[i]) == 0)
            return true;
    return false;
}

/* temp=300 is nearly keep=, but no yes or no; outputs= with commas is taken for a list under another name. */
static bool could_be(const rk_given *given, const rk_param *setting) {
    return setting->type == RK_BOOL ? is_yes_or_no(given->value) : given->type == RK_STRING;
}

bool meant_required(const made *m, rk_maker *maker) {
    for (size_t i = 0; rk_maker_begins(maker) && i < maker->count; i++) {
        const rk_given *given = &maker->given[i];
        const rk_param *near = nearest_setting(m, maker, given->name);
        if (setting_named(m, given->name) != NULL || near == NULL || near->preset != NULL ||
            parameters_is_given(maker, near->name) || !could_be(given, near))
            continue;
        rk_maker_fail(maker, "%s needs the setting %s=, and has %s=: did you mean %s=?", m->kernel.name, near->name,
                      given->name, near->name);
        return false;
    }
    return true;
}

static bool refuse_near_setting(const made *m, rk_maker *maker, const rk_given *given) {
    const rk_param *near = nearest_setting(m, maker, given->name);
    if (near == NULL || !rk_maker_begins(maker) || parameters_is_given(maker, near->name) || !could_be(given, near))
        return false;
    rk_maker_fail(maker,
                  "cmd has no {%s}: did you mean the setting %s=? A parameter that is read from the environment only "
                  "needs a name less like it",
                  given->name, near->name);
    return true;
}

static const rk_given *given_named(const rk_maker *maker, const char *name) {
    for (size_t i = 0; i < maker->count; i++)
        if (strcmp(maker->given[i].name, name) == 0)
            return &maker->given[i];
    return NULL;
}

bool meant_used(const made *m, rk_maker *maker, const bool used[RK_PARAMS_MAX], bool warns) {
    char unused[200] = "";
    size_t length = 0, left = 0;
    const char *last = NULL;
    const rk_param *params = m->kernel.params + m->own_params;
    for (size_t p = 0; m->own_params + p < RK_PARAMS_MAX && params[p].name != NULL; p++) {
        const rk_given *given = given_named(maker, params[p].name);
        if (used[p] || given == NULL)
            continue;
        if (refuse_near_setting(m, maker, given))
            return false;
        last = params[p].name;
        if (length + strlen(last) + 5 < sizeof unused)
            length += (size_t)snprintf(unused + length, sizeof unused - length, "%s{%s}", length > 0 ? ", " : "", last);
        else
            left++;
    }
    if (warns && last != NULL)
        rk_maker_warn(maker, "cmd has no %s%s: the program finds %s in its environment only, as RANKINE_PARAM_%s",
                      unused, left > 0 ? ", ..." : "", strchr(unused, ',') != NULL ? "them" : "it", last);
    return true;
}
