/* Parameters and outputs that the user names. */
#ifndef PROGRAM_PARAMETERS_H
#define PROGRAM_PARAMETERS_H

#include "made.h"

/* The one value that the user gave, or `preset`. */
const char *parameters_given(const rk_maker *maker, const char *name, const char *preset);
bool parameters_is_given(const rk_maker *maker, const char *name);
/* Each of the kernel's own has one value. False: refused through the maker. */
bool parameters_are_single(const made *m, rk_maker *maker);
/* Appends a parameter for each given that is none of the kernel's own. False: refused through the maker. */
bool parameters_add(made *m, rk_maker *maker);
/* Number of the user's parameter of that name; -1: there is none. */
int parameters_find(const made *m, const char *name, size_t length);

enum { PARAMETER_TEXT_MAX = 32 };
/* As the user wrote it: a string itself, or a number in `buffer`. */
const char *parameters_text(const made *m, size_t number, const void *params, char buffer[PARAMETER_TEXT_MAX]);

/* Appends outputs: "energy:f64,grid:f64[10,20]". False: refused through the maker; also if any two names of the
 * description are the same, for which they must all be there. */
bool parameters_add_outputs(made *m, rk_maker *maker, const char *text);

#endif
