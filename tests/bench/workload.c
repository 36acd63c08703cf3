/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a desktop does all day, one thing at a time, for measuring those who carry its picture.
 *
 *	workload NAME			shows it on $DISPLAY
 *	workload render N WIDTH HEIGHT	writes a frame of the video to stdout, RGB
 *
 * A workload covers the screen past any window manager, so that no rival shows anything else. It
 * writes "ready WIDTH HEIGHT" when its first picture is there, and obeys lines on stdin:
 *
 *	step			the next step: "done N USEC", of all so far
 *	run SECONDS RATE	that many steps a second: "begun USEC", then "ended N USEC", of it
 *	count			"count N"
 *
 * USEC is CLOCK_MONOTONIC; a step is over when the server has carried it out. A run that is late
 * leaves steps out instead of catching up. In typing, each key press is a step, too.
 *
 * Areas are parts of the screen, so that 4K has more of everything.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <xcb/shm.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "bench/sheet.h"
#include "fakes/window.h"

#define PAPER 0xffffff
#define INK 0x101010
#define MENU_WIDTH 280
#define MENU_HEIGHT 480
#define REPAINT_PX 12 /* a wheel's notch, when it is smooth, moves as far in a frame */
#define PAGES 4 /* of the window's height, before a scroll begins again */

/* Pixels that the server reads where they are. */
struct image {
	struct sheet sheet;
	xcb_shm_seg_t segment;
};

struct workload {
	struct window screen; /* covered with the desktop's background */
	xcb_gcontext_t gc;
	struct image image; /* of the window that changes */
	struct sheet sheets[2]; /* sources of what is drawn */
	xcb_window_t windows[2];
	xcb_rectangle_t area;
	unsigned n_steps;
};

struct kind {
	const char *name;
	void (*set_up)(struct workload *self);
	void (*step)(struct workload *self, unsigned n); /* the first n is 1 */
	bool keys; /* each press of a key is a step */
};

/* --- windows and pictures --- */

static struct sheet make_sheet(uint32_t width, uint32_t height)
{
	return (struct sheet){ xalloc((size_t)width * height, sizeof(uint32_t)),
		(uint16_t)width, (uint16_t)height };
}

static void image_init(struct image *self, struct workload *on, uint16_t width, uint16_t height)
{
	size_t size = (size_t)width * height * sizeof(uint32_t);
	int fd = memfd_create("workload", MFD_CLOEXEC);
	void *pixels;

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		window_fail("no shared memory");
	pixels = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (pixels == MAP_FAILED)
		window_fail("no shared memory");
	self->sheet = (struct sheet){ pixels, width, height };
	self->segment = xcb_generate_id(on->screen.connection);
	xcb_shm_attach_fd(on->screen.connection, self->segment, fd, 0);
}

static void image_finish(struct image *self, struct workload *on)
{
	const struct sheet *sheet = &self->sheet;

	xcb_shm_detach(on->screen.connection, self->segment);
	munmap(sheet->pixels, (size_t)sheet->width * sheet->height * sizeof(uint32_t));
}

static void image_put(const struct image *self, struct workload *on, xcb_drawable_t to)
{
	xcb_shm_put_image(on->screen.connection, to, on->gc, self->sheet.width,
		self->sheet.height, 0, 0, self->sheet.width, self->sheet.height, 0, 0,
		on->screen.screen->root_depth, XCB_IMAGE_FORMAT_Z_PIXMAP, 0, self->segment, 0);
}

/* What the server itself paints wherever the window comes to light. */
static void set_background(
	struct workload *self, xcb_window_t window, const struct image *image)
{
	xcb_pixmap_t pixmap = xcb_generate_id(self->screen.connection);

	xcb_create_pixmap(self->screen.connection, self->screen.screen->root_depth, pixmap,
		self->screen.screen->root, image->sheet.width, image->sheet.height);
	image_put(image, self, pixmap);
	xcb_change_window_attributes(
		self->screen.connection, window, XCB_CW_BACK_PIXMAP, &pixmap);
	xcb_free_pixmap(self->screen.connection, pixmap);
	xcb_clear_area(self->screen.connection, 0, window, 0, 0, 0, 0);
}

