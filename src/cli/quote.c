#include "cli/quote.h"

#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

static bool is_plain(const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
    return *word != '\0' && word[strspn(word, plain)] == '\0';
}

static bool is_control(char letter) {
    return (unsigned char)letter < ' ' || letter == 0x7f;
}

static bool has_control(const char *word) {
    while (*word != '\0' && !is_control(*word))
        word++;
    return *word != '\0';
}

static void add_escaped(rk__text *out, const char *word) {
    rk__text_add(out, "$'");
    for (; *word != '\0'; word++)
        if (is_control(*word))
            rk__text_add(out, "\\%03o", (unsigned)(unsigned char)*word);
        else
            rk__text_add(out, *word == '\'' || *word == '\\' ? "\\%c" : "%c", *word);
    rk__text_add(out, "'");
}

static void add_in_quotes(rk__text *out, const char *word) {
    rk__text_add(out, "'");
    for (; *word != '\0'; word++)
        rk__text_add(out, *word == '\'' ? "'\\''" : "%c", *word);
    rk__text_add(out, "'");
}

void rk__quote_add(rk__text *out, const char *word) {
    if (is_plain(word))
        rk__text_add(out, "%s", word);
    else if (has_control(word))
        add_escaped(out, word);
    else
        add_in_quotes(out, word);
}

void rk__quote_add_words(rk__text *out, char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            rk__text_add(out, " ");
        rk__quote_add(out, words[i]);
    }
}

/* ---- reading ---- */

/* A letter after a backslash, of which three octal digits may stand for one. */
static char escaped(const char **at) {
    const char *s = *at;
    bool octal = s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' && s[2] >= '0' && s[2] <= '7';
    *at += octal ? 3 : 1;
    return (char)(octal ? (s[0] - '0') * 64 + (s[1] - '0') * 8 + (s[2] - '0') : s[0]);
}

/* From behind the opening quote to behind the closing one; false if there is none. */
static bool read_quoted(const char **at, bool escapes, char **to) {
    const char *s = *at;
    while (*s != '\0' && *s != '\'') {
        bool is_escape = escapes && *s == '\\' && s[1] != '\0';
        s += is_escape;
        *(*to)++ = is_escape ? escaped(&s) : *s++;
    }
    *at = s + (*s == '\'');
    return *s == '\'';
}

static bool read_word(const char **at, char **to) {
    const char *s = *at;
    bool closed = true;
    while (closed && *s != '\0' && *s != ' ') {
        bool escapes = s[0] == '$' && s[1] == '\'';
        if (*s == '\'' || escapes) {
            s += escapes ? 2 : 1;
            closed = read_quoted(&s, escapes, to);
        } else {
            s += *s == '\\' && s[1] != '\0';
            *(*to)++ = *s++;
        }
    }
    *(*to)++ = '\0';
    *at = s;
    return closed;
}

/* Words never grow when they are read: all of them lie in one copy, which the first points to. */
rk_status rk__quote_split(rk__quoted *out, const char *line, rk_error *err) {
    size_t length = strlen(line);
    rk__quoted made = {0};
    char *to = NULL;
    RK_TRY(rk__alloc((void **)&made.words, length / 2 + 2, sizeof *made.words, "words", err));
    rk_status status = rk__alloc((void **)&to, length + 1, 1, "words", err);
    made.words[0] = to;
    for (const char *at = line + strspn(line, " "); status == RK_OK && *at != '\0'; at += strspn(at, " ")) {
        made.words[made.count++] = to;
        if (!read_word(&at, &to))
            status = rk__fail(err, RK_EINVAL, "a quote is not closed in: %s", line);
    }
    if (status != RK_OK) {
        free(made.words[0]);
        free(made.words);
        return status;
    }
    if (made.count == 0)
        free(made.words[0]);
    made.words[made.count] = NULL;
    *out = made;
    return RK_OK;
}

void rk__quote_fini(rk__quoted *quoted) {
    if (quoted->words != NULL)
        free(quoted->words[0]);
    free(quoted->words);
    *quoted = (rk__quoted){0};
}
