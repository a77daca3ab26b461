/* rankine new NAME [--lang c|c++|fortran] */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/build.h"
#include "cli/cli.h"
#include "cli/jsonout.h"
#include "cli/quote.h"
#include "templates.h"

/* The name of every template; it becomes the new kernel's. */
#define TEMPLATE_NAME "new_kernel"

enum { NAME_MAX_LETTERS = 60 }; /* of a kernel */

typedef struct language {
    const char *name, *suffix, *text;
} language;

/* In the order of rk__language. */
static const language languages[] = {
    [RK__LANGUAGE_C] = {"c", "c", template_c},
    [RK__LANGUAGE_CPP] = {"c++", "cpp", template_cpp},
    [RK__LANGUAGE_FORTRAN] = {"fortran", "f90", template_f90},
};

static rk_status check_name(const char *name, rk_error *err) {
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    bool sound = length > 0 && name[length] == '\0' && !isdigit((unsigned char)name[0]) && length <= NAME_MAX_LETTERS;
    if (!sound)
        return rk__fail(err, RK_EINVAL,
                        "'%.200s' names no kernel: a name is a letter and then letters, digits and _, at most %d", name,
                        NAME_MAX_LETTERS);
    return RK_OK;
}

/* ---- the file ---- */

/* The template with its name replaced wherever it stands. */
static void fill_in(rk__text *out, const char *text, const char *name) {
    for (const char *at; (at = strstr(text, TEMPLATE_NAME)) != NULL; text = at + strlen(TEMPLATE_NAME)) {
        rk__text_add_bytes(out, text, (size_t)(at - text));
        rk__text_add(out, "%s", name);
    }
    rk__text_add(out, "%s", text);
}

static rk_status write_new(const char *path, const rk__text *text, rk_error *err) {
    if (text->failed)
        return rk__fail(err, RK_ENOMEM, "out of memory for '%s'", path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST)
        return rk__fail(err, RK_EEXIST, "'%s' exists: take another name, or remove it first", path);
    if (fd < 0)
        return rk__fail(err, RK_EIO, "'%s' cannot be written: %s", path, rk__errno_text(errno));
    FILE *file = fdopen(fd, "w");
    bool written = file != NULL && fputs(rk__text_get(text), file) >= 0;
    int code = errno;
    if (file != NULL ? fclose(file) != 0 : close(fd) != 0)
        written = false;
    if (written)
        return RK_OK;
    unlink(path);
    return rk__fail(err, RK_EIO, "'%s' cannot be written: %s", path, rk__errno_text(code));
}

/* ---- what to type next ---- */

typedef struct advice {
    rk__text build, describe, run;
} advice;

static void advise(advice *out, const rk__cli *cli, const language *lang, const char *name) {
    *out = (advice){RK__TEXT_INIT, RK__TEXT_INIT, RK__TEXT_INIT};
    char source[NAME_MAX_LETTERS + 8], object[NAME_MAX_LETTERS + 8];
    snprintf(source, sizeof source, "%s.%s", name, lang->suffix);
    snprintf(object, sizeof object, "%s.so", name);
    rk__build_line(&out->build, cli->arguments.language, source, object);
    rk__quote_add(&out->describe, cli->arguments.program);
    rk__text_add(&out->describe, " kernels ./%s.so", name);
    rk__quote_add(&out->run, cli->arguments.program);
    rk__text_add(&out->run, " run ./%s.so angle=5:85:5 drag=0,0.01,0.02 -o %s.h5", name, name);
}

static void advice_fini(advice *a) {
    rk__text_fini(&a->build);
    rk__text_fini(&a->describe);
    rk__text_fini(&a->run);
}

static int say_as_json(const advice *a, const language *lang, const char *path) {
    rk__json json = {0};
    rk__jsonout_begin(&json, RK_EXIT_OK);
    rk__json_string(&json, "file", path);
    rk__json_string(&json, "language", lang->name);
    rk__json_string(&json, "build", rk__text_get(&a->build));
    rk__json_string(&json, "describe", rk__text_get(&a->describe));
    rk__json_string(&json, "run", rk__text_get(&a->run));
    return rk__jsonout_print(&json, RK_EXIT_OK);
}

static int say_as_text(const advice *a, const char *path) {
    rk__text out = RK__TEXT_INIT;
    rk__text_add(&out, "%s: a kernel that computes how far a ball flies. Build it, look at it, run it:\n\n", path);
    rk__text_add(&out, "  %s\n  %s\n  %s\n", rk__text_get(&a->build), rk__text_get(&a->describe),
                 rk__text_get(&a->run));
    return rk__cli_print(&out, RK_EXIT_OK);
}

int rk__cmd_new(rk__cli *cli) {
    rk_error err = RK_ERROR_INIT;
    const language *lang = &languages[cli->arguments.language];
    rk_status status = rk__cli_words(cli, 1, 1, "the new kernel's name", &err);
    const char *name = status == RK_OK ? cli->arguments.words[0] : "";
    if (status == RK_OK)
        status = check_name(name, &err);
    if (status != RK_OK)
        return rk__cli_fail(cli, &err);

    char path[NAME_MAX_LETTERS + 8];
    rk__text text = RK__TEXT_INIT;
    snprintf(path, sizeof path, "%s.%s", name, lang->suffix);
    fill_in(&text, lang->text, name);
    status = write_new(path, &text, &err);
    rk__text_fini(&text);
    if (status != RK_OK)
        return rk__cli_fail(cli, &err);

    advice next;
    advise(&next, cli, lang, name);
    int code = cli->arguments.json ? say_as_json(&next, lang, path) : say_as_text(&next, path);
    advice_fini(&next);
    return code;
}
