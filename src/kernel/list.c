#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/search.h"

enum { LIST_MAX = 512 };

typedef struct list {
    rk__module_entry *entries;
    size_t count;
} list;

static bool is_listed(const list *found, const char *name) {
    for (size_t i = 0; i < found->count; i++)
        if (strcmp(found->entries[i].name, name) == 0)
            return true;
    return false;
}

static void add_entry(list *found, const char *name, const char *path, const char *summary) {
    if (found->count < LIST_MAX && !is_listed(found, name))
        found->entries[found->count++] = (rk__module_entry){rk__strdup(name), rk__strdup(path), rk__strdup(summary)};
}

static void add_file(list *found, const char *name, const char *path) {
    rk__module module;
    rk_error err = RK_ERROR_INIT;
    char trouble[RK_ERROR_TEXT_MAX + 32];
    if (is_listed(found, name))
        return;
    if (rk__module_load(&module, path, NULL, &err) == RK_OK) {
        add_entry(found, name, path, module.kernel->summary ? module.kernel->summary : "");
        rk__module_unload(&module);
        return;
    }
    snprintf(trouble, sizeof trouble, "cannot be loaded: %s", err.message);
    add_entry(found, name, path, trouble);
}

static void add_directory(list *found, const char *directory) {
    DIR *open = opendir(directory);
    const struct dirent *entry;
    while (open != NULL && (entry = readdir(open)) != NULL) {
        char path[PATH_MAX], name[NAME_MAX + 1];
        size_t length = strlen(entry->d_name);
        if (length <= 3 || strcmp(entry->d_name + length - 3, ".so") != 0)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(length - 3), entry->d_name);
        if (snprintf(path, sizeof path, "%s/%s", directory, entry->d_name) < (int)sizeof path)
            add_file(found, name, path);
    }
    if (open != NULL)
        closedir(open);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const rk__module_entry *)a)->name, ((const rk__module_entry *)b)->name);
}

rk_status rk__module_list(rk__module_entry **out, size_t *count, const rk_kernel *const *linked, rk_error *err) {
    list found = {0};
    rk__search search;
    RK_TRY(rk__alloc((void **)&found.entries, LIST_MAX, sizeof *found.entries, "list of kernels", err));
    for (size_t i = 0; linked != NULL && linked[i] != NULL; i++)
        add_entry(&found, linked[i]->name, NULL, linked[i]->summary ? linked[i]->summary : "");
    rk__search_init(&search);
    for (size_t i = 0; i < search.count; i++)
        add_directory(&found, search.directories[i]);
    rk__search_fini(&search);
    qsort(found.entries, found.count, sizeof *found.entries, by_name);
    *out = found.entries;
    *count = found.count;
    return RK_OK;
}

void rk__module_list_free(rk__module_entry *entries, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(entries[i].name);
        free(entries[i].path);
        free(entries[i].summary);
    }
    free(entries);
}
