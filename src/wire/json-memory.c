/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/json-memory.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static __thread unsigned long n_failed;

static void *allocate(size_t n)
{
	void *block = mem_alloc(1, n);

	if (!block)
		n_failed++;
	return block;
}

static void wipe(void *block)
{
	if (block)
		explicit_bzero(block, malloc_usable_size(block));
	free(block);
}

void json_memory_init(void)
{
	json_set_alloc_funcs(allocate, wipe);
}

json_t *json_memory_load(const char *text, size_t n, size_t flags, json_error_t *error)
{
	unsigned long before = n_failed;
	json_t *value = json_loadb(text, n, flags, error);

	if (n_failed == before)
		return value;
	if (error) {
		snprintf(error->text, sizeof(error->text), "out of memory");
		error->text[sizeof(error->text) - 1] = json_error_out_of_memory; /* json_error_code() */
	}
	json_decref(value);
	return NULL;
}

char *json_memory_dump(const json_t *value, size_t flags)
{
	unsigned long before = n_failed;
	char *text = json_dumps(value, flags);

	if (n_failed == before)
		return text;
	wipe(text);
	return NULL;
}