static xcb_window_t make_window(
	struct workload *self, const xcb_rectangle_t *at, uint32_t events)
{
	xcb_window_t window = xcb_generate_id(self->screen.connection);

	xcb_create_window(self->screen.connection, XCB_COPY_FROM_PARENT, window,
		self->screen.screen->root, at->x, at->y, at->width, at->height, 0,
		XCB_WINDOW_CLASS_INPUT_OUTPUT, XCB_COPY_FROM_PARENT,
		XCB_CW_BACK_PIXEL | XCB_CW_OVERRIDE_REDIRECT | XCB_CW_EVENT_MASK,
		(const uint32_t[]){ PAPER, 1, events });
	return window;
}

/* One with a picture that never changes. Not yet mapped. */
static xcb_window_t make_painted(struct workload *self, const xcb_rectangle_t *at,
	void (*paint)(struct sheet *sheet, uint32_t seed), uint32_t seed)
{
	xcb_window_t window = make_window(self, at, 0);
	struct image image;

	image_init(&image, self, at->width, at->height);
	paint(&image.sheet, seed);
	set_background(self, window, &image);
	window_sync(&self->screen);
	image_finish(&image, self);
	return window;
}

static void set_ink(struct workload *self, uint32_t colour)
{
	xcb_change_gc(self->screen.connection, self->gc, XCB_GC_FOREGROUND, &colour);
}

/* Of the screen, in sixteenths. */
static xcb_rectangle_t part(const struct workload *self, int x, int y, int width, int height)
{
	const int w = self->screen.width, h = self->screen.height;

	return (xcb_rectangle_t){ (int16_t)(w * x / 16), (int16_t)(h * y / 16),
		(uint16_t)(w * width / 16), (uint16_t)(h * height / 16) };
}

static void show_area(struct workload *self, uint32_t events)
{
	self->windows[0] = make_window(self, &self->area, events);
	xcb_map_window(self->screen.connection, self->windows[0]);
}

/* --- typing: one cell of a terminal that draws its letters itself --- */

static void put_cell(
	struct workload *self, unsigned n, char letter, uint32_t ink, uint32_t paper)
{
	uint32_t pixels[SHEET_CELL_WIDTH * SHEET_CELL_HEIGHT];
	struct sheet cell = { pixels, SHEET_CELL_WIDTH, SHEET_CELL_HEIGHT };
	unsigned columns = self->area.width / SHEET_CELL_WIDTH;
	unsigned rows = self->area.height / SHEET_CELL_HEIGHT;

	sheet_letter(&cell, 0, 0, letter, ink, paper);
	xcb_put_image(self->screen.connection, XCB_IMAGE_FORMAT_Z_PIXMAP, self->windows[0],
		self->gc, cell.width, cell.height, (int16_t)(n % columns * SHEET_CELL_WIDTH),
		(int16_t)(n / columns % rows * SHEET_CELL_HEIGHT), 0,
		self->screen.screen->root_depth, sizeof(pixels), (const uint8_t *)pixels);
}

static void type_step(struct workload *self, unsigned n)
{
	put_cell(self, n - 1, (char)('a' + n * 7 % 26), INK, PAPER);
	put_cell(self, n, ' ', INK, INK);
}

static void type_set_up(struct workload *self)
{
	xcb_grab_keyboard_reply_t *reply;

	self->area = part(self, 2, 1, 12, 12);
	show_area(self, XCB_EVENT_MASK_KEY_PRESS);
	put_cell(self, 0, ' ', INK, INK);
	window_sync(&self->screen);
	reply = xcb_grab_keyboard_reply(self->screen.connection,
		xcb_grab_keyboard(self->screen.connection, 1, self->windows[0],
			XCB_CURRENT_TIME, XCB_GRAB_MODE_ASYNC, XCB_GRAB_MODE_ASYNC),
		NULL);
	if (!reply || reply->status != XCB_GRAB_STATUS_SUCCESS)
		window_fail("somebody else has the keyboard");
	free(reply);
}

