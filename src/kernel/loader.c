#include "kernel/loader.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "kernel/search.h"

typedef const rk_kernel *(*entry_fn)(void);

static rk_status hash_file(const char *path, uint64_t out[2], rk_error *err) {
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        int code = errno;
        if (fd >= 0)
            close(fd);
        return rk__fail(err, code == ENOENT ? RK_ENOENT : RK_EPERM, "kernel '%s': %s", path, rk__errno_text(code));
    }
    void *bytes = S_ISREG(info.st_mode) && info.st_size > 0
                      ? mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
                      : MAP_FAILED;
    close(fd);
    if (bytes == MAP_FAILED)
        return rk__fail(err, RK_EFORMAT, "kernel '%s' is not a shared object%s", path,
                        S_ISDIR(info.st_mode) ? ": it is a directory" : "");
    XXH128_hash_t hash = XXH3_128bits(bytes, (size_t)info.st_size);
    munmap(bytes, (size_t)info.st_size);
    out[0] = hash.low64;
    out[1] = hash.high64;
    return RK_OK;
}

/* An object built with -Ofast sets flush-to-zero in its constructor, for the whole process. And it stays mapped when it
 * is closed: threads that it, or an OpenMP library that came with it, has started may still be in its code. */
static void *open_object(const char *path) {
    fenv_t before;
    fegetenv(&before);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    fesetenv(&before);
    return handle;
}

static rk_status check_abi(const char *path, const rk_kernel *kernel, rk_error *err) {
    if (kernel == NULL || kernel->magic != RK_KERNEL_MAGIC)
        return rk__fail(err, RK_EFORMAT, "'%s' has an entry rankine_kernel(), but no kernel behind it", path);
    if (kernel->abi == RK_KERNEL_ABI && kernel->size != sizeof(rk_kernel))
        return rk__fail(err, RK_EABI,
                        "kernel '%s': its description has %llu bytes, this Rankine's has %zu; build it anew with this "
                        "version's headers",
                        path, (unsigned long long)kernel->size, sizeof(rk_kernel));
    if (kernel->abi != RK_KERNEL_ABI)
        return rk__fail(err, RK_EABI,
                        "kernel '%s' was built for kernel interface %u, this Rankine has %u; build it anew "
                        "with this version's headers",
                        path, kernel->abi, RK_KERNEL_ABI);
    return RK_OK;
}

/* ---- makers ---- */

typedef struct maker_host {
    rk_error why;
    const rk__listener *listener;
} maker_host;

static int refuse(rk_maker *maker, const char *fmt, va_list args) {
    char text[RK_ERROR_TEXT_MAX];
    vsnprintf(text, sizeof text, fmt, args);
    return (int)rk__fail(&((maker_host *)maker->host)->why, RK_EINVAL, "%s", text);
}

static void warn(rk_maker *maker, const char *fmt, va_list args) {
    const rk__listener *listener = ((maker_host *)maker->host)->listener;
    char text[RK_ERROR_TEXT_MAX];
    vsnprintf(text, sizeof text, fmt, args);
    if (listener->hear != NULL)
        listener->hear(listener->ctx, text);
}

static const rk_maker_api api_of_runs = {sizeof(rk_maker_api), refuse, warn, rk__nearest};
static const rk_maker_api api_of_files = {sizeof(rk_maker_api), refuse, NULL, rk__nearest};

rk_status rk__module_make(rk__module *module, const rk_given *given, size_t count, const rk__listener *listener,
                          rk_error *err) {
    const char *path = module->path ? module->path : "this program";
    maker_host host = {RK_ERROR_INIT, listener};
    rk_maker maker = {given, count, listener != NULL ? &api_of_runs : &api_of_files, &host};
    const rk_kernel *kernel = module->make(&maker);
    if (kernel == NULL)
        return rk__fail(err, host.why.code != RK_OK ? host.why.code : RK_EKERNEL, "%s",
                        host.why.code != RK_OK ? host.why.message : "the kernel cannot be made, and does not say why");
    RK_TRY(check_abi(path, kernel, err));
    RK_TRY(rk__kernel_check(kernel, err));
    module->kernel = kernel;
    return RK_OK;
}

/* ---- loading ---- */

