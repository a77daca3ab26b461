/* Without a shell a pipe, a redirection or a variable is a word like any other: rarely what was meant. */
#ifndef PROGRAM_SHELL_WORD_H
#define PROGRAM_SHELL_WORD_H

#include <stdbool.h>
#include <stddef.h>

/* The first word of a command line that a shell would not pass on as it is; false: there is none. What is quoted is
 * meant as it stands, but for a variable within "…". */
bool shell_word_find(const char *text, const char **word, size_t *length);

#endif
