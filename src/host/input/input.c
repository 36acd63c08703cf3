/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/input/input.h"

#include <stdlib.h>
#include <string.h>

#define NOTCH 120
#define NOTCHES_MAX 32 /* of one message: nobody scrolls further in one go */

static void send(struct input *self, const struct input_event *event)
{
	if (self->sink)
		self->sink->impl->event(self->sink, event);
}

void input_init(struct input *self)
{
	*self = (struct input){ 0 };
	list_init(&self->holders);
}

void input_set_sink(struct input *self, struct input_sink *sink)
{
	struct input_holder *holder;

	self->sink = sink;
	memset(self->keys, 0, sizeof(self->keys));
	memset(self->buttons, 0, sizeof(self->buttons));
	list_for_each(holder, &self->holders, link) {
		memset(holder->keys, 0, sizeof(holder->keys));
		memset(holder->buttons, 0, sizeof(holder->buttons));
		holder->wheel_x = 0;
		holder->wheel_y = 0;
	}
}

void input_set_size(struct input *self, unsigned width, unsigned height)
{
	self->width = width;
	self->height = height;
}

void input_add_holder(struct input *self, struct input_holder *holder)
{
	*holder = (struct input_holder){ 0 };
	list_append(&self->holders, &holder->link);
}

void input_remove_holder(struct input *self, struct input_holder *holder)
{
	input_release(self, holder);
	input_flush(self);
	list_remove(&holder->link);
}

/* Returns whether the display is to be told: with the first down and the last up. */
static bool hold(bool *held, uint16_t *n_holders, bool down)
{
	if (*held == down)
		return false;
	*held = down;
	if (down)
		return ++*n_holders == 1;
	return --*n_holders == 0;
}

void input_key(struct input *self, struct input_holder *holder, unsigned code, bool down)
{
	struct input_event event = { .type = INPUT_KEY, .down = down, .code = code };

	if (hold(&holder->keys[code], &self->keys[code], down))
		send(self, &event);
}

void input_button(struct input *self, struct input_holder *holder, unsigned number, bool down)
{
	struct input_event event = { .type = INPUT_BUTTON, .down = down, .code = number };

	if (hold(&holder->buttons[number], &self->buttons[number], down))
		send(self, &event);
}

void input_motion(struct input *self, unsigned x, unsigned y)
{
	struct input_event event = { .type = INPUT_MOTION };

	if (self->width == 0 || self->height == 0)
		return;
	event.x = x < self->width ? x : self->width - 1;
	event.y = y < self->height ? y : self->height - 1;
	send(self, &event);
}

/* @rest: of what came before. A turn back begins anew, or its first notch would be late. */
static void scroll(struct input *self, int *rest, int delta, enum input_wheel negative,
	enum input_wheel positive)
{
	struct input_event event = { .type = INPUT_WHEEL };
	int notches;

	if ((*rest < 0 && delta > 0) || (*rest > 0 && delta < 0))
		*rest = 0;
	notches = (*rest + delta) / NOTCH;
	*rest = (*rest + delta) % NOTCH;
	event.code = notches < 0 ? negative : positive;
	for (int n = abs(notches); n > 0 && n > abs(notches) - NOTCHES_MAX; n--)
		send(self, &event);
}

void input_wheel(struct input *self, struct input_holder *holder, int dx, int dy)
{
	scroll(self, &holder->wheel_x, dx, INPUT_WHEEL_LEFT, INPUT_WHEEL_RIGHT);
	scroll(self, &holder->wheel_y, dy, INPUT_WHEEL_UP, INPUT_WHEEL_DOWN);
}

void input_release(struct input *self, struct input_holder *holder)
{
	for (unsigned code = 0; code < INPUT_KEYS; code++)
		input_key(self, holder, code, false);
	for (unsigned number = 0; number < INPUT_BUTTONS; number++)
		input_button(self, holder, number, false);
	holder->wheel_x = 0;
	holder->wheel_y = 0;
}

void input_flush(struct input *self)
{
	if (self->sink)
		self->sink->impl->flush(self->sink);
}
