/* Words of a shell's command line: written so that a shell reads them back as they were, on one line, whatever is in
 * them; and read again. */
#ifndef RANKINE_QUOTE_H
#define RANKINE_QUOTE_H

#include "base/base.h"

/* plain, 'with quotes', $'with control\012characters' (bash, zsh, ksh). */
void rk__quote_add(rk__text *out, const char *word);
/* The words, with a space between them. */
void rk__quote_add_words(rk__text *out, char *const *words, size_t count);

typedef struct rk__quoted {
    char **words; /* NULL-terminated; owned, as is what they point to */
    int count;
} rk__quoted;

/* What rk__quote_add_words wrote. RK_EINVAL: a quote is not closed. *out is untouched on failure. */
rk_status rk__quote_split(rk__quoted *out, const char *line, rk_error *err);
void rk__quote_fini(rk__quoted *quoted);

#endif
