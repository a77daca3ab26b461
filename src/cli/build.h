/* From a kernel's source to its shared object: the line that builds it with the headers of this Rankine. */
#ifndef RANKINE_BUILD_H
#define RANKINE_BUILD_H

#include "cli/options.h"

void rk__build_line(rk__text *out, rk__language language, const char *source, const char *object);
/* RK_EINVAL with that line if what was given as a kernel is a source file. */
rk_status rk__build_refuse_source(const char *kernel, rk_error *err);

#endif
