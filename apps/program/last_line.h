/* The last words of a program: most often why it failed. */
#ifndef PROGRAM_LAST_LINE_H
#define PROGRAM_LAST_LINE_H

#include <stddef.h>

enum { LAST_LINE_MAX = 152 };

/* The last line that is not empty, cut, without letters that a terminal would obey; "" if there is none. */
void last_line(const char *text, size_t length, char line[LAST_LINE_MAX]);

#endif
