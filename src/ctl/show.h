/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* What commands have in common that show a document (wire/status.h, afar(1)) to people. */

#include <jansson.h>

#include "base/clock.h"

/* Sequences for a terminal; all "" where there is none, or NO_COLOR is set. */
struct colours {
	const char *good, *bad, *dim, *off;
};

struct colours show_colours(void);

/* The text under @key, borrowed; "" when there is none. */
const char *show_text(const json_t *object, const char *key);

/* The time under @key, of the wall; 0 when there is none. */
usec_t show_time(const json_t *object, const char *key);

/* "5 s", "2 h 5 min", "3 d 4 h": from @key's time to @now. Allocated. */
char *show_age(const json_t *object, const char *key, usec_t now);