/* --- scroll by copy: a terminal that has the server draw, as xterm does --- */

static void put_line(struct workload *self, uint32_t seed, unsigned row)
{
	static const uint32_t inks[] = { INK, 0x0000aa, 0x00aa00, 0xaa0000 };
	char text[200];
	unsigned n = 10 + seed * 37 % 70, left = 0;

	for (unsigned i = 0; i < n; i++) {
		seed = seed * 1664525 + 1013904223;
		text[i] = (char)(left > 0 ? 'a' + (seed >> 16) % 26 : ' ');
		left = left > 0 ? left - 1 : 2 + (seed >> 16) % 9;
	}
	set_ink(self, inks[seed >> 20 & 3]);
	xcb_image_text_8(self->screen.connection, (uint8_t)n, self->windows[0], self->gc, 4,
		(int16_t)(row * SHEET_CELL_HEIGHT + 12), text);
}

static void copy_step(struct workload *self, unsigned n)
{
	uint16_t height = (uint16_t)(self->area.height - SHEET_CELL_HEIGHT);

	xcb_copy_area(self->screen.connection, self->windows[0], self->windows[0], self->gc, 0,
		SHEET_CELL_HEIGHT, 0, 0, self->area.width, height);
	xcb_clear_area(self->screen.connection, 0, self->windows[0], 0, (int16_t)height,
		self->area.width, SHEET_CELL_HEIGHT);
	put_line(self, n, height / SHEET_CELL_HEIGHT);
}

static void copy_set_up(struct workload *self)
{
	xcb_font_t font = xcb_generate_id(self->screen.connection);

	self->area = part(self, 2, 1, 12, 14);
	self->area.height
		= (uint16_t)(self->area.height / SHEET_CELL_HEIGHT * SHEET_CELL_HEIGHT);
	show_area(self, 0);
	xcb_open_font(self->screen.connection, font, 5, "fixed");
	xcb_change_gc(self->screen.connection, self->gc, XCB_GC_BACKGROUND | XCB_GC_FONT,
		(const uint32_t[]){ PAPER, font });
	for (unsigned row = 0; row < self->area.height / SHEET_CELL_HEIGHT; row++)
		put_line(self, 1000 + row, row);
}

/* --- scroll by repaint: a toolkit that puts its whole window anew --- */

static void repaint_step(struct workload *self, unsigned n)
{
	const struct sheet *page = &self->sheets[0];
	struct sheet *to = &self->image.sheet;
	unsigned y = n * REPAINT_PX % (unsigned)(page->height - to->height);

	memcpy(to->pixels, page->pixels + (size_t)y * page->width,
		(size_t)to->width * to->height * sizeof(uint32_t));
	image_put(&self->image, self, self->windows[0]);
}

static void repaint_set_up(struct workload *self)
{
	self->area = part(self, 2, 1, 12, 14);
	image_init(&self->image, self, self->area.width, self->area.height);
	self->sheets[0] = make_sheet(self->area.width, self->area.height * PAGES);
	sheet_text(&self->sheets[0], 5);
	show_area(self, 0);
	repaint_step(self, 0);
}

/* --- drag: a window moves over another, and the server has the contents of both --- */

/* There and back between 0 and @range. */
static uint32_t swing(unsigned way, uint32_t range)
{
	way %= 2 * range;
	return way < range ? way : 2 * range - way;
}

static void drag_step(struct workload *self, unsigned n)
{
	const uint32_t range[2] = { (uint32_t)(self->screen.width - self->area.width),
		(uint32_t)(self->screen.height - self->area.height) };

	xcb_configure_window(self->screen.connection, self->windows[0],
		XCB_CONFIG_WINDOW_X | XCB_CONFIG_WINDOW_Y,
		(const uint32_t[]){ swing(n * 11, range[0]), swing(n * 5, range[1]) });
}

