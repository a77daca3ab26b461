#include "template.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NESTED_MAX = 64 };

typedef struct parser {
    template *out;
    made *made;
    rk_maker *maker;
    const char *what, *text, *at;
    char quote; /* ' or " while within; 0 */
    struct {    /* what a shell's "$(…)", (…) and `…` stand in */
        char quote, opener;
    } outer[NESTED_MAX];
    unsigned nested;
    bool in_word;  /* something of it was there, if only quotes */
    char *literal; /* [length of the text + …] what is collected */
    size_t collected;
    bool failed;
} parser;

static void refuse(parser *p, const char *problem, const char *at, size_t length) {
    rk_maker_fail(p->maker, "%s: '%.*s' %s", p->what, (int)(length < 80 ? length : 80), at, problem);
    p->failed = true;
}

/* ---- pieces ---- */

static void add_piece(parser *p, template_piece piece) {
    p->out->pieces[p->out->count++] = piece; /* there is room for a piece a letter and two words more */
    p->in_word = true;
}

static void flush(parser *p) {
    if (p->collected == 0)
        return;
    char *text = made_text(p->made, p->literal, p->collected);
    if (text == NULL)
        refuse(p, "is too long for the memory", p->at, 0);
    add_piece(p, (template_piece){.kind = TEMPLATE_TEXT, .text = text, .length = p->collected});
    p->collected = 0;
}

static void collect(parser *p, const char *text, size_t length) {
    memcpy(p->literal + p->collected, text, length);
    p->collected += length;
    p->in_word = true;
}

static void end_word(parser *p) {
    if (!p->in_word)
        return;
    flush(p);
    if (p->out->count == 0 || p->out->pieces[p->out->count - 1].ends_word) /* '' */
        add_piece(p, (template_piece){.kind = TEMPLATE_TEXT, .text = ""});
    p->out->pieces[p->out->count - 1].ends_word = true;
    p->in_word = false;
}

/* ---- placeholders ---- */

static const struct {
    const char *name;
    template_kind kind;
} own_names[] = {
    {"task", TEMPLATE_TASK}, {"seed", TEMPLATE_SEED}, {"rank", TEMPLATE_RANK}, {"tmpdir", TEMPLATE_TMPDIR}};
enum { OWN_NAMES = sizeof own_names / sizeof *own_names };

static bool find_placeholder(const parser *p, const char *name, size_t length, template_piece *piece) {
    int number = parameters_find(p->made, name, length);
    if (number >= 0) {
        *piece = (template_piece){.kind = TEMPLATE_PARAM, .param = (size_t)number};
        return true;
    }
    for (size_t i = 0; i < OWN_NAMES; i++)
        if (strlen(own_names[i].name) == length && memcmp(own_names[i].name, name, length) == 0) {
            *piece = (template_piece){.kind = own_names[i].kind};
            return true;
        }
    return false;
}

/* The placeholder that a name is nearly that of, or NULL. */
static const char *nearest_placeholder(const parser *p, const char *name, size_t length) {
    const char *names[RK_PARAMS_MAX + OWN_NAMES];
    const rk_param *params = p->made->kernel.params;
    char word[64];
    size_t count = 0;
    for (size_t i = p->made->own_params; i < RK_PARAMS_MAX && params[i].name != NULL; i++)
        names[count++] = params[i].name;
    for (size_t i = 0; i < OWN_NAMES; i++)
        names[count++] = own_names[i].name;
    snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word), name);
    return rk_maker_nearest(p->maker, word, names, count);
}

/* `at`: its opening brace; `length`: with both. */
static void refuse_placeholder(parser *p, const char *at, size_t length) {
    char known[600], problem[800];
    size_t used = 0;
    const rk_param *params = p->made->kernel.params;
    const char *near = nearest_placeholder(p, at + 1, length - 2);
    for (size_t i = p->made->own_params; i < RK_PARAMS_MAX && params[i].name != NULL && used < 400; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "{%.60s}, ", params[i].name);
    snprintf(known + used, sizeof known - used, "{task}, {seed}, {rank}, {tmpdir}");
    snprintf(problem, sizeof problem, "is no placeholder%s%.60s%s are %s; a brace itself is written {{ or }}",
             near != NULL ? ": did you mean {" : "", near != NULL ? near : "", near != NULL ? "}? There" : "; there",
             known);
    refuse(p, problem, at, length);
}

