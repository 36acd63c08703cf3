/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* What square.c draws and where; floor-key.c, and browser.mjs with numbers of its own, rely on it. */

#include <stdbool.h>
#include <xcb/xcb.h>

#define SQUARE_PX 64
#define SQUARE_X 200
#define SQUARE_Y 200
#define SQUARE_COLOURS                                                                         \
	{                                                                                      \
		0x204080, 0xe0c040                                                             \
	}
