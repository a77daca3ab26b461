/* One line of a hostfile: a host and its settings.
 *
 * Problem: what Open MPI 4.1 makes of a slip depends on the slip. It refuses a carriage return or "slots=0x2" without
 * naming the line, skips a byte order mark with a word on the way, does not see "slots:4", and hands a name such as
 * "-oProxyCommand=..." to ssh, which takes it for an option.
 * Idea: read strictly. What is not known to be read by mpirun as it is read here is refused, with its line and the way
 * out.
 * Names with _ or : pass, though 4.1 refuses them for other machines: it names them, and says why.
 * Invariant: a name that gets through consists of letters, digits and ". - _ :", maybe behind a user's name of the same
 * and '@', and neither begins with '-': it is a host for ssh, and one plain word for a shell. */
#ifndef RANKINE_HOST_LINE_H
#define RANKINE_HOST_LINE_H

#include "doctor/doctor.h"

typedef struct rk__host_place {
    const char *path;
    int line;
} rk__host_place;

typedef struct rk__host_settings {
    const char *name; /* within the line; NULL: there is no host in it */
    int slots, max;   /* 0: the line does not say */
} rk__host_settings;

/* Takes the line, without its newline, to pieces. RK_EINVAL: mpirun would not read it so. */
rk_status rk__host_line_read(rk__host_settings *host, char *line, rk__host_place place, rk_error *err);

#endif
