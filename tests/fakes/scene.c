/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Draws pictures that a seed decides, in a window over the whole screen. For
 * each line on stdin it draws, and writes "done" when the server has done it:
 *
 *	scene SEED	a few things on top of what is there
 *	noise SEED	nothing but noise, all over
 *	solid RRGGBB	one colour, and a cursor of another over it
 *	size W H	the screen has another size, and the window too; "refused" if it cannot
 *
 * `scene hold SEED` draws a whole picture of 40 things and keeps it until the
 * server ends.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "size.h"
#include "window.h"

#define IMAGE_MAX_PX 200
#define N_CHILDREN 4

struct scene {
	struct window window;
	struct size size; /* all zero until it is wanted */
	xcb_gcontext_t gc;
	xcb_window_t children[N_CHILDREN]; /* 0: none */
	uint32_t random;
	uint32_t pixels[IMAGE_MAX_PX * IMAGE_MAX_PX];
};

/* xorshift32 */
static uint32_t next(struct scene *self)
{
	self->random ^= self->random << 13;
	self->random ^= self->random >> 17;
	self->random ^= self->random << 5;
	return self->random;
}

static uint32_t below(struct scene *self, uint32_t limit)
{
	return next(self) % limit;
}

static uint32_t colour(struct scene *self)
{
	return next(self) & 0xffffff;
}

static void set_gc(struct scene *self, uint32_t mask, const uint32_t *values)
{
	xcb_change_gc(self->window.connection, self->gc, mask, values);
}

static void set_colours(struct scene *self)
{
	set_gc(self, XCB_GC_FOREGROUND | XCB_GC_BACKGROUND,
		(const uint32_t[]){ colour(self), colour(self) });
}

/* Somewhere on the screen, also reaching over its edges. */
static xcb_rectangle_t place(struct scene *self, uint32_t max_width, uint32_t max_height)
{
	xcb_rectangle_t at = {
		.width = (uint16_t)(1 + below(self, max_width)),
		.height = (uint16_t)(1 + below(self, max_height)),
	};

	at.x = (int16_t)((int)below(self, self->window.width + at.width) - at.width);
	at.y = (int16_t)((int)below(self, self->window.height + at.height) - at.height);
	return at;
}

static void draw_rectangle(struct scene *self)
{
	xcb_rectangle_t at = place(self, 300, 200);

	set_colours(self);
	xcb_poly_fill_rectangle(self->window.connection, self->window.id, self->gc, 1, &at);
}

static void draw_lines(struct scene *self)
{
	xcb_point_t points[6];

	set_colours(self);
	set_gc(self, XCB_GC_LINE_WIDTH, (const uint32_t[]){ below(self, 6) });
	for (size_t i = 0; i < 6; i++)
		points[i] = (xcb_point_t){ (int16_t)below(self, self->window.width),
			(int16_t)below(self, self->window.height) };
	xcb_poly_line(self->window.connection, XCB_COORD_MODE_ORIGIN, self->window.id, self->gc, 6,
		points);
}

static void draw_text(struct scene *self)
{
	xcb_rectangle_t at = place(self, 100, 20);
	char text[40];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(' ' + below(self, 95));
	set_colours(self);
	xcb_image_text_8(self->window.connection, sizeof(text), self->window.id, self->gc, at.x,
		at.y, text);
}

static void put_pixels(struct scene *self, const xcb_rectangle_t *at)
{
	xcb_put_image(self->window.connection, XCB_IMAGE_FORMAT_Z_PIXMAP, self->window.id,
		self->gc, at->width, at->height, at->x, at->y, 0,
		self->window.screen->root_depth, (uint32_t)at->width * at->height * 4,
		(const uint8_t *)self->pixels);
}

