/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* What was at @from may be at a distance of (@dx, @dy) now: a window that was dragged, say. */

#include "host/scene/rect.h"

/* Only a hint: any values will do, also such as lie beyond the screen. */
struct hint {
	struct rect from;
	int dx;
	int dy;
};
