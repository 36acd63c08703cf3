/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/cursor/cursor.h"

#include <string.h>
#include <sys/mman.h>
#include <xcb/render.h>
#include <xcb/xcb.h>
#include <xcb/xfixes.h>

#include "base/clock.h"
#include "base/mem.h"
#include "host/scene/scene.h"
#include "unit/fake-viewer.h"
#include "unit/inflater.h"
#include "unit/test.h"
#include "unit/x-server.h"
#include "wire/stream.h"

#define SIZE 24
#define BACKGROUND 0x00336699U

/* --- the message --- */

static void assert_shape(
	const uint8_t *message, size_t n, const void *header, const void *rgba, size_t n_rgba)
{
	struct inflater inflater;

	assert_true(n > STREAM_CURSOR_HEADER_SIZE);
	assert_memory_equal(message, header, STREAM_CURSOR_HEADER_SIZE);
	inflater_init(&inflater);
	inflater_run(&inflater, message + STREAM_CURSOR_HEADER_SIZE,
		n - STREAM_CURSOR_HEADER_SIZE);
	assert_int_equal(inflater.n, n_rgba);
	assert_memory_equal(inflater.bytes, rgba, n_rgba);
	inflater_finish(&inflater);
}

static void test_pixels_are_un_premultiplied(void **state)
{
	static const uint32_t argb[] = { 0xff102030, 0x80402010, 0x00000000, 0x01010001,
		0x10ff0810 };
	static const uint8_t rgba[] = { 0x10, 0x20, 0x30, 0xff, 0x80, 0x40, 0x20, 0x80, 0, 0, 0,
		0, 0xff, 0, 0xff, 0x01, 0xff, 0x80, 0xff, 0x10 };
	struct cursor cursor;

	(void)state;
	cursor_init(&cursor);
	assert_int_equal(cursor_set(&cursor, 5, 1, 2, 0, argb), 0);
	assert_shape(cursor.message, cursor.n, "\x86\5\0\1\0\2\0\0\0", rgba, sizeof(rgba));
	cursor_finish(&cursor);
}

static void test_none_and_oversized_are_no_cursor(void **state)
{
	struct cursor cursor;
	unsigned serial;

	(void)state;
	cursor_init(&cursor);
	assert_int_equal(cursor_set(&cursor, 0, 0, 0, 0, NULL), 0);
	assert_int_equal(cursor.n, STREAM_CURSOR_HEADER_SIZE);
	assert_memory_equal(cursor.message, "\x86\0\0\0\0\0\0\0\0", cursor.n);
	serial = cursor.serial;
	assert_int_equal(cursor_set(&cursor, 257, 1, 0, 0, NULL), 0);
	assert_memory_equal(cursor.message, "\x86\0\0\0\0\0\0\0\0", cursor.n);
	assert_int_not_equal(cursor.serial, serial);
	cursor_clear(&cursor);
	assert_null(cursor.message);
	cursor_finish(&cursor);
}

/* --- a real server --- */

struct fixture {
	struct x_server server;
	xcb_connection_t *c;
	xcb_screen_t *screen;
	struct viewer *viewer;
};

static uint32_t shape_pixel(int x, int y)
{
	/* Half transparent, premultiplied, and different everywhere. */
	return 0x80000000U | (uint32_t)(x * 5) << 16 | (uint32_t)(y * 5) << 8 | 0x40;
}

static xcb_render_pictformat_t find_argb_format(xcb_connection_t *c)
{
	xcb_render_query_pict_formats_reply_t *reply = xcb_render_query_pict_formats_reply(
		c, xcb_render_query_pict_formats(c), NULL);
	xcb_render_pictforminfo_iterator_t it;
	xcb_render_pictformat_t format = 0;

	assert_non_null(reply);
	it = xcb_render_query_pict_formats_formats_iterator(reply);
	for (; it.rem && !format; xcb_render_pictforminfo_next(&it)) {
		if (it.data->depth == 32 && it.data->direct.alpha_mask == 0xff
			&& it.data->direct.alpha_shift == 24 && it.data->direct.red_shift == 16)
			format = it.data->id;
	}
	free(reply);
	assert_int_not_equal(format, 0);
	return format;
}

/* As libXcursor does for a themed cursor. */
static xcb_cursor_t make_cursor(struct fixture *f)
{
	xcb_pixmap_t pixmap = xcb_generate_id(f->c);
	xcb_render_picture_t picture = xcb_generate_id(f->c);
	xcb_gcontext_t gc = xcb_generate_id(f->c);
	xcb_cursor_t cursor = xcb_generate_id(f->c);
	uint32_t pixels[SIZE][SIZE];

	for (int y = 0; y < SIZE; y++) {
		for (int x = 0; x < SIZE; x++)
			pixels[y][x] = shape_pixel(x, y);
	}
	xcb_create_pixmap(f->c, 32, pixmap, f->screen->root, SIZE, SIZE);
	xcb_create_gc(f->c, gc, pixmap, 0, NULL);
	xcb_put_image(f->c, XCB_IMAGE_FORMAT_Z_PIXMAP, pixmap, gc, SIZE, SIZE, 0, 0, 0, 32,
		sizeof(pixels), (const uint8_t *)pixels);
	xcb_render_create_picture(f->c, picture, pixmap, find_argb_format(f->c), 0, NULL);
	xcb_render_create_cursor(f->c, cursor, picture, 3, 4);
	return cursor;
}

