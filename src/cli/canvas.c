#include "cli/canvas.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 1024 };

static bool starts_character(char c) {
    return ((unsigned char)c & 0xc0) != 0x80;
}

int rk__canvas_width(const char *text) {
    int width = 0;
    for (; *text != '\0'; text++)
        width += starts_character(*text);
    return width;
}

int rk__canvas_left(const rk__canvas *canvas) {
    return canvas->rows - canvas->row;
}

static bool is_full(const rk__canvas *canvas) {
    return canvas->row >= canvas->rows || canvas->column >= canvas->columns;
}

static const char *code_of(rk__canvas_style style) {
    static const char *const codes[] = {"", "1", "2", "31", "32", "33", "36"};
    return codes[style];
}

/* Bytes of the part that fits the line; counts it. */
static size_t fit(rk__canvas *canvas, const char *text) {
    size_t length = 0;
    while (text[length] != '\0' && (!starts_character(text[length]) || canvas->column < canvas->columns))
        canvas->column += starts_character(text[length++]);
    return length;
}

static void make_harmless(char *text) {
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = ' ';
}

static void put_text(rk__canvas *canvas, rk__canvas_style style, char *text) {
    if (is_full(canvas) || *text == '\0')
        return;
    make_harmless(text);
    size_t length = fit(canvas, text);
    bool styled = canvas->color && style != RK__PLAIN;
    if (styled)
        rk__text_add(canvas->out, "\033[%sm", code_of(style));
    rk__text_add_bytes(canvas->out, text, length);
    if (styled)
        rk__text_add(canvas->out, "\033[0m");
}

void rk__canvas_put(rk__canvas *canvas, rk__canvas_style style, const char *fmt, ...) {
    char text[TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    put_text(canvas, style, text);
}

void rk__canvas_to(rk__canvas *canvas, int column) {
    if (column > canvas->column)
        rk__canvas_put(canvas, RK__PLAIN, "%*s", column - canvas->column, "");
}

void rk__canvas_right(rk__canvas *canvas, int width) {
    rk__canvas_to(canvas, canvas->columns - width);
}

void rk__canvas_newline(rk__canvas *canvas) {
    if (canvas->row >= canvas->rows)
        return;
    rk__text *out = canvas->out;
    while (out->length > 0 && out->data[out->length - 1] == ' ')
        out->data[--out->length] = '\0';
    rk__text_add(out, "\n");
    canvas->row++;
    canvas->column = 0;
}

void rk__canvas_bar(rk__canvas *canvas, rk__canvas_style style, int width, double share) {
    static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    char text[TEXT_MAX] = "";
    int eighths = (int)((share < 0 ? 0 : share > 1 ? 1 : share) * width * 8), column = canvas->column;
    for (int i = 0; i < eighths / 8 && strlen(text) + 8 < sizeof text; i++)
        strcat(text, canvas->utf8 ? "█" : "=");
    if (canvas->utf8)
        strcat(text, parts[eighths % 8]);
    put_text(canvas, style, text);
    for (text[0] = '\0'; (int)strlen(text) < width - (canvas->column - column) && strlen(text) + 2 < sizeof text;)
        strcat(text, canvas->utf8 ? " " : ".");
    put_text(canvas, RK__DIM, text);
}

void rk__canvas_level(rk__canvas *canvas, rk__canvas_style style, double share) {
    static const char *const blocks[] = {"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const letters[] = {".", "-", "-", "=", "=", "+", "+", "#", "#"};
    int level = share <= 0 ? 0 : share >= 1 ? 8 : 1 + (int)(share * 8);
    rk__canvas_put(canvas, level > 0 ? style : RK__DIM, "%s", canvas->utf8 ? blocks[level] : letters[level]);
}
