/* The words of the canonical text have no blanks: bytes outside '!'…'~' and '%' are written %XX, the empty word %-. */
#include <string.h>

#include "space/space_private.h"

void rk__token_add(rk__text *out, const char *token) {
    static const char digits[] = "0123456789ABCDEF";
    rk__text_add_bytes(out, " ", 1);
    if (*token == '\0')
        rk__text_add_bytes(out, "%-", 2);
    for (const char *c = token; *c != '\0'; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte > ' ' && byte <= '~' && byte != '%')
            rk__text_add_bytes(out, c, 1);
        else
            rk__text_add_bytes(out, (char[]){'%', digits[byte >> 4], digits[byte & 15]}, 3);
    }
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool rk__token_decode(char *token) {
    char *write = token;
    if (strcmp(token, "%-") == 0) {
        *token = '\0';
        return true;
    }
    for (const char *read = token; *read != '\0'; read++) {
        char byte = *read;
        if (byte == '%') {
            int high = hex_digit(read[1]), low = high >= 0 ? hex_digit(read[2]) : -1;
            if (low < 0 || high + low == 0)
                return false;
            byte = (char)(high << 4 | low);
            read += 2;
        }
        *write++ = byte;
    }
    *write = '\0';
    return true;
}
