#include "kernel/search.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

char *rk__search_binary(void) {
    char path[PATH_MAX];
#ifdef __APPLE__
    uint32_t size = sizeof path;
    if (_NSGetExecutablePath(path, &size) != 0)
        return NULL;
#else
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0)
        return NULL;
    path[length] = '\0';
#endif
    return realpath(path, NULL);
}

static void add(rk__search *search, const char *base, size_t length, const char *tail) {
    char path[PATH_MAX];
    int size = snprintf(path, sizeof path, "%.*s%s", (int)length, base, tail);
    if (length > 0 && size > 0 && (size_t)size < sizeof path && search->count < RK__SEARCH_MAX &&
        (search->directories[search->count] = rk__strdup(path)) != NULL)
        search->count++;
}

static void add_list(rk__search *search, const char *list) {
    while (list != NULL && *list != '\0') {
        size_t length = strcspn(list, ":");
        add(search, list, length, "");
        list += length + (list[length] == ':');
    }
}

void rk__search_init(rk__search *search) {
    *search = (rk__search){0};
    add_list(search, getenv("RANKINE_KERNEL_PATH"));
    char *binary = rk__search_binary();
    if (binary != NULL) {
        size_t directory = (size_t)(strrchr(binary, '/') - binary);
        add(search, binary, directory, "/kernels");
        add(search, binary, directory, "/../" RANKINE_KERNEL_SUBDIR);
    }
    add(search, RANKINE_KERNEL_INSTALLED, strlen(RANKINE_KERNEL_INSTALLED), "");
    free(binary);
}

void rk__search_fini(rk__search *search) {
    for (size_t i = 0; i < search->count; i++)
        free(search->directories[i]);
    *search = (rk__search){0};
}

char *rk__search_find(const rk__search *search, const char *name) {
    for (size_t i = 0; i < search->count; i++) {
        char path[PATH_MAX];
        int size = snprintf(path, sizeof path, "%s/%s.so", search->directories[i], name);
        if (size > 0 && (size_t)size < sizeof path && access(path, R_OK) == 0)
            return realpath(path, NULL);
    }
    return NULL;
}

static void add_include_directories(rk__search *search) {
    char *binary = rk__search_binary();
    if (binary != NULL) {
        size_t directory = (size_t)(strrchr(binary, '/') - binary);
        add(search, binary, directory, "/include");
        add(search, binary, directory, "/../" RANKINE_INCLUDE_SUBDIR);
    }
    add(search, RANKINE_INCLUDE_INSTALLED, strlen(RANKINE_INCLUDE_INSTALLED), "");
    free(binary);
}

char *rk__search_include(void) {
    rk__search search = {0};
    char *found = NULL, path[PATH_MAX];
    add_include_directories(&search);
    for (size_t i = 0; i < search.count && found == NULL; i++) {
        int size = snprintf(path, sizeof path, "%s/rankine/kernel.f90", search.directories[i]);
        if (size > 0 && (size_t)size < sizeof path && access(path, R_OK) == 0)
            found = realpath(search.directories[i], NULL);
    }
    rk__search_fini(&search);
    return found;
}
