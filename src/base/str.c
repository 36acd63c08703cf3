/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

const char *str_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int str_to_uint(const char *text, unsigned long min, unsigned long max, unsigned long *ret)
{
	unsigned long value;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno == ERANGE || value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

bool strbuf_reserve(struct strbuf *self, size_t n)
{
	size_t need = self->length + n + 1;
	size_t size = self->size ? self->size : 64;
	char *text;

	if (self->failed)
		return false;
	if (need <= self->size)
		return true;
	while (size < need)
		size *= 2;
	text = mem_resize(self->text, size, 1);
	if (!text) {
		self->failed = true;
		return false;
	}
	self->text = text;
	self->size = size;
	return true;
}

void strbuf_append(struct strbuf *self, const char *bytes, size_t n)
{
	if (!strbuf_reserve(self, n))
		return;
	if (n)
		memcpy(self->text + self->length, bytes, n);
	self->length += n;
	self->text[self->length] = '\0';
}

void strbuf_printf(struct strbuf *self, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0 || !strbuf_reserve(self, (size_t)n))
		return;
	va_start(args, format);
	vsnprintf(self->text + self->length, (size_t)n + 1, format, args);
	va_end(args);
	self->length += (size_t)n;
}

void str_quote(struct strbuf *to, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "@%+=:,./-_";

	if (*text && !text[strspn(text, plain)]) {
		strbuf_append(to, text, strlen(text));
		return;
	}
	strbuf_append(to, "'", 1);
	for (const char *at = text; *at; at++) {
		if (*at == '\'')
			strbuf_append(to, "'\"'\"'", 5);
		else
			strbuf_append(to, at, 1);
	}
	strbuf_append(to, "'", 1);
}

int strbuf_append_word(struct strbuf *self, const char *word)
{
	static const char plain[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_-abcdefghijklmnopqrstuvwxyz";

	if (strchr(word, '\n'))
		return -EINVAL;
	if (!word[0]) /* or the shell would not see it at all */
		strbuf_append(self, "''", 2);
	for (; *word; word++) {
		if (!strchr(plain, *word))
			strbuf_append(self, "\\", 1);
		strbuf_append(self, word, 1);
	}
	return 0;
}

void str_escape_address(struct strbuf *to, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_/.\\*";

	for (; *text; text++) {
		if (strchr(plain, *text))
			strbuf_append(to, text, 1);
		else
			strbuf_printf(to, "%%%02x", (unsigned)(unsigned char)*text);
	}
}

void str_quote_words(struct strbuf *to, const char *const *words)
{
	for (size_t i = 0; words[i]; i++) {
		if (i)
			strbuf_append(to, " ", 1);
		str_quote(to, words[i]);
	}
}

void strbuf_consume(struct strbuf *self, size_t n)
{
	if (!n)
		return;
	memmove(self->text, self->text + n, self->length - n);
	self->length -= n;
	self->text[self->length] = '\0';
}

void strbuf_finish(struct strbuf *self)
{
	free(self->text);
	*self = (struct strbuf){ 0 };
}
