#include "base/base.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool rk__add_u64(uint64_t a, uint64_t b, uint64_t *out) {
    if (a > UINT64_MAX - b)
        return false;
    *out = a + b;
    return true;
}

bool rk__mul_u64(uint64_t a, uint64_t b, uint64_t *out) {
    if (a != 0 && b > UINT64_MAX / a)
        return false;
    *out = a * b;
    return true;
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* "0x10" is sixteen, "010" is ten: people write leading zeros. */
static int base_of(const char *digits) {
    return digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X') ? 16 : 10;
}

bool rk__parse_i64(const char *text, int64_t *out) {
    if (*text == '\0' || is_space(*text))
        return false;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, base_of(text + (*text == '-' || *text == '+')));
    if (errno != 0 || end == text || *end != '\0')
        return false;
    *out = value;
    return true;
}

bool rk__parse_u64(const char *text, uint64_t *out) {
    if (*text == '\0' || is_space(*text) || *text == '-')
        return false;
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, base_of(text + (*text == '+')));
    if (errno != 0 || end == text || *end != '\0')
        return false;
    *out = value;
    return true;
}

/* The library never calls setlocale, so that strtod reads the C locale unless the host program changed it. */
bool rk__parse_f64(const char *text, double *out) {
    if (*text == '\0' || is_space(*text))
        return false;
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || (errno == ERANGE && fabs(value) == HUGE_VAL))
        return false;
    *out = value;
    return true;
}

bool rk__parse_count(const char *text, uint64_t *out) {
    double value;
    if (rk__parse_u64(text, out))
        return true;
    if (*text == '-' || !rk__parse_f64(text, &value) || !(value >= 0 && value <= 0x1p53) || value != floor(value))
        return false;
    *out = (uint64_t)value;
    return true;
}

/* 17 digits always read back; 15 or 16 often do, and %g then drops trailing zeros: "0.1", "20". */
char *rk__format_f64(double value, char *buffer, size_t size) {
    for (int digits = 15; digits <= 17; digits++) {
        double back;
        snprintf(buffer, size, "%.*g", digits, value);
        if (isnan(value) || (rk__parse_f64(buffer, &back) && back == value))
            break;
    }
    return buffer;
}

char *rk__format_bytes(uint64_t bytes, char *buffer, size_t size) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned unit = 0;
    double value = (double)bytes;
    while (value >= 1024 && unit < 6) {
        value /= 1024;
        unit++;
    }
    snprintf(buffer, size, value < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return buffer;
}

char *rk__format_count(double count, char *buffer, size_t size) {
    static const char *const units[] = {"", "k", "M", "G", "T", "P"};
    unsigned unit = 0;
    while (fabs(count) >= 9999.5 && unit < 5) {
        count /= 1000;
        unit++;
    }
    snprintf(buffer, size, unit > 0 && count < 100 ? "%.1f%s" : "%.0f%s", count, units[unit]);
    return buffer;
}

char *rk__format_seconds(double seconds, char *buffer, size_t size) {
    if (!isfinite(seconds))
        snprintf(buffer, size, "?");
    else if (seconds < 1e-3)
        snprintf(buffer, size, "%.0f us", seconds * 1e6);
    else if (seconds < 1)
        snprintf(buffer, size, "%.0f ms", seconds * 1e3);
    else if (seconds < 100)
        snprintf(buffer, size, "%.1f s", seconds);
    else if (seconds < 3600)
        snprintf(buffer, size, "%d min %02d s", (int)(seconds / 60), (int)fmod(seconds, 60));
    else if (seconds < 86400)
        snprintf(buffer, size, "%d h %02d min", (int)(seconds / 3600), (int)(fmod(seconds, 3600) / 60));
    else
        snprintf(buffer, size, "%.0f d %02d h", floor(seconds / 86400), (int)(fmod(seconds, 86400) / 3600));
    return buffer;
}

/* How many bytes a unit stands for; 0: it is none. */
static double unit_bytes(const char *unit) {
    static const char letters[] = "KMGT";
    const char *letter = *unit != '\0' ? strchr(letters, *unit) : NULL;
    if (*unit == '\0' || strcmp(unit, "B") == 0)
        return 1;
    bool known = letter != NULL && (unit[1] == '\0' || strcmp(unit + 1, "B") == 0 || strcmp(unit + 1, "iB") == 0);
    double bytes = known ? 1024 : 0;
    for (; known && letter > letters; letter--)
        bytes *= 1024;
    return bytes;
}

bool rk__parse_bytes(const char *text, uint64_t *out) {
    char number[40];
    size_t length = strspn(text, "0123456789.");
    double value;
    if (length == 0 || length >= sizeof number)
        return false;
    memcpy(number, text, length);
    number[length] = '\0';
    double bytes = unit_bytes(text + length + strspn(text + length, " "));
    if (!rk__parse_f64(number, &value) || bytes == 0 || !(value * bytes < 0x1p63))
        return false;
    *out = (uint64_t)(value * bytes);
    return true;
}
