/* rankine digest FILE ... */
#include <inttypes.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/jsonout.h"
#include "record/record.h"

static rk_status digest_of(const char *path, uint64_t digest[2], rk_error *err) {
    rk__record *record = NULL;
    RK_TRY(rk__record_open(&record, path, false, err));
    rk_status status = rk__record_digest(record, digest, err);
    rk__record_close(record);
    return status;
}

static int print_json(const rk__cli *cli, uint64_t (*digests)[2]) {
    rk__json json = {0};
    rk__jsonout_begin(&json, RK_EXIT_OK);
    rk__json_begin(&json, "digests", '[');
    for (size_t i = 0; i < cli->arguments.word_count; i++) {
        rk__json_begin(&json, NULL, '{');
        rk__json_string(&json, "file", cli->arguments.words[i]);
        rk__jsonout_digest(&json, digests[i]);
        rk__json_end(&json, '}');
    }
    rk__json_end(&json, ']');
    return rk__jsonout_print(&json, RK_EXIT_OK);
}

static int print_text(const rk__cli *cli, uint64_t (*digests)[2]) {
    rk__text out = RK__TEXT_INIT;
    for (size_t i = 0; i < cli->arguments.word_count; i++)
        rk__text_add(&out, "%016" PRIx64 "%016" PRIx64 "  %s\n", digests[i][1], digests[i][0], cli->arguments.words[i]);
    return rk__cli_print(&out, RK_EXIT_OK);
}

int rk__cmd_digest(rk__cli *cli) {
    rk_error err = RK_ERROR_INIT;
    void *memory = NULL;
    size_t count = cli->arguments.word_count;
    rk_status status = rk__cli_words(cli, 1, SIZE_MAX, "a run file", &err);
    if (status == RK_OK)
        status = rk__alloc(&memory, count, sizeof(uint64_t[2]), "digests", &err);
    uint64_t(*digests)[2] = memory;
    for (size_t i = 0; status == RK_OK && i < count; i++)
        status = digest_of(cli->arguments.words[i], digests[i], &err);
    int code =
        status != RK_OK ? rk__cli_fail(cli, &err) : (cli->arguments.json ? print_json : print_text)(cli, digests);
    free(memory);
    return code;
}