/* Noise, or 2 to 20 colours: around the limits of a palette. */
static void draw_image(struct scene *self)
{
	xcb_rectangle_t at = place(self, IMAGE_MAX_PX, IMAGE_MAX_PX);
	uint32_t palette[20], n_colours = 2 + below(self, 19);
	bool is_noise = below(self, 2) == 0;

	for (size_t i = 0; i < n_colours; i++)
		palette[i] = colour(self);
	for (size_t i = 0; i < (size_t)at.width * at.height; i++)
		self->pixels[i] = is_noise ? colour(self) : palette[below(self, n_colours)];
	put_pixels(self, &at);
}

static void draw_points(struct scene *self)
{
	const int16_t right = (int16_t)(self->window.width - 1);
	const int16_t bottom = (int16_t)(self->window.height - 1);
	const xcb_point_t points[] = { { right, bottom }, { 0, bottom }, { right, 0 },
		{ (int16_t)below(self, self->window.width), bottom },
		{ right, (int16_t)below(self, self->window.height) } };

	set_colours(self);
	xcb_poly_point(self->window.connection, XCB_COORD_MODE_ORIGIN, self->window.id, self->gc, 5,
		points);
}

/* A scroll, or something dragged over its former place. */
static void draw_copy(struct scene *self)
{
	xcb_rectangle_t from = place(self, 400, 300);

	xcb_copy_area(self->window.connection, self->window.id, self->window.id, self->gc, from.x,
		from.y, (int16_t)(from.x + (int)below(self, 60) - 30),
		(int16_t)(from.y + (int)below(self, 60) - 30), from.width, from.height);
}

/* A window on top comes, moves or goes: what it covered is drawn by the server. */
static void draw_child(struct scene *self)
{
	xcb_window_t *child = &self->children[below(self, N_CHILDREN)];
	xcb_rectangle_t at = place(self, 250, 150);

	if (!*child) {
		*child = xcb_generate_id(self->window.connection);
		xcb_create_window(self->window.connection, XCB_COPY_FROM_PARENT, *child,
			self->window.id, at.x, at.y, at.width, at.height, 1,
			XCB_WINDOW_CLASS_INPUT_OUTPUT, XCB_COPY_FROM_PARENT,
			XCB_CW_BACK_PIXEL | XCB_CW_BORDER_PIXEL,
			(const uint32_t[]){ colour(self), colour(self) });
		xcb_map_window(self->window.connection, *child);
	} else if (below(self, 3) == 0) {
		xcb_destroy_window(self->window.connection, *child);
		*child = 0;
	} else {
		xcb_configure_window(self->window.connection, *child,
			XCB_CONFIG_WINDOW_X | XCB_CONFIG_WINDOW_Y,
			(const uint32_t[]){ (uint32_t)at.x, (uint32_t)at.y });
	}
}

static void start_random(struct scene *self, uint32_t seed)
{
	self->random = seed * 2654435761U | 1;
	for (unsigned i = 0; i < 8; i++)
		next(self);
}

static void draw_noise(struct scene *self, uint32_t seed)
{
	xcb_rectangle_t at = { .width = IMAGE_MAX_PX, .height = IMAGE_MAX_PX };

	start_random(self, seed);
	for (int y = 0; y < self->window.height; y += IMAGE_MAX_PX) {
		for (int x = 0; x < self->window.width; x += IMAGE_MAX_PX) {
			for (size_t i = 0; i < IMAGE_MAX_PX * IMAGE_MAX_PX; i++)
				self->pixels[i] = colour(self);
			at.x = (int16_t)x;
			at.y = (int16_t)y;
			put_pixels(self, &at);
		}
	}
}

static void draw(struct scene *self, uint32_t seed, unsigned n_things)
{
	static void (*const things[])(struct scene *) = { draw_rectangle, draw_rectangle, draw_lines,
		draw_text, draw_image, draw_points, draw_copy, draw_child };

	start_random(self, seed);
	for (unsigned i = 0; i < n_things; i++)
		things[below(self, sizeof(things) / sizeof(things[0]))](self);
}

