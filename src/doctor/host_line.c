#include "doctor/host_line.h"

#include <string.h>

#define SLIP "--hostfile %s:%d: "
enum { SLOTS_MAX = 1000000, WORD_SHOWN = 80 };

/* ---- names ---- */

static bool is_name(const char *name, size_t length) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-";
    return length > 0 && *name != '-' && strspn(name, letters) >= length;
}

/* "node1", "me@node1". */
static bool is_host(const char *word) {
    size_t user = strcspn(word, "@");
    if (word[user] == '\0')
        return is_name(word, user);
    return is_name(word, user) && is_name(word + user + 1, strlen(word + user + 1));
}

static rk_status check_name(const char *name, rk__host_place place, rk_error *err) {
    if (*name == '^')
        return rk__fail(err, RK_EINVAL,
                        SLIP "'%.*s' would leave a host out, which is not read in hostfiles: take the lines of this "
                             "host away, or put a # before them",
                        place.path, place.line, WORD_SHOWN, name);
    if (!is_host(name))
        return rk__fail(err, RK_EINVAL,
                        SLIP "'%.*s' is no name of a host: letters, digits and . - _ : make one, without quotes, and "
                             "it does not begin with - (a line is: node1 slots=4)",
                        place.path, place.line, WORD_SHOWN, name);
    return RK_OK;
}

/* ---- settings ---- */

/* What Open MPI 4.1 takes (measured). Other words it refuses without a name, and "slots:4" it does not see: a host then
 * has as many slots as cores. */
static const char *const slot_keys[] = {"slots", "count", "cpu", NULL};
static const char *const max_keys[] = {"max_slots", "max-slots", "slots_max", "slots-max", "max_count",
                                       "max-count", "count_max", "count-max", "max_cpu",   "max-cpu",
                                       "cpu_max",   "cpu-max",   NULL};
static const char *const user_keys[] = {"username", "user_name", "user-name", NULL};
static const char *const port_keys[] = {"port", NULL};

static bool is_one_of(const char *word, size_t length, const char *const *keys) {
    for (; *keys != NULL; keys++)
        if (strlen(*keys) == length && strncmp(word, *keys, length) == 0)
            return true;
    return false;
}

/* In decimal: of anything else mpirun makes -1. */
static bool read_count(const char *text, int *count) {
    uint64_t value;
    if (text[strspn(text, "0123456789")] != '\0' || !rk__parse_u64(text, &value) || value == 0 || value >= SLOTS_MAX)
        return false;
    *count = (int)value;
    return true;
}

/* false: mpirun does not know it, or would read another value. */
static bool read_setting(rk__host_settings *host, const char *word) {
    int port;
    size_t length = strcspn(word, "=");
    if (word[length] == '\0')
        return false;
    const char *value = word + length + 1;
    if (is_one_of(word, length, user_keys))
        return is_name(value, strlen(value)); /* ssh gets it */
    if (is_one_of(word, length, port_keys))
        return read_count(value, &port);
    if (is_one_of(word, length, max_keys))
        return read_count(value, &host->max);
    return is_one_of(word, length, slot_keys) && host->slots == 0 && read_count(value, &host->slots);
}

static rk_status refuse_setting(const rk__host_settings *host, const char *word, rk__host_place place, rk_error *err) {
    if (host->slots > 0 && is_one_of(word, strcspn(word, "="), slot_keys))
        return rk__fail(err, RK_EINVAL,
                        SLIP "'%.*s' says again how many slots host %.*s has: write slots=N once, mpirun refuses two",
                        place.path, place.line, WORD_SHOWN, word, WORD_SHOWN, host->name);
    return rk__fail(err, RK_EINVAL,
                    SLIP "'%.*s' is no setting of host %.*s that mpirun reads: write slots=N (N ranks, 1 or more, in "
                         "decimal), and max_slots=, port= or username= where they are wanted",
                    place.path, place.line, WORD_SHOWN, word, WORD_SHOWN, host->name);
}

/* ---- the line ---- */

static bool is_space(char c) {
    return c == ' ' || c == '\t';
}

/* "slots = 4" becomes "slots=4", and a row of spaces one. */
static void close_up(char *line) {
    char *to = line;
    for (const char *from = line; *from != '\0'; from++) {
        if (*from == '=' && to > line && is_space(to[-1]))
            to--;
        if (!is_space(*from) || (to > line && !is_space(to[-1]) && to[-1] != '='))
            *to++ = *from;
    }
    *to = '\0';
}

static rk_status check_max(const rk__host_settings *host, rk__host_place place, rk_error *err) {
    if (host->max == 0 || host->slots <= host->max)
        return RK_OK;
    return rk__fail(err, RK_EINVAL,
                    SLIP "host %.*s has slots=%d and max_slots=%d, and mpirun refuses fewer at most than there are: "
                         "write max_slots=%d or more, or leave it out",
                    place.path, place.line, WORD_SHOWN, host->name, host->slots, host->max, host->slots);
}

rk_status rk__host_line_read(rk__host_settings *host, char *line, rk__host_place place, rk_error *err) {
    char *rest = NULL;
    *host = (rk__host_settings){0};
    line[strcspn(line, "#")] = '\0';
    if (strchr(line, '\r') != NULL)
        return rk__fail(err, RK_EINVAL,
                        SLIP "the line ends with a carriage return, as Windows writes them, and mpirun refuses it: "
                             "take them out (dos2unix, or sed -i 's/\\r$//')",
                        place.path, place.line);
    close_up(line);
    host->name = strtok_r(line, " \t", &rest);
    if (host->name == NULL)
        return RK_OK;
    RK_TRY(check_name(host->name, place, err));
    for (char *word = strtok_r(NULL, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest))
        if (!read_setting(host, word))
            return refuse_setting(host, word, place, err);
    return check_max(host, place, err);
}
