/* rankine doctor: as a rank, or as what starts the ranks (doctor_launch.c). */
#include <stdlib.h>

#include "cli/doctor_out.h"
#include "cli/drive.h"
#include "cli/guard.h"

static int code_for_mpirun(int code, bool broken) {
    int left = rk__drive_report(code, broken);
    return left != RK_EXIT_OK && rk__launch_is_watched() ? RK__DOCTOR_WRONG_ELSEWHERE : left;
}

static int say_all(const rk__cli *cli, const rk__survey *survey) {
    rk__findings findings = {0};
    const char *found = getenv(RK__DOCTOR_FOUND);
    rk__findings_unpack(found != NULL ? found : "", &findings);
    rk__judge(survey, &findings);
    int output = rk__launch_open_output();
    if (output >= 0)
        rk__cli_results_to(output);
    int code = rk__doctor_say(cli, survey, &findings);
    rk__findings_fini(&findings);
    return code;
}

static int be_first(const rk__cli *cli, const rk__world *world) {
    rk_error err = RK_ERROR_INIT;
    rk__survey survey;
    rk__launch_begin();
    rk_status status = rk__survey_create(&survey, world->size, &err);
    if (status == RK_OK)
        status = rk__survey_take(&survey, cli->arguments.output, getenv(RK__DOCTOR_HOSTS), &err);
    bool broken = !rk__survey_is_whole(&survey);
    int code = code_for_mpirun(status == RK_OK ? say_all(cli, &survey) : rk__cli_fail(cli, &err), broken);
    if (broken && !rk__launch_is_watched())
        rk__launch_end_mpirun();
    rk__survey_fini(&survey);
    return code;
}

static int be_rank(const rk__cli *cli) {
    rk_error err = RK_ERROR_INIT;
    rk__world world = {0};
    rk__guard_set(RK__GUARD_NONE); /* MPI may call exit() */
    if (rk__world_init_apart(&world, &err) != RK_OK)
        return rk__drive_is_silent_rank() ? RK_EXIT_OK : rk__drive_report(rk__cli_fail(cli, &err), false);
    int code = RK_EXIT_OK;
    if (world.rank == 0)
        code = be_first(cli, &world);
    else
        rk__doctor_assist(world.rank);
    rk__drive_finish(&world, code);
    return code;
}

int rk__cmd_doctor(rk__cli *cli) {
    rk_error err = RK_ERROR_INIT;
    bool am_rank = false;
    rk_status status = rk__cli_words(cli, 0, 0, "nothing but options", &err);
    if (status == RK_OK)
        status = rk__world_am_rank(&am_rank, &err);
    if (status == RK_OK && am_rank && cli->arguments.hostfile != NULL)
        status = rk__fail(&err, RK_EINVAL, "--hostfile %s: the ranks are there already: give it to mpirun instead",
                          cli->arguments.hostfile);
    if (status != RK_OK)
        return rk__drive_is_silent_rank() ? RK_EXIT_OK : rk__cli_fail(cli, &err);
    if (am_rank || (cli->arguments.ranks == 1 && cli->arguments.hostfile == NULL))
        return be_rank(cli);
    return rk__doctor_launch(cli);
}