static void drag_set_up(struct workload *self)
{
	xcb_rectangle_t below = part(self, 3, 3, 10, 10);

	self->windows[1] = make_painted(self, &below, sheet_window, 12);
	xcb_map_window(self->screen.connection, self->windows[1]);
	self->area = part(self, 0, 0, 6, 7);
	self->windows[0] = make_painted(self, &self->area, sheet_window, 11);
	xcb_map_window(self->screen.connection, self->windows[0]);
}

/* --- menu: opened and closed in turn --- */

static void menu_step(struct workload *self, unsigned n)
{
	if (n % 2)
		xcb_map_window(self->screen.connection, self->windows[0]);
	else
		xcb_unmap_window(self->screen.connection, self->windows[0]);
}

static void menu_set_up(struct workload *self)
{
	self->area = part(self, 4, 2, 1, 1);
	self->area.width = MENU_WIDTH;
	self->area.height = MENU_HEIGHT;
	self->windows[0] = make_painted(self, &self->area, sheet_menu, 3);
}

/* --- switch: two windows, each on top in turn; the second comes with the first step --- */

static void switch_step(struct workload *self, unsigned n)
{
	if (n == 1)
		xcb_map_window(self->screen.connection, self->windows[1]);
	xcb_configure_window(self->screen.connection, self->windows[n % 2],
		XCB_CONFIG_WINDOW_STACK_MODE, (const uint32_t[]){ XCB_STACK_MODE_ABOVE });
}

static void switch_set_up(struct workload *self)
{
	xcb_rectangle_t at[2] = { part(self, 1, 1, 9, 10), part(self, 5, 3, 10, 11) };

	self->windows[0] = make_painted(self, &at[0], sheet_window, 21);
	self->windows[1] = make_painted(self, &at[1], sheet_text, 22);
	xcb_map_window(self->screen.connection, self->windows[0]);
}

/* --- text: small letters of the server's in many colours, another page at each step --- */

/* White on black, side by side: the server draws them, and gives them back. */
static struct sheet read_font(struct workload *self)
{
	const xcb_font_t font = xcb_generate_id(self->screen.connection);
	const xcb_pixmap_t pixmap = xcb_generate_id(self->screen.connection);
	xcb_query_font_reply_t *metrics;
	xcb_get_image_reply_t *image;
	char letters[SHEET_N_LETTERS];
	struct sheet sheet;

	for (size_t i = 0; i < sizeof(letters); i++)
		letters[i] = (char)(' ' + i);
	xcb_open_font(self->screen.connection, font, 5, "fixed");
	metrics = xcb_query_font_reply(self->screen.connection,
		xcb_query_font(self->screen.connection, font), NULL);
	if (!metrics || metrics->max_bounds.character_width <= 0)
		window_fail("the server has no letters");
	sheet = make_sheet((uint32_t)metrics->max_bounds.character_width * SHEET_N_LETTERS,
		(uint32_t)(metrics->font_ascent + metrics->font_descent));
	xcb_create_pixmap(self->screen.connection, self->screen.screen->root_depth, pixmap,
		self->screen.id, sheet.width, sheet.height);
	xcb_change_gc(self->screen.connection, self->gc,
		XCB_GC_FOREGROUND | XCB_GC_BACKGROUND | XCB_GC_FONT,
		(const uint32_t[]){ 0xffffff, 0, font });
	xcb_image_text_8(self->screen.connection, sizeof(letters), pixmap, self->gc, 0,
		metrics->font_ascent, letters);
	image = xcb_get_image_reply(self->screen.connection,
		xcb_get_image(self->screen.connection, XCB_IMAGE_FORMAT_Z_PIXMAP, pixmap, 0, 0,
			sheet.width, sheet.height, UINT32_MAX),
		NULL);
	if (!image)
		window_fail("the letters cannot be read");
	memcpy(sheet.pixels, xcb_get_image_data(image),
		(size_t)sheet.width * sheet.height * sizeof(uint32_t));
	free(image);
	free(metrics);
	xcb_free_pixmap(self->screen.connection, pixmap);
	xcb_close_font(self->screen.connection, font);
	return sheet;
}

