/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a viewer can tell the age of, on $DISPLAY.
 *
 *	painter video FPS [X Y WIDTH HEIGHT]
 *		that part of the screen, or all of it, changes so often, as a film does. In the
 *		left top corner of each tile of the grid stands when it was drawn, in microseconds
 *		of CLOCK_MONOTONIC: 8 x 8 pixels, row by row and from the left, the highest bit
 *		first, white for 1, else black. For who has a coded picture of it the lower half of
 *		the first tile has the same in milliseconds, 32 bits of 8 x 8 pixels each. After
 *		SIGUSR1 nothing moves any more, and it writes "stopped MICROSECONDS"
 *	painter keys
 *		the tile on its right has the number of key presses as its colour, in 7 bits of each
 *		channel; in the highest one it is odd or even. For each it writes "key NUMBER
 *		MICROSECONDS": when it heard of it
 *
 * Each writes "ready" once it is seen.
 */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <xcb/shm.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/window.h"

#define TILE_PX 64
#define STAMP_PX 8
#define COARSE_BIT_PX 8
#define COARSE_BITS 32
#define KEYS_X 704
#define KEYS_Y 320

static volatile sig_atomic_t told_to_stop;

static void handle_stop(int number)
{
	(void)number;
	told_to_stop = 1;
}

static void say(const char *word)
{
	puts(word);
	fflush(stdout);
}

/* --- video --- */

struct film {
	struct window window;
	xcb_gcontext_t gc;
	xcb_shm_seg_t segment;
	int x, y;
	unsigned width, height;
	uint32_t *pixels; /* width x height */
	uint32_t random;
};

static void make_film(struct film *self)
{
	size_t n = (size_t)self->width * self->height * sizeof(*self->pixels);
	int id = shmget(IPC_PRIVATE, n, 0600);

	self->pixels = id < 0 ? (void *)-1 : shmat(id, NULL, 0);
	if (self->pixels == (void *)-1)
		window_fail("no shared memory");
	self->segment = xcb_generate_id(self->window.connection);
	xcb_shm_attach(self->window.connection, self->segment, (uint32_t)id, 0);
	window_sync(&self->window);
	shmctl(id, IPC_RMID, NULL);
}

/* Soft shades with grain, as hard as a photo, that neither move as a whole nor come again. */
static void draw_shades(struct film *self, unsigned n)
{
	for (unsigned y = 0; y < self->height; y++) {
		uint32_t *row = self->pixels + (size_t)y * self->width;
		unsigned phase = n * (3 + (y >> 4 & 7)) + y;

		for (unsigned x = 0; x < self->width; x++) {
			uint32_t shade = (x + phase) >> 3 & 0x7f;

			self->random = self->random * 1664525 + 1013904223;
			row[x] = (shade + (self->random >> 29)) << 16 | (0xf0 - shade) << 8 |
				(shade / 2 + (self->random >> 26 & 7));
		}
	}
}

static void draw_stamp(struct film *self, unsigned left, unsigned top, uint64_t value)
{
	for (unsigned i = 0; i < STAMP_PX * STAMP_PX; i++) {
		unsigned x = left + i % STAMP_PX, y = top + i / STAMP_PX;

		if (x < self->width && y < self->height)
			self->pixels[(size_t)y * self->width + x] =
				value >> (63 - i) & 1 ? 0xffffff : 0;
	}
}

static void draw_coarse_stamp(struct film *self, uint32_t value)
{
	for (unsigned y = 0; y < TILE_PX / 2 && y + TILE_PX / 2 < self->height; y++) {
		uint32_t *row = self->pixels + (size_t)(y + TILE_PX / 2) * self->width;

		for (unsigned x = 0; x < TILE_PX && x < self->width; x++) {
			unsigned bit = y / COARSE_BIT_PX * (TILE_PX / COARSE_BIT_PX)
				       + x / COARSE_BIT_PX;

			row[x] = value >> (COARSE_BITS - 1 - bit) & 1 ? 0xffffff : 0;
		}
	}
}

static usec_t draw(struct film *self, unsigned n)
{
	usec_t now;

	draw_shades(self, n);
	now = clock_now();
	for (unsigned y = 0; y < self->height; y += TILE_PX) {
		for (unsigned x = 0; x < self->width; x += TILE_PX)
			draw_stamp(self, x, y, now);
	}
	draw_coarse_stamp(self, (uint32_t)(now / USEC_PER_MSEC));
	xcb_shm_put_image(self->window.connection, self->window.id, self->gc,
		(uint16_t)self->width, (uint16_t)self->height, 0, 0, (uint16_t)self->width,
		(uint16_t)self->height, (int16_t)self->x, (int16_t)self->y, 24,
		XCB_IMAGE_FORMAT_Z_PIXMAP, 0, self->segment, 0);
	window_sync(&self->window);
	return now;
}

