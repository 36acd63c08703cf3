/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* What a viewer does with PICTURE bodies: one sequence of one codec, back to pixels. For tests.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/video/codec.h"

struct picture_decoder;

struct picture_decoder *picture_decoder_create(enum codec_id id);
void picture_decoder_destroy(struct picture_decoder *self);

/**
 * picture_decode() - the next picture
 * @pixels:  @width x @height without gaps; what the picture is larger by is cut off
 *
 * Returns false when it cannot be decoded, or is not of that size rounded up to even numbers
 * (JPEG: of that size).
 */
bool picture_decode(struct picture_decoder *self, const uint8_t *bytes, size_t n,
	uint32_t *pixels, unsigned width, unsigned height);

/* Of all three channels, in dB; 99 when nothing differs. */
double picture_psnr(const uint32_t *a, const uint32_t *b, size_t n);
