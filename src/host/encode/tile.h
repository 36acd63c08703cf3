/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * One rectangle of at most 64x64 pixels as the cheapest of the stream's kinds
 * (docs/protocol.md), where what counts is the size after deflate: one colour,
 * a palette, differences, or every pixel as it is. tests/bench/codec.c
 * measures them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/scene/rect.h"
#include "wire/stream.h"

/*
 * @pixels: of the left top corner, 0x00RRGGBB, top byte ignored. Returns the bytes written to
 * @out, at most STREAM_RECT_MAX.
 */
size_t tile_write(
	uint8_t *out, const struct rect *at, const uint32_t *pixels, size_t stride);

/* In that kind, cheap or not; for tests. 0: the tile has too many colours for it, or too few. */
size_t tile_write_as(enum stream_kind kind, uint8_t *out, const struct rect *at,
	const uint32_t *pixels, size_t stride);

/* Of what tile_write() wrote: there are no repetitions worth the search for them. */
bool tile_is_noisy(const uint8_t *written, size_t n);
