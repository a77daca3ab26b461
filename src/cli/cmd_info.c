/* rankine info FILE: from the file alone; the kernel, if it can still be loaded, only helps to name parameters. */
#include "cli/cli.h"
#include "cli/info.h"

int rk__cmd_info(rk__cli *cli) {
    rk_error err = RK_ERROR_INIT;
    rk__info f = {0};
    rk_status status = rk__cli_words(cli, 1, 1, "one run file", &err);
    if (status == RK_OK)
        status = rk__info_read(&f, cli->arguments.words[0], cli->linked, &err);
    int code =
        status != RK_OK ? rk__cli_fail(cli, &err) : (cli->arguments.json ? rk__info_as_json : rk__info_as_text)(&f);
    rk__info_fini(&f);
    return code;
}
