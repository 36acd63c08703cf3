/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The modes of a fresh X server: one of each wanted size and rate on each of
 * the wanted outputs, the first size switched on, 96 dpi. XINIT-3..5.
 *
 * A mode WxH_R has a dot clock of R MHz and totals of 1000 by 1000, which
 * makes exactly R Hz whatever the size; no real monitor ever sees it.
 */

#include <stddef.h>
#include <xcb/xcb.h>

#include "wire/settings.h"

struct randr;
struct xcb_source;

/* May be called from within randr_switch_to_first_size(). @error: 0, or negative errno: the server keeps the size that it had. */
typedef void (*randr_done_fn)(void *data, int error);

/**
 * randr_start() - set it all up, without waiting
 * @outputs:  names, NULL-terminated; those that the server lacks are left out; borrowed
 * @sizes:    copied
 * @done:     called once, from the loop
 *
 * Returns 0 or negative errno.
 */
int randr_start(struct randr **ret, struct xcb_source *source, xcb_window_t root,
	const char *const *outputs, const struct settings *sizes, randr_done_fn done, void *data);

/* Once done: the first size again. @done is called again. */
void randr_switch_to_first_size(struct randr *self);

/* May be called at any time, also from @done. Takes NULL. */
void randr_destroy(struct randr *self);
