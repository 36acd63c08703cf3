/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/audio/release.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define DIGITS_MAX 9

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_separator(char c)
{
	return c == '-' || c == '_' || c == '.';
}

/* Reads a number that must be there. */
static bool take_number(const char **at, unsigned *ret)
{
	unsigned value = 0;
	size_t n;

	for (n = 0; is_digit((*at)[n]); n++) {
		if (n == DIGITS_MAX)
			return false;
		value = value * 10 + (unsigned)((*at)[n] - '0');
	}
	if (n == 0)
		return false;
	*at += n;
	*ret = value;
	return true;
}

/* The number behind a word may be missing, and is 0 then. */
static bool take_suffix_number(const char **at, unsigned *ret)
{
	const char *from = *at;

	*ret = 0;
	if (is_separator(*from) && is_digit(from[1]))
		from++;
	if (!is_digit(*from))
		return true;
	*at = from;
	return take_number(at, ret);
}

/* A word, with a separator before it or none. */
static bool take_word(const char **at, const char *word)
{
	const char *from = *at + is_separator(**at);
	size_t n = strlen(word);

	if (strncasecmp(from, word, n) != 0 || isalpha((unsigned char)from[n]))
		return false;
	*at = from + n;
	return true;
}

static bool take_stage(const char **at, struct release *self)
{
	static const struct {
		const char *word;
		enum release_stage stage;
	} words[] = {
		{ "a", RELEASE_ALPHA },
		{ "alpha", RELEASE_ALPHA },
		{ "b", RELEASE_BETA },
		{ "beta", RELEASE_BETA },
		{ "c", RELEASE_CANDIDATE },
		{ "rc", RELEASE_CANDIDATE },
		{ "pre", RELEASE_CANDIDATE },
		{ "preview", RELEASE_CANDIDATE },
		{ "post", RELEASE_POST },
		{ "rev", RELEASE_POST },
		{ "r", RELEASE_POST },
	};

	self->stage = RELEASE_FINAL;
	if (**at == '-' && is_digit((*at)[1])) {
		(*at)++;
		self->stage = RELEASE_POST;
		return take_number(at, &self->stage_number);
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (take_word(at, words[i].word)) {
			self->stage = words[i].stage;
			return take_suffix_number(at, &self->stage_number);
		}
	}
	return true;
}

static bool take_dev(const char **at, struct release *self)
{
	if (!take_word(at, "dev"))
		return true;
	if (self->stage == RELEASE_FINAL)
		self->stage = RELEASE_DEV;
	self->is_dev = true;
	return take_suffix_number(at, &self->dev_number);
}

static bool take_local(const char **at)
{
	if (**at != '+')
		return true;
	do {
		(*at)++;
		if (!isalnum((unsigned char)**at))
			return false;
		while (isalnum((unsigned char)**at))
			(*at)++;
	} while (is_separator(**at));
	return true;
}

static bool take_parts(const char **at, struct release *self)
{
	size_t n = 0;

	if (**at == 'v' || **at == 'V')
		(*at)++;
	if (!take_number(at, &self->parts[n++]))
		return false;
	if (**at == '!') {
		(*at)++;
		self->epoch = self->parts[0];
		n = 0;
		if (!take_number(at, &self->parts[n++]))
			return false;
	}
	while (**at == '.' && is_digit((*at)[1])) {
		(*at)++;
		if (n == RELEASE_PARTS || !take_number(at, &self->parts[n++]))
			return false;
	}
	return true;
}

int release_parse(const char *text, struct release *ret)
{
	struct release self = { 0 };

	if (!take_parts(&text, &self) || !take_stage(&text, &self) || !take_dev(&text, &self) ||
		!take_local(&text) || *text)
		return -EINVAL;
	*ret = self;
	return 0;
}

static int compare(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

int release_compare(const struct release *a, const struct release *b)
{
	int r = compare(a->epoch, b->epoch);

	for (size_t i = 0; i < RELEASE_PARTS && r == 0; i++)
		r = compare(a->parts[i], b->parts[i]);
	if (r == 0)
		r = compare(a->stage, b->stage);
	if (r == 0)
		r = compare(a->stage_number, b->stage_number);
	if (r == 0)
		r = compare(b->is_dev, a->is_dev);
	return r ? r : compare(a->dev_number, b->dev_number);
}

/* What stands in @line behind @program and a space, if that is one word. */
static const char *find_in_line(const char *line, const char *program)
{
	size_t n = strlen(program);

	for (const char *at = line; (at = strstr(at, program)); at++) {
		const char *word = at + n + 1;

		if (at[n] == ' ' && *word && !word[strcspn(word, " \t\r\f\v")])
			return word;
	}
	return NULL;
}

int release_find(const char *text, const char *program, struct release *ret)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		CLEANUP(free) char *line = mem_dup(text, n);
		const char *word;

		if (!line)
			return -ENOMEM;
		word = find_in_line(line, program);
		if (word)
			return release_parse(word, ret);
		text += n + (text[n] == '\n');
	}
	return -ENOENT;
}
