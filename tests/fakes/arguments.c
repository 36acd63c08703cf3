/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Says how the contract's command reads command lines: each on standard input is its words, with a
 * NUL behind every one, and a newline; the answer is a line, "error" when it is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/command-line-text.h"

#define WORDS_MAX 64

static void answer(const char *text, size_t n)
{
	CLEANUP(command_line) struct command_line line = { 0 };
	CLEANUP(free) char *why = NULL, *said = NULL;
	const char *words[WORDS_MAX];
	size_t n_words = 0;

	for (size_t at = 0; at < n && n_words < WORDS_MAX; at += strlen(text + at) + 1)
		words[n_words++] = text + at;
	if (command_line_parse(&line, n_words, words, &why) == 0)
		said = command_line_text(&line);
	puts(said ? said : "error");
}

int main(void)
{
	CLEANUP(free) char *text = NULL;
	size_t size = 0;
	ssize_t n;

	while ((n = getline(&text, &size, stdin)) > 0) {
		if (text[n - 1] == '\n')
			n--;
		answer(text, (size_t)n);
	}
	return 0;
}
