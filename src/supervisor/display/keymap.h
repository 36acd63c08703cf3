/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The evdev keymap: hosts send evdev key codes, whatever the server's default
 * rules are (XINIT-2). Debian's servers start with it, so that mostly one
 * question and its answer are all; otherwise it is loaded by name, as
 * setxkbmap(1) would. Sources: xkbproto, "XkbGetKbdByName"; setxkbmap.
 */

#include <xcb/xcb.h>

struct keymap;
struct xcb_source;

/* @error: 0, or negative errno: the keymap is the server's own. */
typedef void (*keymap_done_fn)(void *data, int error);

/* Returns 0 or negative errno; @done is called once, from the loop. */
int keymap_start(struct keymap **ret, struct xcb_source *source, xcb_window_t root,
	keymap_done_fn done, void *data);

/* May be called at any time, also from @done. Takes NULL. */
void keymap_destroy(struct keymap *self);