/* The whole screen in one colour, with the pointer in the middle of it. */
static void show_cursor(struct fixture *f)
{
	const uint32_t values[] = { BACKGROUND, make_cursor(f) };

	xcb_change_window_attributes(
		f->c, f->screen->root, XCB_CW_BACK_PIXEL | XCB_CW_CURSOR, values);
	xcb_clear_area(f->c, 0, f->screen->root, 0, 0, 0, 0);
	xcb_warp_pointer(f->c, 0, f->screen->root, 0, 0, 0, 0, 100, 100);
	free(xcb_get_input_focus_reply(f->c, xcb_get_input_focus(f->c), NULL));
}

static size_t count_foreign_pixels(const uint32_t *pixels, size_t n)
{
	size_t n_foreign = 0;

	for (size_t i = 0; i < n; i++)
		n_foreign += (pixels[i] & COLOUR) != BACKGROUND;
	return n_foreign;
}

static void assert_picture_is_without_cursor(struct fixture *f)
{
	unsigned width = f->screen->width_in_pixels, height = f->screen->height_in_pixels;
	xcb_get_image_reply_t *image = xcb_get_image_reply(f->c,
		xcb_get_image(f->c, XCB_IMAGE_FORMAT_Z_PIXMAP, f->screen->root, 0, 0,
			(uint16_t)width, (uint16_t)height, UINT32_MAX),
		NULL);

	assert_non_null(image);
	assert_int_equal(count_foreign_pixels((const uint32_t *)xcb_get_image_data(image),
				 (size_t)width * height),
		0);
	free(image);
	assert_int_equal(f->viewer->picture.width, width);
	assert_int_equal(
		count_foreign_pixels(f->viewer->picture.pixels, (size_t)width * height), 0);
}

static void assert_message_is_the_shape(const struct cursor *cursor)
{
	uint8_t rgba[SIZE][SIZE][4];

	for (int y = 0; y < SIZE; y++) {
		for (int x = 0; x < SIZE; x++) {
			rgba[y][x][0] = (uint8_t)((x * 5 * 255 + 64) / 128);
			rgba[y][x][1] = (uint8_t)((y * 5 * 255 + 64) / 128);
			rgba[y][x][2] = 0x80;
			rgba[y][x][3] = 0x80;
		}
	}
	assert_shape(cursor->message, cursor->n, "\x86\x18\0\x18\0\3\0\4\0", rgba, sizeof(rgba));
}

static bool shape_has_come(void)
{
	const struct cursor *cursor = desktop_cursor(host.desktop);

	return cursor->message && cursor->message[1] == SIZE && cursor->message[5] == 3;
}

static void run_and_paint(struct fixture *f, usec_t usec)
{
	assert_true(sd_event_run(host.event, usec) >= 0);
	hear_and_ack(f->viewer);
}

static void check_server(struct fixture *f)
{
	usec_t deadline = clock_now() + 10 * USEC_PER_SEC;

	f->c = x_server_connect(&f->server);
	f->screen = xcb_setup_roots_iterator(xcb_get_setup(f->c)).data;
	host_setup();
	f->viewer = viewer_create();
	sign_in(f->viewer);
	desktop_attach(host.desktop, f->server.display, f->server.authority);
	while (f->viewer->picture.width == 0 && clock_now() < deadline)
		run_and_paint(f, 100 * USEC_PER_MSEC);
	show_cursor(f);
	while (!shape_has_come()) {
		assert_true(clock_now() < deadline);
		run_and_paint(f, 100 * USEC_PER_MSEC);
	}
	/* The pointer moves about over the picture, and is captured with it. */
	for (int i = 0; i < 20; i++) {
		xcb_warp_pointer(f->c, 0, f->screen->root, 0, 0, 0, 0, (int16_t)(50 + 17 * i), 90);
		xcb_clear_area(f->c, 0, f->screen->root, (int16_t)(40 + 17 * i), 80, 60, 60);
		free(xcb_get_input_focus_reply(f->c, xcb_get_input_focus(f->c), NULL));
		run_and_paint(f, 20 * USEC_PER_MSEC);
	}
	while (sd_event_run(host.event, 50 * USEC_PER_MSEC) > 0)
		run_and_paint(f, 0);
	assert_picture_is_without_cursor(f);
	assert_message_is_the_shape(desktop_cursor(host.desktop));
	viewer_destroy(f->viewer);
	host_teardown();
	xcb_disconnect(f->c);
	x_server_stop(&f->server);
}

static void test_pointer_is_told_and_not_in_the_picture_of_xvfb(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	x_server_start(&f.server, 640, 480);
	check_server(&f);
}

static void test_pointer_is_told_and_not_in_the_picture_of_xorg(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	if (!x_server_start_xorg(&f.server)) {
		skip();
		return;
	}
	check_server(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pixels_are_un_premultiplied),
		cmocka_unit_test(test_none_and_oversized_are_no_cursor),
		cmocka_unit_test(test_pointer_is_told_and_not_in_the_picture_of_xvfb),
		cmocka_unit_test(test_pointer_is_told_and_not_in_the_picture_of_xorg),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
