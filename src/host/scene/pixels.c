/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/scene/pixels.h"

#include <string.h>

/* As many as compilers make vectors of without being asked: the count is known to them. */
#define BLOCK 16

static uint32_t difference(const uint32_t *a, const uint32_t *b)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < BLOCK; i++)
		sum |= a[i] ^ b[i];
	return sum & PIXELS_COLOUR;
}

bool pixels_equal(const uint32_t *a, const uint32_t *b, size_t n)
{
	size_t same;

	/* The fastest, unless top bytes differ: then only the slow way tells. */
	if (memcmp(a, b, n * sizeof(*a)) == 0)
		return true;
	for (same = 0; same + BLOCK <= n; same += BLOCK) {
		if (difference(a + same, b + same))
			return false;
	}
	return pixels_same_head(a + same, b + same, n - same) == n - same;
}

size_t pixels_same_head(const uint32_t *a, const uint32_t *b, size_t n)
{
	size_t same = 0;

	while (same < n && !((a[same] ^ b[same]) & PIXELS_COLOUR))
		same++;
	return same;
}

size_t pixels_same_tail(const uint32_t *a, const uint32_t *b, size_t n)
{
	size_t same = 0;

	while (same < n && !((a[n - 1 - same] ^ b[n - 1 - same]) & PIXELS_COLOUR))
		same++;
	return same;
}
