/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * A picture that a test paints: what is painted is told when the test says so.
 */

#include "host/capture/capture.h"
#include "host/scene/rect.h"

/* Tells its geometry at once. NULL: out of memory. */
struct capture *capture_fake_create(
	unsigned width, unsigned height, const struct capture_events *events, void *data);

/* A new geometry. Returns 0 or -ENOMEM. */
int capture_fake_resize(struct capture *self, unsigned width, unsigned height);

/* Paints a rectangle on the screen and tells it in a batch of its own. */
void capture_fake_fill(struct capture *self, const struct rect *rect, uint32_t colour);
