/* Lines for a screen of a given size: text is cut at the right edge and below the last row, styles take no room, and
 * what a kernel or a file may have put into a message cannot move the cursor. */
#ifndef RANKINE_CANVAS_H
#define RANKINE_CANVAS_H

#include "base/base.h"

typedef enum rk__canvas_style {
    RK__PLAIN,
    RK__BOLD,
    RK__DIM,
    RK__RED,
    RK__GREEN,
    RK__YELLOW,
    RK__CYAN
} rk__canvas_style;

typedef struct rk__canvas {
    rk__text *out; /* borrowed */
    int columns, rows;
    bool color, utf8;
    int column, row; /* where the next character goes */
} rk__canvas;

/* Characters that a terminal shows in one column each. */
int rk__canvas_width(const char *text);
void rk__canvas_put(rk__canvas *canvas, rk__canvas_style style, const char *fmt, ...) RK__PRINTF(3, 4);
/* Blanks up to a column, if it is not passed yet. */
void rk__canvas_to(rk__canvas *canvas, int column);
/* Blanks, so that `width` characters end at the right edge. */
void rk__canvas_right(rk__canvas *canvas, int width);
void rk__canvas_newline(rk__canvas *canvas);
/* How many rows are left. */
int rk__canvas_left(const rk__canvas *canvas);
/* `share` (0 to 1) of `width` characters: eighths of a block, or '=' and '.'. */
void rk__canvas_bar(rk__canvas *canvas, rk__canvas_style style, int width, double share);
/* One character whose height shows a share. */
void rk__canvas_level(rk__canvas *canvas, rk__canvas_style style, double share);

#endif
