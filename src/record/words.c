#include <stdio.h>
#include <string.h>

#include "record/record_private.h"

void rk__words_add(rk__text *text, const char *word) {
    if (word == NULL || *word == '\0') {
        rk__text_add(text, " %%");
        return;
    }
    rk__text_add_bytes(text, " ", 1);
    for (const unsigned char *c = (const unsigned char *)word; *c != '\0'; c++) {
        if (*c <= ' ' || *c == '%' || *c == 0x7f)
            rk__text_add(text, "%%%02x", *c);
        else
            rk__text_add_bytes(text, (const char *)c, 1);
    }
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool rk__words_next(const char **line, char *buffer, size_t size) {
    const char *at = *line;
    size_t length = 0;
    while (*at == ' ')
        at++;
    if (*at == '\0' || *at == '\n')
        return false;
    bool empty = at[0] == '%' && (at[1] == ' ' || at[1] == '\n' || at[1] == '\0');
    at += empty;
    for (; !empty && *at != ' ' && *at != '\n' && *at != '\0'; at++) {
        int byte = (unsigned char)*at;
        if (*at == '%') {
            int high = hex_digit(at[1]), low = high < 0 ? -1 : hex_digit(at[2]);
            if (low < 0)
                return false;
            byte = 16 * high + low;
            at += 2;
        }
        if (byte == 0 || length + 1 >= size)
            return false;
        buffer[length++] = (char)byte;
    }
    buffer[length] = '\0';
    *line = at;
    return true;
}

bool rk__words_next_u64(const char **line, uint64_t *out) {
    char word[32];
    return rk__words_next(line, word, sizeof word) && rk__parse_u64(word, out);
}
