#include "last_line.h"

#include <stdio.h>

void last_line(const char *text, size_t length, char line[LAST_LINE_MAX]) {
    size_t end = length;
    while (end > 0 && (unsigned char)text[end - 1] <= ' ')
        end--;
    size_t begin = end;
    while (begin > 0 && text[begin - 1] != '\n')
        begin--;
    snprintf(line, LAST_LINE_MAX, "%.*s", (int)(end - begin < LAST_LINE_MAX ? end - begin : LAST_LINE_MAX),
             end > begin ? text + begin : "");
    for (char *c = line; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
}
