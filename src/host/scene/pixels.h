/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Rows of pixels, compared. The top byte of a pixel is undefined and never counts. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PIXELS_COLOUR 0x00ffffffU

bool pixels_equal(const uint32_t *a, const uint32_t *b, size_t n);

/* How many are equal, from the first on. */
size_t pixels_same_head(const uint32_t *a, const uint32_t *b, size_t n);

/* How many are equal, from the last on. */
size_t pixels_same_tail(const uint32_t *a, const uint32_t *b, size_t n);