static void refuse_brace(parser *p, const char *at) {
    char problem[160];
    snprintf(problem, sizeof problem,
             *at == '{' ? "at letter %zu opens a brace and does not close it behind a name: a placeholder is written "
                          "{name}, and a brace itself {{"
                        : "at letter %zu closes a brace that is not open: a brace itself is written }}",
             (size_t)(at - p->text) + 1);
    refuse(p, problem, at, strcspn(at, " \t\n"));
}

/* In a shell's program a placeholder is the next positional parameter, within the quotes that are open there. */
static void collect_positional(parser *p, unsigned number) {
    char text[40];
    const char *form = p->quote == '"' ? "${%u}" : p->quote == '\'' ? "'\"${%u}\"'" : "\"${%u}\"";
    int length = snprintf(text, sizeof text, form, number);
    collect(p, text, (size_t)length);
}

/* At a brace. True: it was one, and *piece is set if it was a placeholder. */
static bool read_brace(parser *p, template_piece *piece, bool *is_placeholder) {
    const char *at = p->at;
    *is_placeholder = false;
    if (*at != '{' && *at != '}')
        return false;
    if (at[1] == *at) {
        collect(p, at, 1);
        p->at += 2;
        return true;
    }
    size_t length = *at == '{' ? strcspn(at + 1, "{} \t\n") : 0;
    bool closed = *at == '{' && at[1 + length] == '}';
    if (!closed || !find_placeholder(p, at + 1, length, piece)) {
        if (closed)
            refuse_placeholder(p, at, length + 2);
        else
            refuse_brace(p, at);
        return true;
    }
    p->out->uses_tmpdir = p->out->uses_tmpdir || piece->kind == TEMPLATE_TMPDIR;
    *is_placeholder = true;
    p->at += length + 2;
    return true;
}

/* Where braces are letters, a placeholder would be one by mistake. */
static void refuse_if_placeholder(parser *p) {
    template_piece piece;
    size_t length = strcspn(p->at + 1, "{} \t\n");
    bool is_doubled = p->at > p->text && p->at[-1] == '{';
    if (*p->at == '{' && !is_doubled && p->at[1 + length] == '}' && rk_maker_begins(p->maker) &&
        find_placeholder(p, p->at + 1, length, &piece))
        refuse(p,
               "would be the same for all tasks: a task's values come in its line of JSON; code with such braces "
               "belongs into a file",
               p->at, length + 2);
}

/* ---- the ways ---- */

static void read_letter_of_words(parser *p) {
    char c = *p->at;
    if (p->quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
        end_word(p);
    } else if (c == p->quote || (p->quote == 0 && (c == '\'' || c == '"'))) {
        p->quote = p->quote ? 0 : c;
        p->in_word = true;
    } else if (c == '\\' && p->at[1] != '\0' &&
               (p->quote == 0 || (p->quote == '"' && strchr("\"\\$`", p->at[1]) != NULL))) {
        collect(p, ++p->at, 1);
    } else {
        collect(p, p->at, 1);
    }
    p->at++;
}

/* Within a command substitution quotes begin anew. */
static void follow_nesting(parser *p) {
    char c = *p->at, opener = p->nested > 0 ? p->outer[p->nested - 1].opener : 0;
    if (p->quote == '\'')
        return;
    bool closes = (c == ')' && opener == '(' && p->quote == 0) || (c == '`' && opener == '`');
    bool opens = c == '`' || (c == '(' && (p->quote == 0 || (p->collected > 0 && p->literal[p->collected - 1] == '$')));
    if (closes) {
        p->quote = p->outer[--p->nested].quote;
    } else if (opens && p->nested < NESTED_MAX) {
        p->outer[p->nested].quote = p->quote;
        p->outer[p->nested++].opener = c;
        p->quote = 0;
    }
}

/* Text is passed on as it is; which quotes are open is followed. Where a shell sees other quotes than this does (in a
 * here-document, say), a value may be split or get quotes of its own; it is never executed. */
