/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * --watch-resolution: some desktops, as they start, switch Xvfb to its largest
 * size. For half a minute that is undone, once. WATCH-1..3.
 */

#include "base/clock.h"

#define WATCH_USEC (30 * USEC_PER_SEC)

/**
 * watch_resolution() - watch the display $DISPLAY
 * @width_px, @height_px: the size that it has and should keep
 * @limit: for so long; WATCH_USEC by the contract
 *
 * Waits for RandR's events. Returns 0 when there is nothing to watch any more, or negative errno
 * when there is no such display.
 */
int watch_resolution(long width_px, long height_px, usec_t limit);
