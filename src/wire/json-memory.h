/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* jansson with base/mem.h's memory, and without what it makes of a lack of it. */

#include <jansson.h>
#include <stddef.h>

/*
 * Its memory comes from base/mem.h from now on, as all else does, and is wiped when it is freed: it
 * holds keys, PINs and tokens. Call it before any JSON.
 */
void json_memory_init(void);

/*
 * As json_loadb(3). That one (2.14) passes over the bytes for which a growing string has no room,
 * and returns another string: here that is NULL, with json_error_out_of_memory in @error, which
 * may be NULL.
 */
json_t *json_memory_load(const char *text, size_t n, size_t flags, json_error_t *error);

/* As json_dumps(3), which likewise leaves out a key: here that is NULL. The caller frees it. */
char *json_memory_dump(const json_t *value, size_t flags);
