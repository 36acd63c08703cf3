/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A screen that is drawn on, captured in pieces and with any hints, taken over in steps, and a
 * viewer who is sent moves and rectangles late: in the end both must have the same picture.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "host/scene/moves.h"

#define WIDTH 193
#define HEIGHT 130
#define COLOUR 0x00ffffffU
#define STEP_PX 5000

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

struct state {
	struct reader reader;
	struct scene scene;
	struct moves moves;
	struct scene_view view;
	uint32_t screen[HEIGHT][WIDTH];
	uint32_t seen[HEIGHT][WIDTH];
};

static const struct rect whole = { 0, 0, WIDTH, HEIGHT };

static struct rect read_rect(struct state *self)
{
	int x = reader_u8(&self->reader), y = reader_u8(&self->reader);
	int width = 1 + reader_u8(&self->reader), height = 1 + reader_u8(&self->reader);
	struct rect r = rect_sized(x, y, width, height);

	return rect_intersect(&r, &whole);
}

static void fill(struct state *self)
{
	struct rect r = read_rect(self);
	uint32_t colour = reader_u8(&self->reader), step = reader_u8(&self->reader);

	for (int y = r.top; y < r.bottom; y++) {
		for (int x = r.left; x < r.right; x++) {
			colour = colour * (2 * step + 1) + step;
			self->screen[y][x] = colour;
		}
	}
}

static void copy(uint32_t picture[HEIGHT][WIDTH], const struct scene_move *move)
{
	static uint32_t before[HEIGHT][WIDTH];

	memcpy(before, picture, sizeof(before));
	for (int y = move->to.top; y < move->to.bottom; y++) {
		for (int x = move->to.left; x < move->to.right; x++)
			picture[y][x] = before[y - move->dy][x - move->dx];
	}
}

static void move(struct state *self)
{
	struct rect r = read_rect(self), sources;
	int dx = (int8_t)reader_u8(&self->reader), dy = (int8_t)reader_u8(&self->reader);

	sources = rect_shifted(&whole, dx, dy);
	r = rect_intersect(&r, &sources);
	copy(self->screen, &(struct scene_move){ r, dx, dy });
}

/* Mostly on the screen, and sometimes as far from it as can be. */
static int read_value(struct state *self)
{
	uint32_t value = reader_u8(&self->reader);

	if (value >= 250)
		value = value << 24 | reader_u8(&self->reader);
	return (int)value;
}

static struct hint read_hint(struct state *self)
{
	int values[6];

	for (int i = 0; i < 6; i++)
		values[i] = read_value(self);
	values[4] = (int8_t)values[4]; /* back and forth */
	return (struct hint){ { values[0], values[1], values[2], values[3] }, values[4],
		values[5] };
}

static void look(struct state *self, unsigned n_boxes)
{
	size_t tile = 0;
	struct rect box;

	for (unsigned i = 0; i < self->view.n_moves; i++) {
		assert(rect_contains(&whole, &self->view.moves[i].to));
		copy(self->seen, &self->view.moves[i]);
	}
	self->view.n_moves = 0;
	for (; n_boxes > 0 && region_take(&self->view.dirty, &tile, &box); n_boxes--) {
		for (int y = box.top; y < box.bottom; y++)
			memcpy(&self->seen[y][box.left], scene_at(&self->scene, box.left, y),
				(size_t)rect_width(&box) * sizeof(uint32_t));
	}
}

static void capture(struct state *self, struct rect at)
{
	struct hint hint = read_hint(self);
	struct patch patch = { at, &self->screen[0][0], WIDTH };
	struct moves_batch batch = { &patch, 1, &hint, 1 };
	bool changed;

	if (rect_is_empty(&at))
		return;
	patch.pixels = &self->screen[at.top][at.left];
	moves_start(&self->moves, &batch);
	while (!moves_go_on(&self->moves, STEP_PX, &changed))
		look(self, 1);
}

static void step(struct state *self)
{
	switch (reader_u8(&self->reader) % 5) {
	case 0:
		fill(self);
		break;
	case 1:
		move(self);
		break;
	case 2:
		capture(self, read_rect(self));
		break;
	case 3:
		capture(self, whole);
		break;
	case 4:
		look(self, reader_u8(&self->reader) % 8);
		break;
	}
}

static void check(const struct state *self)
{
	for (int y = 0; y < HEIGHT; y++) {
		for (int x = 0; x < WIDTH; x++)
			assert(!((self->screen[y][x] ^ self->seen[y][x]) & COLOUR));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static struct state state;

	memset(&state, 0, sizeof(state));
	reader_init(&state.reader, bytes, n);
	scene_init(&state.scene);
	moves_init(&state.moves, &state.scene);
	if (scene_resize(&state.scene, WIDTH, HEIGHT) < 0
		|| scene_add_view(&state.scene, &state.view) < 0)
		abort();
	moves_handle_resize(&state.moves);
	while (reader_left(&state.reader) > 0)
		step(&state);
	capture(&state, whole);
	look(&state, 1000);
	check(&state);
	scene_remove_view(&state.view);
	moves_finish(&state.moves);
	scene_finish(&state.scene);
	return 0;
}
