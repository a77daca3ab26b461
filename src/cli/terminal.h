/* The terminal as a screen: frames are drawn over each other in the alternate buffer, so that what was there before is
 * there again afterwards. A frame is one write, and nothing is cleared but the rest of each line. */
#ifndef RANKINE_TERMINAL_H
#define RANKINE_TERMINAL_H

#include <termios.h>

#include "base/base.h"

typedef enum rk__terminal_event { RK__TERMINAL_TIME, RK__TERMINAL_QUIT, RK__TERMINAL_REDRAW } rk__terminal_event;

typedef struct rk__terminal {
    bool screen;       /* draw frames; else only wait */
    bool entered, raw; /* what has to be undone */
    struct termios before;
    bool keys; /* stdin is a terminal, too */
} rk__terminal;

/* Is stdout a terminal that can place its cursor? */
bool rk__terminal_can_draw(void);
bool rk__terminal_has_color(void); /* unless NO_COLOR says no (no-color.org) */
bool rk__terminal_has_utf8(void);
void rk__terminal_size(int *columns, int *rows);

/* From here on SIGINT, SIGTERM and SIGHUP are events. `screen`: take the screen. */
void rk__terminal_open(rk__terminal *terminal, bool screen);
/* Give everything back. May be called again. */
void rk__terminal_close(rk__terminal *terminal);
/* Text of whole lines. */
void rk__terminal_draw(rk__terminal *terminal, const char *lines);
/* Until q is typed or a signal asks to end (QUIT), the window changes or comes back (REDRAW), or time is up. */
rk__terminal_event rk__terminal_wait(rk__terminal *terminal, uint64_t ns);
/* All of it to stdout; false: nobody reads it any more, or the disk is full (errno). */
bool rk__terminal_put(const char *text, size_t length);

#endif
