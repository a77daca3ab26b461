/* Rankine: all of the library's faces at once. */
#ifndef RANKINE_RANKINE_H
#define RANKINE_RANKINE_H

#include <rankine/bytes.h>
#include <rankine/collect.h>
#include <rankine/log.h>
#include <rankine/manager.h>
#include <rankine/pool.h>
#include <rankine/process.h>
#include <rankine/program.h>
#include <rankine/queue.h>
#include <rankine/shared.h>
#include <rankine/status.h>
#include <rankine/sync.h>
#include <rankine/wait.h>

#endif
