/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * One rectangle of at most 64x64 pixels as the cheapest of the stream's kinds
 * (docs/protocol.md): one colour, up to 16 colours, or every pixel.
 */

#include <stddef.h>
#include <stdint.h>

#include "host/scene/rect.h"
#include "wire/stream.h"

/* Returns the bytes written to @out, at most STREAM_RECT_MAX. */
size_t tile_write(
	uint8_t *out, const struct rect *at, const uint32_t *pixels, size_t stride);
