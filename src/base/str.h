/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Strings: questions, bounded parsing of numbers, and text that grows. */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline bool str_equal(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static inline bool str_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* NULL or "". */
static inline bool str_empty(const char *text)
{
	return !text || !text[0];
}

/* The part behind the last '/', as basename(3) of POSIX would, but never changing @path. */
const char *str_basename(const char *path);

/**
 * str_to_uint() - read a decimal number: digits only, no sign, no blanks
 *
 * Returns 0, -EINVAL (not such a number) or -ERANGE (outside @min..@max).
 */
int str_to_uint(const char *text, unsigned long min, unsigned long max, unsigned long *ret);

/*
 * Text that grows. Starts zeroed; strbuf_finish() frees it. A failed
 * allocation sticks in @failed, so that a run of appends needs one check.
 */
struct strbuf {
	char *text; /* NUL-terminated once anything was appended, else NULL */
	size_t length;
	size_t size;
	bool failed;
};

/* Room for @n more bytes and a NUL. False, and @failed, when out of memory. */
bool strbuf_reserve(struct strbuf *self, size_t n);
void strbuf_append(struct strbuf *self, const char *bytes, size_t n);
void strbuf_printf(struct strbuf *self, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* @text as one word for sh(1): as it is when nothing in it is special, else in single quotes. */
void str_quote(struct strbuf *to, const char *text);
/* All words of a NULL-terminated list, with blanks between. */
void str_quote_words(struct strbuf *to, const char *const *words);
/*
 * @word as any shell reads it back, a backslash before all that is not plain (US-21). A newline
 * cannot be quoted so: -EINVAL, and nothing is appended.
 */
int strbuf_append_word(struct strbuf *self, const char *word);

/* @text as a value in a D-Bus address, where most bytes stand as %XX. */
void str_escape_address(struct strbuf *to, const char *text);
/* Takes the first @n bytes away. */
void strbuf_consume(struct strbuf *self, size_t n);
void strbuf_finish(struct strbuf *self);

static inline void cleanup_strbuf(struct strbuf *self)
{
	strbuf_finish(self);
}
