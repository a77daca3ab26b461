/* Help texts, made of the option table, the table of exit codes and what help.c says about each command. Lines have at
 * most 80 columns. */
#ifndef RANKINE_HELP_H
#define RANKINE_HELP_H

#include "cli/options.h"

void rk__help_overview(rk__text *out);
void rk__help_command(rk__text *out, rk__command command);
/* A command's name, "values" or "exit-codes"; RK_EINVAL names the word and the nearest topic. */
rk_status rk__help_topic(rk__text *out, const char *topic, rk_error *err);

#endif
