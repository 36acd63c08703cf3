/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Arguments as words of a shell's command line: what they hold is never read as anything else. */

#include "base/str.h"

/* Appends @word, in single quotes where it needs them, for any shell of the Bourne kind. */
void quote_word(struct strbuf *out, const char *word);

/* All of a NULL-terminated list, with blanks between. */
void quote_words(struct strbuf *out, const char *const *words);
