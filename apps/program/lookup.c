#include "lookup.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef enum found { IS_THERE, IS_ABSENT, IS_NOT_EXECUTABLE, IS_DIRECTORY } found;

static found look_at(const char *path) {
    struct stat status;
    if (stat(path, &status) != 0)
        return IS_ABSENT;
    if (S_ISDIR(status.st_mode))
        return IS_DIRECTORY;
    return access(path, X_OK) == 0 ? IS_THERE : IS_NOT_EXECUTABLE;
}

/* An empty place is the current directory. */
static found look_in(const char *place, size_t length, const char *name) {
    char path[PATH_MAX];
    int written = snprintf(path, sizeof path, "%.*s/%s", length > 0 ? (int)length : 1, length > 0 ? place : ".", name);
    return written > 0 && written < (int)sizeof path ? look_at(path) : IS_ABSENT;
}

/* What cannot be executed is passed over for what can; a directory is no program at all. */
static found look_along_path(const char *name) {
    char usual[256];
    const char *place = getenv("PATH");
    found best = IS_ABSENT;
    if (place == NULL)
        place = confstr(_CS_PATH, usual, sizeof usual) > 0 ? usual : "/bin:/usr/bin";
    for (;;) {
        size_t length = strcspn(place, ":");
        found here = look_in(place, length, name);
        if (here == IS_THERE)
            return IS_THERE;
        best = here == IS_NOT_EXECUTABLE ? here : best;
        if (place[length] == '\0')
            return best;
        place += length + 1;
    }
}

static bool refuse_absent(rk_maker *maker, const char *what, const char *name, const char *hint) {
    bool is_here = strchr(name, '/') == NULL && *name != '\0' && look_at(name) == IS_THERE;
    if (strchr(name, '/') != NULL)
        rk_maker_fail(maker, "%s: '%.200s': there is no such program%s", what, name, hint);
    else if (is_here)
        rk_maker_fail(maker, "%s: '%.200s': there is no such program on PATH: did you mean ./%.200s?", what, name,
                      name);
    else
        rk_maker_fail(maker, "%s: '%.200s': there is no such program on PATH%s", what, name, hint);
    return false;
}

bool lookup_program(rk_maker *maker, const template *words, const char *what, const char *hint) {
    const char *name = template_program(words);
    if (name == NULL || !rk_maker_begins(maker))
        return true;
    switch (*name == '\0' ? IS_ABSENT : strchr(name, '/') != NULL ? look_at(name) : look_along_path(name)) {
    case IS_THERE:
        return true;
    case IS_DIRECTORY:
        rk_maker_fail(maker, "%s: '%.200s' is a directory, no program", what, name);
        return false;
    case IS_NOT_EXECUTABLE:
        rk_maker_fail(maker, "%s: '%.200s' may not be executed: chmod +x it, or name the program that reads it first",
                      what, name);
        return false;
    default:
        return refuse_absent(maker, what, name, hint);
    }
}
