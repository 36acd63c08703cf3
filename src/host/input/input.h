/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What the viewers press, on its way to the display: one typed queue for all
 * of them. Several may hold the same key: it goes down with the first and up
 * with the last. A display that comes or goes finds everything released.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

#define INPUT_KEYS 248	 /* evdev codes 1…247 */
#define INPUT_BUTTONS 10 /* X11 buttons 1…9 */

enum input_type {
	INPUT_KEY,
	INPUT_BUTTON,
	INPUT_MOTION,
	INPUT_WHEEL, /* a whole notch */
};

enum input_wheel {
	INPUT_WHEEL_UP,
	INPUT_WHEEL_DOWN,
	INPUT_WHEEL_LEFT,
	INPUT_WHEEL_RIGHT,
};

struct input_event {
	enum input_type type;
	bool down;	/* KEY, BUTTON */
	unsigned code;	/* evdev's, X11's button, enum input_wheel */
	unsigned x, y;	/* MOTION; on the screen */
};

/* Where events go: an X server, a test. */
struct input_sink;

struct input_sink_impl {
	void (*event)(struct input_sink *self, const struct input_event *event);
	/* What was given so far goes out now. */
	void (*flush)(struct input_sink *self);
};

/* Embedded in the variant's own struct. */
struct input_sink {
	const struct input_sink_impl *impl;
};

struct input {
	struct input_sink *sink; /* borrowed; NULL: there is no display, events are lost */
	unsigned width;
	unsigned height;
	struct list holders;
	uint16_t keys[INPUT_KEYS]; /* how many hold it */
	uint16_t buttons[INPUT_BUTTONS];
};

/* What one viewer holds down. Embedded in the viewer. */
struct input_holder {
	struct list link;
	bool keys[INPUT_KEYS];
	bool buttons[INPUT_BUTTONS];
	int wheel_x; /* 1/120 notch, not yet a whole one */
	int wheel_y;
};

void input_init(struct input *self);

/* Everything is up, on this side; the old sink is told nothing. */
void input_set_sink(struct input *self, struct input_sink *sink);

/* Positions beyond are clamped to it. */
void input_set_size(struct input *self, unsigned width, unsigned height);

void input_add_holder(struct input *self, struct input_holder *holder);

/* Releases all that it holds. */
void input_remove_holder(struct input *self, struct input_holder *holder);

/* A repeated down, and an up of what is not held, are ignored. Codes as checked by the wire. */
void input_key(struct input *self, struct input_holder *holder, unsigned code, bool down);
void input_button(struct input *self, struct input_holder *holder, unsigned number, bool down);

void input_motion(struct input *self, unsigned x, unsigned y);

/* @dx, @dy: 1/120 notch, right and down positive. What makes no whole notch is kept. */
void input_wheel(struct input *self, struct input_holder *holder, int dx, int dy);

void input_release(struct input *self, struct input_holder *holder);

/* To be called when a viewer's message is dealt with. */
void input_flush(struct input *self);