static void show_film(struct film *self, char **place)
{
	window_connect(&self->window);
	window_show(&self->window, 0);
	self->width = self->window.width;
	self->height = self->window.height;
	if (place) {
		self->x = atoi(place[0]);
		self->y = atoi(place[1]);
		self->width = (unsigned)atoi(place[2]);
		self->height = (unsigned)atoi(place[3]);
	}
	if (self->x % TILE_PX || self->y % TILE_PX || !self->width || !self->height)
		window_fail("no such place");
	self->gc = xcb_generate_id(self->window.connection);
	xcb_create_gc(self->window.connection, self->gc, self->window.id, 0, NULL);
	make_film(self);
}

static int play(unsigned fps, char **place)
{
	const struct itimerspec every = {
		.it_value.tv_nsec = 1,
		.it_interval.tv_nsec = (long)(1000000000 / (fps < 2 ? 2 : fps)),
	};
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	struct film self = { .random = 1 };
	uint64_t n_due;
	usec_t last = 0;

	show_film(&self, place);
	if (timer < 0 || timerfd_settime(timer, 0, &every, NULL) < 0)
		window_fail("no timer");
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = handle_stop }, NULL);
	for (unsigned n = 0; !told_to_stop; n++) {
		last = draw(&self, n);
		if (n == 0)
			say("ready");
		if (read(timer, &n_due, sizeof(n_due)) < 0)
			break; /* the signal */
	}
	printf("stopped %" PRIu64 "\n", last);
	fflush(stdout);
	for (;;)
		pause();
}

/* --- keys --- */

static void show_keys(struct window *self)
{
	const uint32_t values[] = { self->screen->black_pixel, 1,
		XCB_EVENT_MASK_KEY_PRESS | XCB_EVENT_MASK_EXPOSURE };

	self->id = xcb_generate_id(self->connection);
	xcb_create_window(self->connection, XCB_COPY_FROM_PARENT, self->id, self->screen->root,
		KEYS_X, KEYS_Y, TILE_PX, TILE_PX, 0, XCB_WINDOW_CLASS_INPUT_OUTPUT,
		XCB_COPY_FROM_PARENT,
		XCB_CW_BACK_PIXEL | XCB_CW_OVERRIDE_REDIRECT | XCB_CW_EVENT_MASK, values);
	xcb_map_window(self->connection, self->id);
	xcb_flush(self->connection);
}

static void take_keyboard(struct window *self)
{
	xcb_grab_keyboard_reply_t *reply = xcb_grab_keyboard_reply(self->connection,
		xcb_grab_keyboard(self->connection, 1, self->id, XCB_CURRENT_TIME,
			XCB_GRAB_MODE_ASYNC, XCB_GRAB_MODE_ASYNC),
		NULL);

	if (!reply || reply->status != XCB_GRAB_STATUS_SUCCESS)
		window_fail("somebody else has the keyboard");
	free(reply);
}

static uint32_t colour_of(uint32_t n)
{
	return (n << 2 & 0x7f0000) | (n << 1 & 0x7f00) | (n & 0x7f) | (n & 1) * 0x808080;
}

static void handle_key(struct window *self, uint32_t n)
{
	uint32_t colour = colour_of(n);

	printf("key %" PRIu32 " %" PRIu64 "\n", n, clock_now());
	fflush(stdout);
	xcb_change_window_attributes(self->connection, self->id, XCB_CW_BACK_PIXEL,
		&colour);
	xcb_clear_area(self->connection, 0, self->id, 0, 0, 0, 0);
	xcb_flush(self->connection);
}

static int hear_keys(void)
{
	struct window self;
	xcb_generic_event_t *event;
	uint32_t n = 0;

	window_connect(&self);
	show_keys(&self);
	while ((event = xcb_wait_for_event(self.connection))) {
		int type = event->response_type & 0x7f;

		free(event);
		if (type == XCB_KEY_PRESS) {
			handle_key(&self, ++n);
		} else if (type == XCB_EXPOSE) {
			take_keyboard(&self);
			say("ready");
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	if ((argc == 3 || argc == 7) && str_equal(argv[1], "video"))
		return play((unsigned)atoi(argv[2]), argc == 7 ? argv + 3 : NULL);
	if (argc == 2 && str_equal(argv[1], "keys"))
		return hear_keys();
	fprintf(stderr, "usage: painter video FPS [X Y WIDTH HEIGHT] | keys\n");
	return 2;
}
