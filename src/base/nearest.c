/* Slips of the pen: which word was meant? */
#include <string.h>

#include "base/base.h"

enum { WORD_MAX = 32 };

/* Levenshtein distance; words beyond WORD_MAX are far from everything. */
static size_t edits(const char *a, const char *b) {
    size_t row[WORD_MAX + 1], columns = strlen(b);
    if (strlen(a) > WORD_MAX || columns > WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= columns; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 1; j <= columns; j++) {
            size_t change = diagonal + (a[i] != b[j - 1]);
            size_t insert = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < insert ? change : insert;
        }
    }
    return row[columns];
}

const char *rk__nearest(const char *word, const char *const *candidates, size_t count) {
    const char *best = NULL;
    size_t length = strlen(word), fewest = length / 3 + 2;
    for (size_t i = 0; i < count; i++) {
        bool begins = length >= 3 && strncmp(word, candidates[i], length) == 0;
        size_t distance = begins ? 1 : edits(word, candidates[i]);
        if (distance < fewest && distance < strlen(candidates[i])) {
            fewest = distance;
            best = candidates[i];
        }
    }
    return best;
}
