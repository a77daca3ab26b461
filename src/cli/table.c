#include "cli/table.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH = 80, INDENT = 2, GAP = 2, LAST_MIN = 20 };

void rk__table_init(rk__table *table, size_t columns) {
    *table = (rk__table){.columns = columns};
}

static bool reserve_row(rk__table *table) {
    if (table->rows < table->capacity)
        return true;
    size_t capacity = table->capacity ? 2 * table->capacity : 16;
    char **grown = realloc(table->cells, capacity * table->columns * sizeof *grown);
    if (grown == NULL)
        return false;
    table->cells = grown;
    table->capacity = capacity;
    return true;
}

void rk__table_row(rk__table *table, const char *const *cells) {
    if (table->failed || !reserve_row(table)) {
        table->failed = true;
        return;
    }
    char **row = table->cells + table->rows * table->columns;
    for (size_t i = 0; i < table->columns; i++) {
        row[i] = rk__strdup(cells[i] ? cells[i] : "");
        table->failed |= row[i] == NULL;
    }
    table->rows++;
}

/* Characters, not bytes. */
static size_t shown_width(const char *text) {
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void measure(const rk__table *table, size_t *widths) {
    for (size_t i = 0; i < table->rows * table->columns; i++) {
        size_t width = shown_width(table->cells[i]);
        if (width > widths[i % table->columns])
            widths[i % table->columns] = width;
    }
}

void rk__table_wrap(rk__text *out, const char *text, size_t at, size_t indent, size_t width) {
    size_t column = at;
    bool first = true;
    while (*text != '\0') {
        size_t length = strcspn(text, " "), shown = 0;
        for (size_t i = 0; i < length; i++)
            shown += ((unsigned char)text[i] & 0xc0) != 0x80;
        if (!first && column + 1 + shown > width) {
            rk__text_add(out, "\n%*s", (int)indent, "");
            column = indent;
            first = true;
        }
        rk__text_add(out, "%s%.*s", first ? "" : " ", (int)length, text);
        column += shown + !first;
        first = false;
        text += length;
        text += *text == ' ';
    }
    rk__text_add(out, "\n");
}

static void drop_trailing_spaces(rk__text *text) {
    while (text->length > 0 && text->data[text->length - 1] == ' ')
        text->data[--text->length] = '\0';
}

static void print_row(const rk__table *table, char *const *row, const size_t *widths, rk__text *out) {
    size_t column = INDENT, last = table->columns - 1;
    rk__text_add(out, "%*s", INDENT, "");
    for (size_t i = 0; i < last; i++) {
        rk__text_add(out, "%s%*s", row[i], (int)(widths[i] - shown_width(row[i]) + GAP), "");
        column += widths[i] + GAP;
    }
    if (*row[last] == '\0') {
        drop_trailing_spaces(out);
        rk__text_add(out, "\n");
        return;
    }
    rk__table_wrap(out, row[last], column, column, column + LAST_MIN > WIDTH ? column + LAST_MIN : WIDTH);
}

static void free_cells(rk__table *table) {
    for (size_t i = 0; i < table->rows * table->columns; i++)
        free(table->cells[i]);
    free(table->cells);
    *table = (rk__table){0};
}

void rk__table_print(rk__table *table, rk__text *out) {
    size_t widths[RK__TABLE_COLUMNS_MAX] = {0};
    if (table->failed)
        out->failed = true;
    else if (table->rows > 1) {
        measure(table, widths);
        for (size_t i = 0; i < table->rows; i++)
            print_row(table, table->cells + i * table->columns, widths, out);
    }
    free_cells(table);
}
