/* What `rankine doctor` says: of a survey (ranks 0: there was none) and of what was found. */
#ifndef RANKINE_DOCTOR_OUT_H
#define RANKINE_DOCTOR_OUT_H

#include "cli/cli.h"
#include "doctor/doctor.h"

void rk__doctor_text(rk__text *out, const rk__survey *survey, const rk__findings *findings);
void rk__doctor_json(rk__json *json, const rk__survey *survey, const rk__findings *findings);
/* One of the two, to where results go; returns the exit code. */
int rk__doctor_say(const rk__cli *cli, const rk__survey *survey, const rk__findings *findings);

/* Start ranks where a run would, and have them do it. Returns the exit code. */
int rk__doctor_launch(rk__cli *cli);
/* What the launcher has found before, for rank 0. */
#define RK__DOCTOR_FOUND "RANKINE_DOCTOR_FOUND"
/* The hosts that it started ranks on, separated by spaces. */
#define RK__DOCTOR_HOSTS "RANKINE_DOCTOR_HOSTS"
/* Rank 0's exit code if something is wrong and it cannot leave that to the launcher, whose host is another: mpirun's
 * own words on it are held back, as for a run that can be resumed. */
#define RK__DOCTOR_WRONG_ELSEWHERE RK_EXIT_STOPPED

#endif
