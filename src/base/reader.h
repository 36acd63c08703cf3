/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Bounded parsing of bytes from outside. A reader never reads past its end:
 * a short read sets @failed, gives zeroes from then on, and the caller checks
 * once when it is through. Integers are little-endian.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *at; /* borrowed */
	const uint8_t *end;
	bool failed;
};

void reader_init(struct reader *self, const void *bytes, size_t n);

static inline size_t reader_left(const struct reader *self)
{
	return (size_t)(self->end - self->at);
}

/* The next @n bytes, borrowed; NULL and failed when there are fewer. */
const uint8_t *reader_bytes(struct reader *self, size_t n);

uint8_t reader_u8(struct reader *self);
uint16_t reader_u16(struct reader *self);
uint32_t reader_u32(struct reader *self);

/* Read in full, and nothing is left over? */
static inline bool reader_done(const struct reader *self)
{
	return !self->failed && self->at == self->end;
}
