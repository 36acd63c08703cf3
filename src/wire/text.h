/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Text from outside (a child's output, a peer's address) as a JSON string.
 * What is no UTF-8 would make the whole document unwritable.
 */

#include <jansson.h>
#include <stddef.h>

/*
 * A new string; each byte that is not part of valid UTF-8, and each control
 * character but tab, becomes U+FFFD. NULL @text is null. Returns NULL when out of memory.
 */
json_t *text_to_json(const char *text);

/* The same, cut between two characters so that it has at most @max bytes; never NULL @text. */
json_t *text_to_json_within(const char *text, size_t max);
