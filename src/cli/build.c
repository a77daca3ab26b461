#include "cli/build.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/quote.h"
#include "kernel/search.h"

typedef struct compiler {
    const char *name, *standard; /* what is said before and after the flags that all share */
    bool needs_module, needs_libm;
} compiler;

/* In the order of rk__language. */
static const compiler compilers[] = {
    [RK__LANGUAGE_C] = {"cc", "", false, true},
    [RK__LANGUAGE_CPP] = {"c++", " -std=c++17", false, false},
    [RK__LANGUAGE_FORTRAN] = {"gfortran", "", true, false},
};

static void add_header(rk__text *out, const compiler *c, const char *include) {
    rk__text word = RK__TEXT_INIT;
    rk__text_add(&word, c->needs_module ? "%s/rankine/kernel.f90" : "-I%s", include != NULL ? include : "");
    if (include != NULL)
        rk__quote_add(out, rk__text_get(&word));
    else if (c->needs_module)
        rk__text_add(out, "\"$(pkg-config --variable=includedir rankine-kernel)/rankine/kernel.f90\"");
    else
        rk__text_add(out, "$(pkg-config --cflags rankine-kernel)");
    rk__text_fini(&word);
}

/* Results must not depend on how a compiler fuses a*b+c. */
void rk__build_line(rk__text *out, rk__language language, const char *source, const char *object) {
    const compiler *c = &compilers[language];
    char *include = rk__search_include();
    rk__text_add(out, "%s%s -shared -fPIC -O2 -ffp-contract=off ", c->name, c->standard);
    add_header(out, c, include);
    rk__text_add(out, " ");
    rk__quote_add(out, source);
    rk__text_add(out, " -o ");
    rk__quote_add(out, object);
    rk__text_add(out, "%s", c->needs_libm ? " -lm" : "");
    free(include);
}

/* By its suffix. */
static bool language_of(const char *path, rk__language *out) {
    static const struct {
        const char *suffix;
        rk__language language;
    } known[] = {{".c", RK__LANGUAGE_C},       {".cpp", RK__LANGUAGE_CPP},     {".cc", RK__LANGUAGE_CPP},
                 {".cxx", RK__LANGUAGE_CPP},   {".f90", RK__LANGUAGE_FORTRAN}, {".F90", RK__LANGUAGE_FORTRAN},
                 {".f", RK__LANGUAGE_FORTRAN}, {".f03", RK__LANGUAGE_FORTRAN}, {".f08", RK__LANGUAGE_FORTRAN}};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof known / sizeof *known; i++)
        if (strcmp(dot, known[i].suffix) == 0) {
            *out = known[i].language;
            return true;
        }
    return false;
}

rk_status rk__build_refuse_source(const char *kernel, rk_error *err) {
    struct stat info;
    rk__language language;
    if (!language_of(kernel, &language) || stat(kernel, &info) != 0 || !S_ISREG(info.st_mode))
        return RK_OK;
    rk__text object = RK__TEXT_INIT, line = RK__TEXT_INIT;
    rk__text_add(&object, "%s%.*s.so", strchr(kernel, '/') != NULL ? "" : "./", (int)(strrchr(kernel, '.') - kernel),
                 kernel);
    rk__build_line(&line, language, kernel, rk__text_get(&object));
    rk_status status = rk__fail(err, RK_EINVAL, "'%s' is a kernel's source; build it, and give %s instead: %s", kernel,
                                rk__text_get(&object), rk__text_get(&line));
    rk__text_fini(&object);
    rk__text_fini(&line);
    return status;
}
