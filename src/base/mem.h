/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Memory: allocation and clean-up of locals.
 *
 * Every allocation of the programs goes through here, so that a test can make
 * the n-th one fail. mem_*() return NULL on failure and are for whatever runs
 * once a program is ready; x*() end the program, with a line in its log and exit
 * status 1, and are for commands, tests and start-up.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define CLEANUP(what) __attribute__((cleanup(cleanup_##what)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Hands over a pointer: its value, with the variable left NULL. */
#define TAKE_PTR(p)                                                                            \
	({                                                                                     \
		__typeof__(p) *take_ = &(p);                                                   \
		__typeof__(p) value_ = *take_;                                                 \
		*take_ = NULL;                                                                 \
		value_;                                                                        \
	})

/* Zeroed memory for @n elements of @size bytes; NULL when out of memory or on overflow. */
void *mem_alloc(size_t n, size_t size);

/* As reallocarray(3): new bytes are not cleared; NULL leaves the old block alone. */
void *mem_resize(void *block, size_t n, size_t size);

/* A copy of @n bytes with a NUL behind them; NULL when out of memory. */
char *mem_dup(const void *bytes, size_t n);

/* As asprintf(3), with the text as its result; NULL when out of memory. */
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *mem_vprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

void *xalloc(size_t n, size_t size);
char *xstrdup(const char *text);
char *xprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define mem_new(type) ((type *)mem_alloc(1, sizeof(type)))
#define xnew(type) ((type *)xalloc(1, sizeof(type)))

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}
