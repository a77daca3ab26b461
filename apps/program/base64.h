/* Base64 of RFC 4648, section 4, with its padding. */
#ifndef PROGRAM_BASE64_H
#define PROGRAM_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* False unless `text` stands for exactly `size` bytes. */
bool base64_decode(const char *text, size_t length, void *out, size_t size);

#endif
