/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/json-memory.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/mem.h"

static void *allocate(size_t n)
{
	return mem_alloc(1, n);
}

void json_memory_init(void)
{
	json_set_alloc_funcs(allocate, free);
}
