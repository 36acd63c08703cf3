/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"

void *mem_alloc(size_t n, size_t size)
{
	return fault_hits(FAULT_ALLOC) ? NULL : calloc(n, size);
}

void *mem_resize(void *block, size_t n, size_t size)
{
	return fault_hits(FAULT_ALLOC) ? NULL : reallocarray(block, n, size);
}

char *mem_dup(const void *bytes, size_t n)
{
	char *copy;

	if (n == SIZE_MAX)
		return NULL;
	copy = mem_alloc(n + 1, 1);
	if (copy)
		memcpy(copy, bytes, n);
	return copy;
}

char *mem_vprintf(const char *format, va_list args)
{
	va_list again;
	char *text;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	text = n < 0 ? NULL : mem_alloc((size_t)n + 1, 1);
	if (text)
		vsnprintf(text, (size_t)n + 1, format, args);
	return text;
}

char *mem_printf(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = mem_vprintf(format, args);
	va_end(args);
	return text;
}

static void *require(void *block)
{
	if (!block) {
		log_error("out of memory");
		_exit(1); /* what else is done at an exit might need more of it */
	}
	return block;
}

void *xalloc(size_t n, size_t size)
{
	return require(mem_alloc(n, size));
}

char *xstrdup(const char *text)
{
	return require(mem_dup(text, strlen(text)));
}

char *xprintf(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = mem_vprintf(format, args);
	va_end(args);
	return require(text);
}
