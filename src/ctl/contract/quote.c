/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/contract/quote.h"

#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+=:,./-_"

void quote_word(struct strbuf *out, const char *word)
{
	if (word[0] && !word[strspn(word, PLAIN)]) {
		strbuf_append(out, word, strlen(word));
		return;
	}
	strbuf_append(out, "'", 1);
	for (; *word; word++) {
		if (*word == '\'')
			strbuf_append(out, "'\"'\"'", 5);
		else
			strbuf_append(out, word, 1);
	}
	strbuf_append(out, "'", 1);
}

void quote_words(struct strbuf *out, const char *const *words)
{
	for (size_t i = 0; words[i]; i++) {
		if (i)
			strbuf_append(out, " ", 1);
		quote_word(out, words[i]);
	}
}
