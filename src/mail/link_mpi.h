/* The link between nodes. */
#ifndef RANKINE_LINK_MPI_H
#define RANKINE_LINK_MPI_H

#include "mail/mail.h"
#include "world/world.h"

/* Collective over the world, as is destroying it. By MPI, over a communicator of its own. */
rk_status rk__link_mpi_create(rk__link **link, const rk__world *world, rk_error *err);

#endif