static void text_step(struct workload *self, unsigned n)
{
	sheet_corpus(&self->image.sheet, &self->sheets[0], n);
	image_put(&self->image, self, self->windows[0]);
}

static void text_set_up(struct workload *self)
{
	self->sheets[0] = read_font(self);
	self->area = part(self, 0, 0, 16, 15);
	image_init(&self->image, self, self->area.width, self->area.height);
	show_area(self, 0);
	text_step(self, 0);
}

/* --- photo: another page at each step --- */

static void photo_step(struct workload *self, unsigned n)
{
	sheet_page(&self->image.sheet, 40 + n);
	image_put(&self->image, self, self->windows[0]);
}

static void photo_set_up(struct workload *self)
{
	self->area = part(self, 1, 1, 14, 14);
	image_init(&self->image, self, self->area.width, self->area.height);
	show_area(self, 0);
	photo_step(self, 0);
}

/* --- video: over the whole screen --- */

static void make_layers(struct sheet layers[2], uint32_t width, uint32_t height)
{
	for (uint32_t i = 0; i < 2; i++) {
		layers[i] = make_sheet(width + SHEET_LAYER_MARGIN, height + SHEET_LAYER_MARGIN);
		sheet_photo(&layers[i], 70 + 10 * i);
	}
}

static void video_step(struct workload *self, unsigned n)
{
	sheet_video(&self->image.sheet, self->sheets, n);
	image_put(&self->image, self, self->windows[0]);
}

static void video_set_up(struct workload *self)
{
	self->area = part(self, 0, 0, 16, 16);
	image_init(&self->image, self, self->area.width, self->area.height);
	make_layers(self->sheets, self->area.width, self->area.height);
	show_area(self, 0);
	video_step(self, 0);
}

static int render_video(char **argv)
{
	struct sheet layers[2], frame;
	unsigned long n, width, height;

	if (str_to_uint(argv[2], 0, UINT16_MAX, &n) < 0
		|| str_to_uint(argv[3], 1, UINT16_MAX / 2, &width) < 0
		|| str_to_uint(argv[4], 1, UINT16_MAX / 2, &height) < 0)
		window_fail("no such frame");
	make_layers(layers, (uint32_t)width, (uint32_t)height);
	frame = make_sheet((uint32_t)width, (uint32_t)height);
	sheet_video(&frame, layers, (unsigned)n);
	for (size_t i = 0; i < width * height; i++) {
		uint32_t pixel = frame.pixels[i];
		uint8_t rgb[]
			= { (uint8_t)(pixel >> 16), (uint8_t)(pixel >> 8), (uint8_t)pixel };

		fwrite(rgb, sizeof(rgb), 1, stdout);
	}
	return 0;
}

/* --- idle --- */

static void idle_set_up(struct workload *self)
{
	self->area = part(self, 3, 2, 9, 10);
	self->windows[0] = make_painted(self, &self->area, sheet_window, 31);
	xcb_map_window(self->screen.connection, self->windows[0]);
}

static void idle_step(struct workload *self, unsigned n)
{
	(void)self;
	(void)n;
}

/* --- orders --- */

static const struct kind kinds[] = {
	{ "typing", type_set_up, type_step, true },
	{ "copy", copy_set_up, copy_step, false },
	{ "repaint", repaint_set_up, repaint_step, false },
	{ "drag", drag_set_up, drag_step, false },
	{ "menu", menu_set_up, menu_step, false },
	{ "switch", switch_set_up, switch_step, false },
	{ "text", text_set_up, text_step, false },
	{ "photo", photo_set_up, photo_step, false },
	{ "video", video_set_up, video_step, false },
	{ "idle", idle_set_up, idle_step, false },
};

static void step(struct workload *self, const struct kind *kind)
{
	kind->step(self, ++self->n_steps);
	window_sync(&self->screen);
}

