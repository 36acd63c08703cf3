/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* A rectangle of captured pixels, in somebody else's memory. */

#include <stddef.h>
#include <stdint.h>

#include "host/scene/rect.h"

/* Pixels are 0x00RRGGBB with an undefined top byte. */
struct patch {
	struct rect at;
	const uint32_t *pixels; /* of the left top corner */
	size_t stride;          /* pixels from one row to the next */
};

static inline const uint32_t *patch_at(const struct patch *self, int x, int y)
{
	return self->pixels + (size_t)(y - self->at.top) * self->stride
		+ (size_t)(x - self->at.left);
}