static void *find_symbol(const rk__module *module, const char *name, void *function, size_t size) {
    void *symbol = dlsym(module->handle, name);
    if (symbol != NULL)
        memcpy(function, &symbol, size); /* ISO C has no cast from object to function pointers */
    return symbol;
}

static rk_status enter(rk__module *module, const char *given, rk_error *err) {
    entry_fn entry;
    if (find_symbol(module, "rankine_kernel_make", &module->make, sizeof module->make) != NULL)
        return rk__module_make(module, NULL, 0, NULL, err);
    if (find_symbol(module, "rankine_kernel", &entry, sizeof entry) == NULL)
        return rk__fail(err, RK_EFORMAT,
                        "'%s' is a shared object without a kernel: it needs RK_KERNEL(...) of "
                        "<rankine/kernel.h>",
                        given);
    module->kernel = entry();
    RK_TRY(check_abi(given, module->kernel, err));
    return rk__kernel_check(module->kernel, err);
}

static rk_status load_path(rk__module *out, const char *given, rk_error *err) {
    char *path = realpath(given, NULL);
    if (path == NULL)
        return rk__fail(err, RK_ENOENT, "kernel '%s': %s", given, rk__errno_text(errno));
    rk__module module = {.path = path};
    rk_status status = hash_file(path, module.content, err);
    if (status == RK_OK && (module.handle = open_object(path)) == NULL)
        status = rk__fail(err, RK_EFORMAT, "kernel '%s' cannot be loaded: %s", given, dlerror());
    if (status == RK_OK)
        status = enter(&module, given, err);
    if (status != RK_OK) {
        module.kernel = NULL; /* perhaps none at all: its end is not called */
        rk__module_unload(&module);
        return status;
    }
    *out = module;
    return RK_OK;
}

static rk_status load_linked(rk__module *out, const rk_kernel *kernel, rk_error *err) {
    rk__module module = {.kernel = kernel};
    RK_TRY(check_abi(kernel->name, kernel, err));
    RK_TRY(rk__kernel_check(kernel, err));
    char *binary = rk__search_binary();
    if (binary != NULL)
        (void)hash_file(binary, module.content, NULL);
    free(binary);
    *out = module;
    return RK_OK;
}

/* The kernel whose name is near enough to be meant; borrowed from the entries, or NULL. */
static const char *nearest_kernel(const char *name, const rk__module_entry *entries, size_t count) {
    const char **names = calloc(count + 1, sizeof *names), *nearest = NULL;
    for (size_t i = 0; names != NULL && i < count; i++)
        names[i] = entries[i].name;
    if (names != NULL)
        nearest = rk__nearest(name, names, count);
    free(names);
    return nearest;
}

static rk_status no_such_kernel(const char *name, const rk_kernel *const *linked, rk_error *err) {
    rk__module_entry *entries = NULL;
    size_t count = 0;
    const char *nearest = NULL;
    if (rk__module_list(&entries, &count, linked, err) == RK_OK)
        nearest = nearest_kernel(name, entries, count);
    rk_status status =
        rk__fail(err, RK_ENOENT,
                 "no kernel '%s'%s%s%s 'rankine kernels' lists them, a path such as ./%s.so "
                 "names a file",
                 name, nearest ? "; did you mean '" : ";", nearest ? nearest : "", nearest ? "'?" : "", name);
    rk__module_list_free(entries, count);
    return status;
}

static bool is_path(const char *name) {
    size_t length = strlen(name);
    return strchr(name, '/') != NULL || (length > 3 && strcmp(name + length - 3, ".so") == 0);
}

rk_status rk__module_load(rk__module *out, const char *name, const rk_kernel *const *linked, rk_error *err) {
    if (is_path(name))
        return load_path(out, name, err);
    for (size_t i = 0; linked != NULL && linked[i] != NULL; i++)
        if (strcmp(linked[i]->name, name) == 0)
            return load_linked(out, linked[i], err);
    rk__search search;
    rk__search_init(&search);
    char *path = rk__search_find(&search, name);
    rk__search_fini(&search);
    if (path == NULL)
        return no_such_kernel(name, linked, err);
    rk_status status = load_path(out, path, err);
    free(path);
    return status;
}

void rk__module_unload(rk__module *module) {
    if (module->kernel != NULL && module->kernel->end != NULL)
        module->kernel->end();
    if (module->handle != NULL)
        dlclose(module->handle);
    free(module->path);
    *module = (rk__module){0};
}
