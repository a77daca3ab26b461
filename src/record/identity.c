#include <stdlib.h>
#include <string.h>

#include "record/record_private.h"

typedef unsigned long long ull;

void rk__identity_fini(rk__identity *identity) {
    free(identity->kernel_name);
    free(identity->kernel_version);
    free(identity->kernel_path);
    free(identity->space_text);
    *identity = (rk__identity){0};
}

void rk__identity_write(const rk__identity *identity, rk__text *out) {
    rk__text_add(out, "kernel");
    rk__words_add(out, identity->kernel_name);
    rk__words_add(out, identity->kernel_version);
    rk__words_add(out, identity->kernel_path);
    rk__text_add(out, " %llu %llu %llu %llu %llu %d\n", (ull)identity->description[0], (ull)identity->description[1],
                 (ull)identity->content[0], (ull)identity->content[1], (ull)identity->seed, identity->deterministic);
}

static bool read_word(const char **line, char **out) {
    char word[4096];
    if (!rk__words_next(line, word, sizeof word))
        return false;
    *out = rk__strdup(word);
    return *out != NULL;
}

rk_status rk__identity_read(rk__identity *out, const char *text, const char *space_text, rk_error *err) {
    char word[16];
    uint64_t deterministic;
    const char *line = text;
    *out = (rk__identity){0};
    if (rk__words_next(&line, word, sizeof word) && strcmp(word, "kernel") == 0 &&
        read_word(&line, &out->kernel_name) && read_word(&line, &out->kernel_version) &&
        read_word(&line, &out->kernel_path) && rk__words_next_u64(&line, &out->description[0]) &&
        rk__words_next_u64(&line, &out->description[1]) && rk__words_next_u64(&line, &out->content[0]) &&
        rk__words_next_u64(&line, &out->content[1]) && rk__words_next_u64(&line, &out->seed) &&
        rk__words_next_u64(&line, &deterministic)) {
        out->deterministic = deterministic != 0;
        out->space_text = rk__strdup(space_text);
        return RK_OK;
    }
    rk__identity_fini(out);
    return rk__fail(err, RK_EFORMAT, "the identity in the file is damaged at '%.40s'", line);
}

static rk_status differs(const rk__record *record, const char *what, const char *there, const char *here,
                         rk_error *err) {
    return rk__fail(err, RK_EMISMATCH, "%s belongs to another run: its %s is '%s', not '%s'", record->path, what, there,
                    here);
}

/* The first line in which two descriptions of a space differ, for the message. */
static rk_status spaces_differ(const rk__record *record, const char *there, const char *here, rk_error *err) {
    while (*there != '\0' && *here != '\0') {
        size_t a = strcspn(there, "\n"), b = strcspn(here, "\n");
        if (a != b || memcmp(there, here, a) != 0)
            break;
        there += a + (there[a] != '\0');
        here += b + (here[b] != '\0');
    }
    return rk__fail(err, RK_EMISMATCH, "%s belongs to another run: it has '%.*s', not '%.*s'", record->path,
                    (int)(strcspn(there, "\n") < 120 ? strcspn(there, "\n") : 120), there,
                    (int)(strcspn(here, "\n") < 120 ? strcspn(here, "\n") : 120), here);
}

rk_status rk__record_match_kernel(const rk__record *record, const rk__identity *identity, bool accept_kernel,
                                  rk_error *err) {
    const rk__identity *own = &record->identity;
    if (strcmp(own->kernel_name, identity->kernel_name) != 0)
        return differs(record, "kernel", own->kernel_name, identity->kernel_name, err);
    if (strcmp(own->kernel_version, identity->kernel_version) != 0)
        return differs(record, "kernel version", own->kernel_version, identity->kernel_version, err);
    if (own->seed != identity->seed)
        return rk__fail(err, RK_EMISMATCH, "%s belongs to another run: its seed is %llu, not %llu", record->path,
                        (ull)own->seed, (ull)identity->seed);
    if (memcmp(own->description, identity->description, sizeof own->description) != 0)
        return rk__fail(err, RK_EMISMATCH, "%s belongs to another run: the description of kernel '%s' has changed",
                        record->path, own->kernel_name);
    if (!accept_kernel && memcmp(own->content, identity->content, sizeof own->content) != 0)
        return rk__fail(err, RK_EMISMATCH,
                        "kernel '%s' was built anew since %s was begun; if it computes the same, go on "
                        "with --accept-kernel",
                        own->kernel_name, record->path);
    return RK_OK;
}

rk_status rk__record_match(const rk__record *record, const rk__identity *identity, const rk__schema *schema,
                           bool accept_kernel, rk_error *err) {
    const rk__identity *own = &record->identity;
    RK_TRY(rk__record_match_kernel(record, identity, accept_kernel, err));
    if (strcmp(own->space_text, identity->space_text) != 0)
        return spaces_differ(record, own->space_text, identity->space_text, err);
    if (record->schema.tasks != schema->tasks || record->schema.block_log2 != schema->block_log2 ||
        record->schema.partial_bytes != schema->partial_bytes)
        return rk__fail(err, RK_EMISMATCH, "%s belongs to another run: %llu tasks in blocks of 2^%u, not %llu in 2^%u",
                        record->path, (ull)record->schema.tasks, record->schema.block_log2, (ull)schema->tasks,
                        schema->block_log2);
    return RK_OK;
}
