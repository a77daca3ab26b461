#include "base/base.h"

#include <math.h>
#include <string.h>

/* Length of the valid UTF-8 sequence at s, 0 if it is none. */
static size_t utf8_length(const unsigned char *s) {
    size_t length = s[0] < 0x80                   ? 1
                    : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
                    : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
                    : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                                  : 0;
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
        (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return length;
}

static void add_quoted(rk__text *text, const char *value) {
    rk__text_add_bytes(text, "\"", 1);
    for (const unsigned char *s = (const unsigned char *)value; *s != '\0';) {
        size_t length = utf8_length(s);
        if (*s == '"' || *s == '\\')
            rk__text_add(text, "\\%c", *s);
        else if (*s < 0x20 || *s == 0x7f || length == 0)
            rk__text_add(text, "\\u%04x", *s);
        else
            rk__text_add_bytes(text, (const char *)s, length);
        s += length ? length : 1;
    }
    rk__text_add_bytes(text, "\"", 1);
}

static void break_line(rk__json *json) {
    if (!json->compact)
        rk__text_add(&json->text, "\n%*s", (int)(2 * json->depth), "");
}

static void open_item(rk__json *json, const char *key) {
    if (json->comma[json->depth])
        rk__text_add_bytes(&json->text, ",", 1);
    if (json->depth > 0)
        break_line(json);
    json->comma[json->depth] = true;
    if (key != NULL) {
        add_quoted(&json->text, key);
        rk__text_add_bytes(&json->text, ": ", 2);
    }
}

void rk__json_begin(rk__json *json, const char *key, char open) {
    open_item(json, key);
    rk__text_add_bytes(&json->text, &open, 1);
    if (json->depth + 1 < sizeof json->comma)
        json->depth++;
    json->comma[json->depth] = false;
}

void rk__json_end(rk__json *json, char close) {
    bool empty = !json->comma[json->depth];
    if (json->depth > 0)
        json->depth--;
    if (!empty)
        break_line(json);
    rk__text_add_bytes(&json->text, &close, 1);
}

void rk__json_string(rk__json *json, const char *key, const char *value) {
    open_item(json, key);
    if (value == NULL)
        rk__text_add_bytes(&json->text, "null", 4);
    else
        add_quoted(&json->text, value);
}

void rk__json_f64(rk__json *json, const char *key, double value) {
    char buffer[32];
    open_item(json, key);
    rk__text_add(&json->text, "%s", isfinite(value) ? rk__format_f64(value, buffer, sizeof buffer) : "null");
}

void rk__json_u64(rk__json *json, const char *key, uint64_t value) {
    open_item(json, key);
    rk__text_add(&json->text, "%llu", (unsigned long long)value);
}

void rk__json_i64(rk__json *json, const char *key, int64_t value) {
    open_item(json, key);
    rk__text_add(&json->text, "%lld", (long long)value);
}

void rk__json_bool(rk__json *json, const char *key, bool value) {
    open_item(json, key);
    rk__text_add(&json->text, "%s", value ? "true" : "false");
}
