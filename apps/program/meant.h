/* What the user may have meant: names that are nearly those of settings, and parameters that nothing uses. */
#ifndef PROGRAM_MEANT_H
#define PROGRAM_MEANT_H

#include "made.h"

/* Is a setting missing without which nothing can be done, and something else has nearly its name? False: refused
 * through the maker. */
bool meant_required(const made *m, rk_maker *maker);
/* `used[p]`: the user's parameter p is a part of what is run. Of the others, one that is nearly a setting is refused
 * (false); the rest is named in a warning, if `warns`. */
bool meant_used(const made *m, rk_maker *maker, const bool used[RK_PARAMS_MAX], bool warns);

#endif