static void read_letter_of_shell(parser *p) {
    char c = *p->at;
    follow_nesting(p);
    if (c == '\\' && p->quote != '\'' && p->at[1] != '\0' && p->at[1] != '{' && p->at[1] != '}')
        collect(p, p->at++, 1);
    else if (c == p->quote)
        p->quote = 0;
    else if (p->quote == 0 && (c == '\'' || c == '"'))
        p->quote = c;
    collect(p, p->at++, 1);
}

static void add_placeholder(parser *p, template_way way, template_piece piece, template_piece *arguments,
                            unsigned *count) {
    if (way == TEMPLATE_SHELL) {
        piece.ends_word = true;
        arguments[(*count)++] = piece;
        collect_positional(p, *count);
        return;
    }
    flush(p);
    add_piece(p, piece);
}

static void read_text(parser *p, template_way way, template_piece *arguments, unsigned *count) {
    while (*p->at != '\0' && !p->failed) {
        template_piece piece;
        bool is_placeholder;
        if (way == TEMPLATE_PLAIN_WORDS) {
            refuse_if_placeholder(p);
            read_letter_of_words(p);
        } else if (!read_brace(p, &piece, &is_placeholder)) {
            if (way == TEMPLATE_WORDS)
                read_letter_of_words(p);
            else if (way == TEMPLATE_SHELL)
                read_letter_of_shell(p);
            else
                collect(p, p->at++, 1);
        } else if (is_placeholder) {
            add_placeholder(p, way, piece, arguments, count);
        }
    }
    if (!p->failed && p->quote != 0 && way != TEMPLATE_SHELL) /* a shell tells by itself */
        refuse(p, "opens a quote that is not closed", &p->quote, 1);
    end_word(p);
}

static void add_literal_word(parser *p, const char *word) {
    collect(p, word, strlen(word));
    end_word(p);
}

bool template_parse(template *out, made *m, rk_maker *maker, const char *what, const char *text, template_way way) {
    size_t length = strlen(text);
    *out = (template){.pieces = made_alloc(m, (length + 8) * sizeof *out->pieces)};
    template_piece *arguments = made_alloc(m, (length + 1) * sizeof *arguments);
    parser p = {.out = out, .made = m, .maker = maker, .what = what, .text = text, .at = text};
    p.literal = made_alloc(m, 16 * (length + 8)); /* a placeholder of 3 letters becomes 3 + 9 and its number */
    unsigned count = 0;
    if (out->pieces == NULL || arguments == NULL || p.literal == NULL) {
        rk_maker_fail(maker, "out of memory for %s", what);
        return false;
    }
    if (way == TEMPLATE_SHELL) {
        add_literal_word(&p, "/bin/sh");
        add_literal_word(&p, "-c");
    }
    read_text(&p, way, arguments, &count);
    if (way == TEMPLATE_SHELL)
        add_literal_word(&p, "sh");
    for (unsigned i = 0; i < count; i++)
        add_piece(&p, arguments[i]);
    return !p.failed;
}

/* ---- what is in it ---- */

const char *template_program(const template *t) {
    bool is_fixed = t->count > 0 && t->pieces[0].kind == TEMPLATE_TEXT && t->pieces[0].ends_word;
    return is_fixed ? t->pieces[0].text : NULL;
}

void template_mark(const template *t, bool used[RK_PARAMS_MAX]) {
    for (size_t i = 0; i < t->count; i++)
        if (t->pieces[i].kind == TEMPLATE_PARAM)
            used[t->pieces[i].param] = true;
}

/* ---- putting values in ---- */

static const char *value_of(const template_piece *piece, const template_values *values, char *buffer) {
    switch (piece->kind) {
    case TEMPLATE_PARAM:
        return parameters_text(values->made, piece->param, values->params, buffer);
    case TEMPLATE_TASK:
        return values->task;
    case TEMPLATE_SEED:
        return values->seed;
    case TEMPLATE_RANK:
        return values->rank;
    default:
        return values->tmpdir;
    }
}

void template_expand(const template *t, const template_values *values, message *out) {
    char buffer[PARAMETER_TEXT_MAX];
    for (size_t i = 0; i < t->count; i++) {
        const template_piece *piece = &t->pieces[i];
        if (piece->kind == TEMPLATE_TEXT) {
            message_add(out, piece->text, piece->length);
        } else {
            const char *value = value_of(piece, values, buffer);
            message_add(out, value, strlen(value));
        }
        if (piece->ends_word)
            message_end_word(out);
    }
}
