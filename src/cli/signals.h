/* Signals of a rank.
 *
 *     INT, TERM, HUP, USR1   finish the running tasks and stop
 *     INT, TERM, HUP again   end at once, without the tasks under way: the run file can be resumed
 *
 * Two within DEBOUNCE are one: `timeout` and batch systems signal a process and its group at once. A USR1 that the user
 * sends is no reason to take the next signal for the second one; our launcher sends nothing else for the first. */
#ifndef RANKINE_SIGNALS_H
#define RANKINE_SIGNALS_H

#include "base/base.h"

/* `launched`: by our launcher, which says itself how the run ended. `go_on`: the command that goes on with the run;
 * NULL: somebody else says it. */
void rk__signals_handle(bool launched, const char *go_on);
/* From here on there is something to resume. */
void rk__signals_begin(void);
/* The result is said: what ends the process now ends it with this code. */
void rk__signals_end(int exit_code);

#endif