/* A cursor that hides 32 × 32 pixels under the inverse of their colour. */
static void set_cursor(struct scene *self, uint32_t rgb)
{
	xcb_connection_t *connection = self->window.connection;
	const xcb_pixmap_t shape = xcb_generate_id(connection);
	const xcb_cursor_t cursor = xcb_generate_id(connection);
	const xcb_gcontext_t gc = xcb_generate_id(connection);
	const xcb_rectangle_t all = { 0, 0, 32, 32 };
	const uint32_t inverse = ~rgb;

	xcb_create_pixmap(connection, 1, shape, self->window.id, 32, 32);
	xcb_create_gc(connection, gc, shape, XCB_GC_FOREGROUND, (const uint32_t[]){ 1 });
	xcb_poly_fill_rectangle(connection, shape, gc, 1, &all);
	xcb_create_cursor(connection, cursor, shape, shape, (inverse >> 16 & 255) * 257,
		(inverse >> 8 & 255) * 257, (inverse & 255) * 257, 0, 0, 0, 16, 16);
	xcb_change_window_attributes(
		connection, self->window.id, XCB_CW_CURSOR, (const uint32_t[]){ cursor });
	xcb_free_gc(connection, gc);
	xcb_free_pixmap(connection, shape);
	xcb_free_cursor(connection, cursor);
}

static void draw_solid(struct scene *self, uint32_t rgb)
{
	const xcb_rectangle_t all = { 0, 0, self->window.width, self->window.height };

	set_gc(self, XCB_GC_FOREGROUND, &rgb);
	xcb_destroy_subwindows(self->window.connection, self->window.id);
	memset(self->children, 0, sizeof(self->children));
	xcb_poly_fill_rectangle(self->window.connection, self->window.id, self->gc, 1, &all);
	set_cursor(self, rgb);
}

static bool resize(struct scene *self, unsigned width, unsigned height)
{
	if (!self->size.window)
		size_init(&self->size, &self->window);
	if (!size_set(&self->size, width, height))
		return false;
	xcb_configure_window(self->window.connection, self->window.id,
		XCB_CONFIG_WINDOW_WIDTH | XCB_CONFIG_WINDOW_HEIGHT,
		(const uint32_t[]){ width, height });
	return true;
}

static void obey(struct scene *self, const char *line)
{
	unsigned number, width, height;
	bool is_done = true;

	if (sscanf(line, "scene %u", &number) == 1)
		draw(self, number, 1 + number % 7);
	else if (sscanf(line, "noise %u", &number) == 1)
		draw_noise(self, number);
	else if (sscanf(line, "solid %x", &number) == 1)
		draw_solid(self, number);
	else if (sscanf(line, "size %u %u", &width, &height) == 2)
		is_done = resize(self, width, height);
	else
		window_fail("it was told what it does not know");
	window_sync(&self->window);
	puts(is_done ? "done" : "refused");
	fflush(stdout);
}

static void set_up(struct scene *self)
{
	const xcb_font_t font = xcb_generate_id(self->window.connection);

	self->gc = xcb_generate_id(self->window.connection);
	xcb_open_font(self->window.connection, font, 5, "fixed");
	/* Copies of covered parts would otherwise send an event each. */
	xcb_create_gc(self->window.connection, self->gc, self->window.id,
		XCB_GC_FONT | XCB_GC_GRAPHICS_EXPOSURES, (const uint32_t[]){ font, 0 });
	/* What is drawn outlives another size. */
	xcb_change_window_attributes(self->window.connection, self->window.id,
		XCB_CW_BIT_GRAVITY, (const uint32_t[]){ XCB_GRAVITY_NORTH_WEST });
}

int main(int argc, char **argv)
{
	static struct scene scene;
	xcb_generic_event_t *event;
	char line[64];

	window_connect(&scene.window);
	window_show(&scene.window, 0);
	set_up(&scene);
	if (argc == 3 && strcmp(argv[1], "hold") == 0) {
		draw(&scene, (uint32_t)strtoul(argv[2], NULL, 10), 40);
		window_sync(&scene.window);
		while ((event = xcb_wait_for_event(scene.window.connection)))
			free(event);
		return 0;
	}
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		obey(&scene, line);
	return 0;
}
