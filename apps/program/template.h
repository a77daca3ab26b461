/* A command line with placeholders.
 *
 * It is split into words by rules like a shell's (blanks, '…', "…", backslash) before placeholders are put in: a value
 * never makes a word of its own, whatever is in it. For a shell, each placeholder becomes a quoted positional
 * parameter,
 * "${1}", and the value an argument: a value is never a part of the program that the shell reads. */
#ifndef PROGRAM_TEMPLATE_H
#define PROGRAM_TEMPLATE_H

#include "message.h"
#include "parameters.h"

/* A placeholder that is no parameter of the user's; a parameter of the same name goes before. */
typedef enum template_kind {
    TEMPLATE_TEXT,
    TEMPLATE_PARAM,
    TEMPLATE_TASK,
    TEMPLATE_SEED,
    TEMPLATE_RANK,
    TEMPLATE_TMPDIR
} template_kind;

typedef struct template_piece {
    template_kind kind;
    const char *text; /* TEMPLATE_TEXT */
    size_t length;
    size_t param; /* TEMPLATE_PARAM */
    bool ends_word;
} template_piece;

typedef struct template {
    template_piece *pieces;
    size_t count;
    bool uses_tmpdir;
}
template;

typedef struct template_values {
    const made *made;
    const void *params;
    const char *task, *seed, *rank, *tmpdir;
} template_values;

typedef enum template_way {
    TEMPLATE_WORDS,
    TEMPLATE_PLAIN_WORDS, /* without placeholders: braces are letters */
    TEMPLATE_SHELL,
    TEMPLATE_ONE_WORD
} template_way;

/* False: refused through the maker; `what` names the parameter. */
bool template_parse(template *out, made *m, rk_maker *maker, const char *what, const char *text, template_way way);
/* The first word, if it has no placeholder; else NULL. */
const char *template_program(const template *t);
/* Marks the user's parameters that it has placeholders for. */
void template_mark(const template *t, bool used[RK_PARAMS_MAX]);
/* Adds the words with values put in. */
void template_expand(const template *t, const template_values *values, message *out);

#endif
