/* Is the program there? Looked up once, before the run's file is made: else each task would fail of it. */
#ifndef PROGRAM_LOOKUP_H
#define PROGRAM_LOOKUP_H

#include "template.h"

/* The first word, if it has no placeholder, as execvp(3) would look for it. False: refused through the maker; `what`
 * names the setting, `hint` is put behind. */
bool lookup_program(rk_maker *maker, const template *words, const char *what, const char *hint);

#endif
