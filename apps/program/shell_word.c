#include "shell_word.h"

#include <ctype.h>
#include <string.h>

typedef struct scan {
    const char *at;
    char quote;     /* ' or " while within; 0 */
    bool is_shells; /* something in this word is a shell's */
    char last;      /* the last letter, if it is not quoted; 0 */
} scan;

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n';
}

/* "2>err", "<in", "&>all", ">>log". */
static bool is_redirection(const char *word) {
    size_t digits = strspn(word, "012&");
    return word[digits] == '>' || (digits == 0 && *word == '<');
}

static bool is_operator(const char *word, size_t length) {
    static const char *const operators[] = {"|", "||", "&&", "&", ";"};
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (strlen(operators[i]) == length && memcmp(operators[i], word, length) == 0)
            return true;
    return false;
}

static bool is_variable(const char *dollar) {
    char next = dollar[1];
    return isalpha((unsigned char)next) || next == '_' || next == '{' || next == '(';
}

/* As template.c takes words apart. */
static void read_letter(scan *s) {
    char c = *s->at;
    s->last = 0;
    if (c == s->quote || (s->quote == 0 && (c == '\'' || c == '"'))) {
        s->quote = s->quote != 0 ? 0 : c;
    } else if (c == '\\' && s->quote != '\'' && s->at[1] != '\0') {
        s->at++;
    } else {
        s->is_shells =
            s->is_shells || (c == '*' && s->quote == 0) || (c == '$' && s->quote != '\'' && is_variable(s->at));
        s->last = s->quote == 0 ? c : 0;
    }
    s->at++;
}

bool shell_word_find(const char *text, const char **word, size_t *length) {
    scan s = {.at = text};
    for (;;) {
        while (is_blank(*s.at))
            s.at++;
        if (*s.at == '\0')
            return false;
        const char *begin = s.at;
        s.is_shells = is_redirection(begin);
        while (*s.at != '\0' && (s.quote != 0 || !is_blank(*s.at)))
            read_letter(&s);
        size_t letters = (size_t)(s.at - begin);
        if (s.is_shells || s.last == ';' || is_operator(begin, letters)) {
            *word = begin;
            *length = letters;
            return true;
        }
    }
}