static void sleep_until(usec_t at)
{
	struct timespec time
		= { (time_t)(at / USEC_PER_SEC), (long)(at % USEC_PER_SEC * 1000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
		;
}

static void run(struct workload *self, const struct kind *kind, unsigned seconds, unsigned rate)
{
	usec_t begun = clock_now(), at, now;
	unsigned n = 0;

	printf("begun %" PRIu64 "\n", begun);
	fflush(stdout);
	for (unsigned tick = 0; tick < seconds * rate; tick++) {
		at = begun + tick * USEC_PER_SEC / rate;
		now = clock_now();
		if (now > at + USEC_PER_SEC / rate)
			continue;
		sleep_until(at);
		step(self, kind);
		n++;
	}
	printf("ended %u %" PRIu64 "\n", n, clock_now());
}

static void obey(struct workload *self, const struct kind *kind, const char *line)
{
	unsigned seconds, rate;

	if (str_equal(line, "step\n")) {
		step(self, kind);
		printf("done %u %" PRIu64 "\n", self->n_steps, clock_now());
	} else if (sscanf(line, "run %u %u", &seconds, &rate) == 2 && rate > 0) {
		run(self, kind, seconds, rate);
	} else if (str_equal(line, "count\n")) {
		printf("count %u\n", self->n_steps);
	} else {
		window_fail("it was told what it does not know");
	}
	fflush(stdout);
}

static void handle_events(struct workload *self, const struct kind *kind)
{
	xcb_generic_event_t *event;

	while ((event = xcb_poll_for_event(self->screen.connection))) {
		if (kind->keys && (event->response_type & 0x7f) == XCB_KEY_PRESS) {
			kind->step(self, ++self->n_steps);
			xcb_flush(self->screen.connection);
		}
		free(event);
	}
	if (xcb_connection_has_error(self->screen.connection))
		window_fail("the connection ended");
}

/* Lines are read as they come, for poll() does not know of what stdio holds back. */
static bool read_line(char *line, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && read(STDIN_FILENO, line + n, 1) == 1)
		if (line[n++] == '\n') {
			line[n] = '\0';
			return true;
		}
	return false;
}

static void serve(struct workload *self, const struct kind *kind)
{
	struct pollfd fds[] = { { STDIN_FILENO, POLLIN, 0 },
		{ xcb_get_file_descriptor(self->screen.connection), POLLIN, 0 } };
	char line[64];

	for (;;) {
		/* Answers to requests may have brought events along: look before waiting. */
		handle_events(self, kind);
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			window_fail("poll");
		if (fds[0].revents == 0)
			continue;
		if (!read_line(line, sizeof(line)))
			return;
		obey(self, kind, line);
	}
}

static void set_up(struct workload *self, const struct kind *kind)
{
	struct image desktop;

	window_connect(&self->screen);
	window_show(&self->screen, 0);
	self->gc = xcb_generate_id(self->screen.connection);
	/* Copies of covered parts would otherwise send an event each. */
	xcb_create_gc(self->screen.connection, self->gc, self->screen.id,
		XCB_GC_GRAPHICS_EXPOSURES, (const uint32_t[]){ 0 });
	image_init(&desktop, self, self->screen.width, self->screen.height);
	sheet_desktop(&desktop.sheet);
	set_background(self, self->screen.id, &desktop);
	window_sync(&self->screen);
	image_finish(&desktop, self);
	kind->set_up(self);
	window_sync(&self->screen);
}

int main(int argc, char **argv)
{
	static struct workload self;
	const struct kind *kind = NULL;

	if (argc == 5 && str_equal(argv[1], "render"))
		return render_video(argv);
	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(kinds); i++)
		if (str_equal(argv[1], kinds[i].name))
			kind = &kinds[i];
	if (!kind)
		window_fail("usage: workload NAME | render N WIDTH HEIGHT");
	set_up(&self, kind);
	printf("ready %u %u\n", self.screen.width, self.screen.height);
	fflush(stdout);
	serve(&self, kind);
	return 0;
}
