#include "base64.h"

static int digit(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(const char *text, size_t length, void *out, size_t size) {
    unsigned char *to = out;
    unsigned held = 0, bits = 0;
    size_t written = 0;
    if (length != (size + 2) / 3 * 4)
        return false;
    for (size_t i = 0; i < length - (3 - size % 3) % 3; i++) {
        int value = digit(text[i]);
        if (value < 0)
            return false;
        held = held << 6 | (unsigned)value;
        bits += 6;
        if (bits >= 8 && written < size) {
            bits -= 8;
            to[written++] = (unsigned char)(held >> bits);
        }
    }
    for (size_t i = length - (3 - size % 3) % 3; i < length; i++)
        if (text[i] != '=')
            return false;
    return written == size;
}
