/* SPDX-License-Identifier: BSD-3-Clause */
/* From a real X server's screen to a viewer's picture, and back with keys and pointer. */
#include "host/desktop.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <xcb/randr.h>
#include <xcb/xcb.h>

#include "base/clock.h"
#include "base/mem.h"
#include "host/scene/scene.h"
#include "host/stages.h"
#include "host/x-watch.h"
#include "unit/fake-viewer.h"
#include "unit/random.h"
#include "unit/test.h"
#include "unit/x-server.h"

#define WIDTH 1001
#define HEIGHT 701

struct fixture {
	struct x_server server;
	xcb_connection_t *c; /* of an application of ours */
	xcb_window_t root;
	xcb_gcontext_t gc;
	struct viewer *viewer;
};

/* Runs the loop until @what holds, for 10 s at most. */
#define run_until(what)                                                                        \
	do {                                                                                   \
		usec_t deadline_ = clock_now() + 10 * USEC_PER_SEC;                            \
		while (!(what)) {                                                              \
			assert_true(clock_now() < deadline_);                                  \
			assert_true(sd_event_run(host.event, 100 * USEC_PER_MSEC) >= 0);       \
		}                                                                              \
	} while (0)

static void begin(struct fixture *f)
{
	f->c = x_server_connect(&f->server);
	f->root = xcb_setup_roots_iterator(xcb_get_setup(f->c)).data->root;
	f->gc = xcb_generate_id(f->c);
	xcb_create_gc(f->c, f->gc, f->root, XCB_GC_SUBWINDOW_MODE,
		&(uint32_t){ XCB_SUBWINDOW_MODE_INCLUDE_INFERIORS });
	host_setup();
	f->viewer = viewer_create();
	sign_in(f->viewer);
	hear_all(f->viewer);
	assert_int_equal(f->viewer->picture.width, 0);
	desktop_attach(host.desktop, f->server.display, f->server.authority);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	x_server_start(&f->server, WIDTH, HEIGHT);
	begin(f);
	*state = f;
	return 0;
}

/* Also after a failed test that begins by itself, and may just have ended. */
static int teardown(void **state)
{
	struct fixture *f = *state;

	if (!f)
		return 0;
	viewer_destroy(f->viewer);
	host_teardown();
	xcb_disconnect(f->c);
	x_server_stop(&f->server);
	free(f);
	*state = NULL;
	return 0;
}

/* What the X server says is on its screen; the caller frees it. NULL: it shrinks just now. */
static xcb_get_image_reply_t *get_image(struct fixture *f, unsigned width, unsigned height)
{
	return xcb_get_image_reply(f->c,
		xcb_get_image(f->c, XCB_IMAGE_FORMAT_Z_PIXMAP, f->root, 0, 0, (uint16_t)width,
			(uint16_t)height, UINT32_MAX),
		NULL);
}

static bool sees(struct fixture *f, const uint32_t *pixels)
{
	const struct viewer *v = f->viewer;

	for (size_t i = 0; i < (size_t)v->picture.width * v->picture.height; i++) {
		if (v->picture.pixels[i] != (pixels[i] & COLOUR))
			return false;
	}
	return true;
}

static bool is_exact(struct fixture *f, unsigned width, unsigned height)
{
	xcb_get_image_reply_t *image = get_image(f, width, height);
	bool same;

	sd_event_run(host.event, 20 * USEC_PER_MSEC);
	hear_and_ack(f->viewer);
	same = image && f->viewer->picture.width == width && f->viewer->picture.height == height
	       && sees(f, (const uint32_t *)xcb_get_image_data(image));
	free(image);
	return same;
}

/* Lets the viewer follow until it sees exactly what the server says. */
static void assert_comes_to_see(struct fixture *f, unsigned width, unsigned height)
{
	usec_t deadline = clock_now() + 10 * USEC_PER_SEC;

	while (!is_exact(f, width, height))
		assert_true(clock_now() < deadline);
	assert_int_equal(f->viewer->closed, 0);
}

static void draw(struct fixture *f, struct random *random)
{
	xcb_rectangle_t rect = { (int16_t)(random_below(random, WIDTH + 50) - 50),
		(int16_t)(random_below(random, HEIGHT + 50) - 50),
		(uint16_t)(1 + random_below(random, 300)),
		(uint16_t)(1 + random_below(random, 300)) };
	xcb_arc_t arc = { rect.x, rect.y, rect.width, rect.height, 0, 360 * 64 };

	xcb_change_gc(f->c, f->gc, XCB_GC_FOREGROUND,
		&(uint32_t){ (uint32_t)random_u64(random) & COLOUR });
	switch (random_below(random, 4)) {
	case 0:
		xcb_poly_fill_rectangle(f->c, f->root, f->gc, 1, &rect);
		break;
	case 1:
		xcb_poly_arc(f->c, f->root, f->gc, 1, &arc);
		break;
	case 2:
		xcb_poly_fill_arc(f->c, f->root, f->gc, 1, &arc);
		break;
	case 3:
		xcb_copy_area(f->c, f->root, f->root, f->gc, rect.x, rect.y,
			(int16_t)(rect.x + 13), (int16_t)(rect.y + 7), rect.width, rect.height);
		break;
	}
}

static void test_picture_is_exact_after_random_drawing(void **state)
{
	struct fixture *f = *state;
	struct random random = { 13 };

	assert_comes_to_see(f, WIDTH, HEIGHT);
	for (int i = 0; i < 200; i++) {
		for (int k = random_below(&random, 4); k >= 0; k--)
			draw(f, &random);
		xcb_flush(f->c);
		/* Half of the time more is drawn while it is under way. */
		if (i % 2)
			assert_comes_to_see(f, WIDTH, HEIGHT);
	}
}

/* The server offers only its own size: another mode for its output. */
static void add_size(struct fixture *f, unsigned width, unsigned height)
{
	char name[32];
	int n = snprintf(name, sizeof(name), "%ux%u_test", width, height);
	xcb_randr_mode_info_t mode = {
		.width = (uint16_t)width,
		.height = (uint16_t)height,
		.dot_clock = 60000000,
		.htotal = 1000,
		.vtotal = 1000,
		.name_len = (uint16_t)n,
	};
	xcb_randr_query_version_cookie_t version = xcb_randr_query_version(f->c, 1, 5);
	xcb_randr_get_screen_resources_reply_t *resources =
		xcb_randr_get_screen_resources_reply(
			f->c, xcb_randr_get_screen_resources(f->c, f->root), NULL);
	xcb_randr_create_mode_reply_t *made = xcb_randr_create_mode_reply(f->c,
		xcb_randr_create_mode(f->c, f->root, mode, (uint32_t)n, name), NULL);

	xcb_discard_reply(f->c, version.sequence);
	assert_non_null(resources);
	assert_non_null(made);
	xcb_randr_add_output_mode(f->c,
		xcb_randr_get_screen_resources_outputs(resources)[0], made->mode);
	free(resources);
	free(made);
}

static void set_size(struct fixture *f, unsigned width, unsigned height)
{
	xcb_randr_get_screen_info_reply_t *info = xcb_randr_get_screen_info_reply(
		f->c, xcb_randr_get_screen_info(f->c, f->root), NULL);
	xcb_randr_set_screen_config_reply_t *changed;
	xcb_randr_screen_size_iterator_t it;
	uint16_t index = 0;

	assert_non_null(info);
	for (it = xcb_randr_get_screen_info_sizes_iterator(info); it.rem;
		xcb_randr_screen_size_next(&it), index++) {
		if (it.data->width == width && it.data->height == height)
			break;
	}
	assert_true(it.rem > 0);
	changed = xcb_randr_set_screen_config_reply(f->c,
		xcb_randr_set_screen_config(f->c, f->root, XCB_CURRENT_TIME,
			info->config_timestamp, index, XCB_RANDR_ROTATION_ROTATE_0, 0),
		NULL);
	assert_non_null(changed);
	assert_int_equal(changed->status, 0);
	free(changed);
	free(info);
}

/* The last one it has from the beginning. */
static const unsigned sizes[][2] = { { 640, 480 }, { 321, 241 }, { 800, 601 },
	{ WIDTH, HEIGHT } };

static void add_sizes(struct fixture *f)
{
	for (size_t i = 0; i + 1 < ARRAY_SIZE(sizes); i++)
		add_size(f, sizes[i][0], sizes[i][1]);
}

static void test_screen_changes_its_size_live(void **state)
{
	struct fixture *f = *state;
	struct random random = { 14 };

	add_sizes(f);
	for (int i = 0; i < 40; i++) {
		const unsigned *size = sizes[i % ARRAY_SIZE(sizes)];

		draw(f, &random);
		set_size(f, size[0], size[1]);
		draw(f, &random);
		xcb_flush(f->c);
		if (i % 3 == 0)
			assert_comes_to_see(f, size[0], size[1]);
		else
			sd_event_run(host.event, 0);
	}
}

/*
 * The server changes its size again when it has answered how large it is, but
 * before the capture has heard that: the answer comes with news that it is old.
 */
static void test_last_of_two_sizes_wins_over_the_answer_to_the_first(void **state)
{
	struct fixture *f = *state;
	struct random random = { 17 };
	size_t first = ARRAY_SIZE(sizes) - 1;

	add_sizes(f);
	for (size_t i = 0; i < 3 * ARRAY_SIZE(sizes); i++) {
		size_t second = (first + 1) % ARRAY_SIZE(sizes);
		size_t last = (first + i % 3) % ARRAY_SIZE(sizes); /* back, the same, a third */

		assert_comes_to_see(f, sizes[first][0], sizes[first][1]);
		while (sd_event_run(host.event, 0) > 0)
			hear_and_ack(f->viewer);
		set_size(f, sizes[second][0], sizes[second][1]);
		sd_event_run(host.event, USEC_PER_SEC); /* it asks */
		free(get_image(f, 1, 1)); /* and is answered */
		set_size(f, sizes[last][0], sizes[last][1]);
		draw(f, &random);
		xcb_flush(f->c);
		assert_comes_to_see(f, sizes[last][0], sizes[last][1]);
		first = last;
	}
}

/* Neither size is to be taken for a server that does not give its picture. */
static void test_sizes_that_change_before_any_read_are_no_failure(void **state)
{
	struct fixture *f = *state;
	const size_t last = ARRAY_SIZE(sizes) - 1;

	add_sizes(f);
	assert_comes_to_see(f, WIDTH, HEIGHT);
	for (int i = 0; i < 20; i++) {
		set_size(f, sizes[i % 2][0], sizes[i % 2][1]);
		set_size(f, sizes[last][0], sizes[last][1]);
		sd_event_run(host.event, 0);
	}
	assert_comes_to_see(f, WIDTH, HEIGHT);
}

static void test_end_of_the_server_in_the_middle_is_no_picture(void **state)
{
	struct random random = { 15 };

	for (int i = 0; i < 10; i++) {
		struct fixture *f = xnew(struct fixture);
		struct viewer *v;

		x_server_start(&f->server, WIDTH, HEIGHT);
		begin(f);
		*state = f;
		v = f->viewer;
		if (i > 2)
			run_until(desktop_scene(host.desktop)->width > 0);
		for (int k = 0; k < 20; k++)
			draw(f, &random);
		xcb_flush(f->c);
		for (int k = 0; k < i; k++)
			sd_event_run(host.event, USEC_PER_MSEC);
		x_server_kill(&f->server);
		run_until(desktop_scene(host.desktop)->width == 0
			  && sd_event_run(host.event, 20 * USEC_PER_MSEC) == 0);
		hear_and_ack(v);
		assert_int_equal(v->closed, 0);
		assert_int_equal(v->picture.width, 0);
		SAY(v, "\x03\x01\x1e\0"); /* nobody there to type to */

		/* And the next one. */
		xcb_disconnect(TAKE_PTR(f->c));
		x_server_start(&f->server, 64, 64);
		f->c = x_server_connect(&f->server);
		f->root = xcb_setup_roots_iterator(xcb_get_setup(f->c)).data->root;
		desktop_attach(host.desktop, f->server.display, f->server.authority);
		assert_comes_to_see(f, 64, 64);
		teardown(state);
	}
}

static void test_sizes_from_one_pixel_to_8_mebipixels(void **state)
{
	static const unsigned extremes[][2] = { { 1, 1 }, { 65, 1 }, { 1, 65 }, { 63, 130 },
		{ 4097, 2049 } };

	for (size_t i = 0; i < ARRAY_SIZE(extremes); i++) {
		struct fixture *f = xnew(struct fixture);
		struct random random = { 16 };

		x_server_start(&f->server, extremes[i][0], extremes[i][1]);
		begin(f);
		*state = f;
		draw(f, &random);
		assert_comes_to_see(f, extremes[i][0], extremes[i][1]);
		teardown(state);
	}
}

#define LARGE_WIDTH 2560
#define LARGE_HEIGHT 1440

/* A screen on which a change of all is taken over in many steps. */
static struct fixture *begin_large(void **state)
{
	struct fixture *f = xnew(struct fixture);

	x_server_start(&f->server, LARGE_WIDTH, LARGE_HEIGHT);
	begin(f);
	*state = f;
	return f;
}

/* All of it changes, or scrolls. */
static void draw_large(struct fixture *f, struct random *random)
{
	xcb_rectangle_t all = { (int16_t)random_below(random, 9), 0, LARGE_WIDTH, LARGE_HEIGHT };

	for (int i = 0; i < 5; i++)
		draw(f, random);
	if (random_below(random, 2)) {
		xcb_copy_area(f->c, f->root, f->root, f->gc, 0, 5, 0, 0, LARGE_WIDTH,
			LARGE_HEIGHT - 5);
		return;
	}
	xcb_change_gc(f->c, f->gc, XCB_GC_FOREGROUND,
		&(uint32_t){ (uint32_t)random_u64(random) & COLOUR });
	xcb_poly_fill_rectangle(f->c, f->root, f->gc, 1, &all);
}

static bool is_settling(void)
{
	return desktop_scene(host.desktop)->is_settling;
}

static void test_what_is_drawn_while_a_large_change_is_taken_over_is_not_lost(void **state)
{
	struct fixture *f = begin_large(state);
	struct random random = { 18 };

	assert_comes_to_see(f, LARGE_WIDTH, LARGE_HEIGHT);
	for (int i = 0; i < 30; i++) {
		draw_large(f, &random);
		xcb_flush(f->c);
		for (int k = random_below(&random, 20); k > 0; k--) {
			sd_event_run(host.event, USEC_PER_MSEC);
			draw(f, &random);
			xcb_flush(f->c);
		}
		if (i % 3 == 0)
			assert_comes_to_see(f, LARGE_WIDTH, LARGE_HEIGHT);
	}
	teardown(state);
}

static void test_another_size_or_no_server_while_a_large_change_is_taken_over(void **state)
{
	struct fixture *f = begin_large(state);
	struct random random = { 19 };

	add_size(f, 640, 480);
	assert_comes_to_see(f, LARGE_WIDTH, LARGE_HEIGHT);
	draw_large(f, &random);
	xcb_flush(f->c);
	run_until(is_settling());
	set_size(f, 640, 480);
	assert_comes_to_see(f, 640, 480);
	set_size(f, LARGE_WIDTH, LARGE_HEIGHT);
	assert_comes_to_see(f, LARGE_WIDTH, LARGE_HEIGHT);
	draw_large(f, &random);
	xcb_flush(f->c);
	run_until(is_settling());
	x_server_kill(&f->server);
	run_until(desktop_scene(host.desktop)->width == 0);
	assert_false(is_settling());
	hear_and_ack(f->viewer);
	assert_int_equal(f->viewer->picture.width, 0);
	assert_int_equal(f->viewer->closed, 0);
	teardown(state);
}

static void test_missing_display_is_no_harm(void **state)
{
	struct fixture *f = *state;

	desktop_attach(host.desktop, ":54321", f->server.authority);
	assert_int_equal(desktop_scene(host.desktop)->width, 0);
	desktop_attach(host.desktop, f->server.display, "/nonexistent");
	desktop_attach(host.desktop, f->server.display, f->server.authority);
	assert_comes_to_see(f, WIDTH, HEIGHT);
}

/* --- windows --- */

#define WINDOW_PX 300

static xcb_window_t make_window(struct fixture *f, int x, int y, unsigned width, unsigned height)
{
	xcb_window_t window = xcb_generate_id(f->c);

	xcb_create_window(f->c, XCB_COPY_FROM_PARENT, window, f->root, (int16_t)x, (int16_t)y,
		(uint16_t)width, (uint16_t)height, 2, XCB_WINDOW_CLASS_INPUT_OUTPUT,
		XCB_COPY_FROM_PARENT, XCB_CW_BACK_PIXEL, &(uint32_t){ 0x123456 });
	xcb_map_window(f->c, window);
	return window;
}

static void fill_with_noise(struct fixture *f, struct random *random, xcb_window_t window)
{
	static uint32_t pixels[WINDOW_PX * 200];

	for (size_t i = 0; i < ARRAY_SIZE(pixels); i++)
		pixels[i] = (uint32_t)random_u64(random) & COLOUR;
	for (int16_t y = 0; y < WINDOW_PX; y += 200)
		xcb_put_image(f->c, XCB_IMAGE_FORMAT_Z_PIXMAP, window, f->gc, WINDOW_PX, 200, 0, y, 0,
			24, sizeof(pixels), (const uint8_t *)pixels);
}

static void put_window(struct fixture *f, xcb_window_t window, int x, int y)
{
	xcb_configure_window(f->c, window, XCB_CONFIG_WINDOW_X | XCB_CONFIG_WINDOW_Y,
		(const uint32_t[]){ (uint32_t)x, (uint32_t)y });
	xcb_flush(f->c);
}

/* Does a view have a move by this, and little is dirty? */
static bool has_moved(const struct scene_view *view, int dx, int dy)
{
	return view->n_moves > 0 && view->moves[0].dx == dx && view->moves[0].dy == dy
	       && view->dirty.n_dirty < 50;
}

/* One that is there before we are: its first move is known too. */
static void test_a_dragged_window_is_moved(void **state)
{
	struct fixture *f = *state;
	struct random random = { 18 };
	int x = 100, y = 100, n_found = 0;
	xcb_window_t window = make_window(f, x, y, WINDOW_PX, WINDOW_PX);
	static struct scene_view view; /* also when the test fails */
	bool first_found = false;

	fill_with_noise(f, &random, window);
	free(get_image(f, 1, 1));
	desktop_attach(host.desktop, f->server.display, f->server.authority);
	assert_comes_to_see(f, WIDTH, HEIGHT);
	assert_int_equal(scene_add_view(desktop_scene(host.desktop), &view), 0);
	for (int i = 0; i < 20; i++) {
		int dx = 1 + random_below(&random, 30), dy = random_below(&random, 30) - 15;

		view.n_moves = 0;
		region_clear(&view.dirty);
		put_window(f, window, x += dx, y += dy);
		assert_comes_to_see(f, WIDTH, HEIGHT);
		n_found += has_moved(&view, dx, dy);
		first_found |= i == 0 && n_found == 1;
	}
	scene_remove_view(&view);
	assert_true(first_found);
	assert_true(n_found >= 18);
}

/* Though the server tells of it bit by bit: nobody sees the window at two places. */
static void test_a_move_and_what_it_uncovers_are_one_frame(void **state)
{
	struct fixture *f = *state;
	struct viewer *v = f->viewer;
	struct random random = { 21 };
	xcb_window_t window = make_window(f, 0, 0, WINDOW_PX, WINDOW_PX);

	fill_with_noise(f, &random, window);
	assert_comes_to_see(f, WIDTH, HEIGHT);
	for (int i = 1; i <= 20; i++) {
		unsigned before = v->seq;

		put_window(f, window, 15 * i, 10 * i);
		run_until(hear_all(v) > 0);
		ack(v, v->seq);
		assert_comes_to_see(f, WIDTH, HEIGHT);
		assert_int_equal(v->seq - before, 1);
	}
}

/* As fast as a mouse tells: the screen is captured between any two places. */
static void test_windows_that_move_all_the_time_are_seen_right(void **state)
{
	struct fixture *f = *state;
	struct random random = { 19 };
	xcb_window_t windows[3];

	for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
		windows[i] = make_window(f, 0, 0, WINDOW_PX, WINDOW_PX);
		fill_with_noise(f, &random, windows[i]);
	}
	assert_comes_to_see(f, WIDTH, HEIGHT);
	for (int i = 0; i < 600; i++) {
		put_window(f, windows[i % 3], 100 + random_below(&random, 400),
			random_below(&random, 200));
		sd_event_run(host.event, 0);
		hear_and_ack(f->viewer);
	}
	assert_comes_to_see(f, WIDTH, HEIGHT);
}

/* More than are remembered, of any size, that come and go in any order. */
static void test_windows_that_come_and_go_do_no_harm(void **state)
{
	struct fixture *f = *state;
	struct random random = { 20 };
	xcb_window_t windows[100] = { 0 };

	for (int i = 0; i < 3000; i++) {
		xcb_window_t *window = &windows[random_below(&random, ARRAY_SIZE(windows))];
		int x = random_below(&random, 1400) - 300, y = random_below(&random, 1000) - 300;

		if (!*window)
			*window = make_window(f, x, y, 1 + (unsigned)random_below(&random, 400),
				1 + (unsigned)random_below(&random, 400));
		switch (random_below(&random, 6)) {
		case 0:
			xcb_destroy_window(f->c, *window);
			*window = 0;
			break;
		case 1:
			xcb_unmap_window(f->c, *window);
			break;
		case 2:
			xcb_map_window(f->c, *window);
			break;
		case 3:
			xcb_configure_window(f->c, *window, XCB_CONFIG_WINDOW_WIDTH,
				&(uint32_t){ 1 + (uint32_t)random_below(&random, 32000) });
			break;
		default:
			put_window(f, *window, x, y);
		}
		if (i % 10 == 0) {
			sd_event_run(host.event, 0);
			hear_and_ack(f->viewer);
		}
	}
	xcb_flush(f->c);
	assert_comes_to_see(f, WIDTH, HEIGHT);
}

/* Not MappingNotify, which every client gets. */
static xcb_generic_event_t *wait_for_input(xcb_connection_t *c)
{
	xcb_generic_event_t *event;

	while ((event = xcb_wait_for_event(c)) && event->response_type == XCB_MAPPING_NOTIFY)
		free(event);
	assert_non_null(event);
	return event;
}

static void test_keys_buttons_and_motion_arrive(void **state)
{
	static const uint32_t mask = XCB_EVENT_MASK_KEY_PRESS | XCB_EVENT_MASK_KEY_RELEASE
				     | XCB_EVENT_MASK_BUTTON_PRESS
				     | XCB_EVENT_MASK_BUTTON_RELEASE;
	static const struct {
		uint8_t type;
		uint8_t detail;
	} want[] = {
		{ XCB_KEY_PRESS, 30 + 8 },  { XCB_KEY_RELEASE, 30 + 8 }, { XCB_BUTTON_PRESS, 1 },
		{ XCB_BUTTON_RELEASE, 1 },  { XCB_BUTTON_PRESS, 5 },	 { XCB_BUTTON_RELEASE, 5 },
		{ XCB_KEY_PRESS, 42 + 8 },  { XCB_KEY_RELEASE, 42 + 8 },
	};
	struct fixture *f = *state;
	struct viewer *v = f->viewer;
	const xcb_button_press_event_t *press;

	run_until(desktop_scene(host.desktop)->width > 0);
	xcb_change_window_attributes(f->c, f->root, XCB_CW_EVENT_MASK, &mask);
	free(xcb_get_input_focus_reply(f->c, xcb_get_input_focus(f->c), NULL));
	SAY(v, "\x03\x01\x1e\0");
	SAY(v, "\x03\0\x1e\0");
	SAY(v, "\x05\x01\x01\x09\0\x0b\0");
	SAY(v, "\x05\0\x01\x09\0\x0b\0");
	SAY(v, "\x06\0\0\x78\0\xff\xff\xff\xff");
	SAY(v, "\x03\x01\x2a\0");
	SAY(v, "\x07");
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		xcb_generic_event_t *event = wait_for_input(f->c);

		assert_int_equal(event->response_type & 0x7f, want[i].type);
		press = (const xcb_button_press_event_t *)event;
		assert_int_equal(press->detail, want[i].detail);
		if (i == 2) {
			assert_int_equal(press->root_x, 9);
			assert_int_equal(press->root_y, 11);
		}
		if (i == 4) {
			assert_int_equal(press->root_x, WIDTH - 1);
			assert_int_equal(press->root_y, HEIGHT - 1);
		}
		free(event);
	}
}

/* SUP-08 */
static void test_a_server_that_does_not_answer_a_viewer_is_told_of_and_so_is_its_return(
	void **state)
{
	struct fixture *f = *state;

	assert_comes_to_see(f, WIDTH, HEIGHT);
	n_display_answers = 0;
	kill(f->server.pid, SIGSTOP);
	SAY(f->viewer, "\x03\x01\x1e\0");
	run_until(n_display_answers == 1);
	assert_false(display_answers);
	/* Once, and then it is waited for: whatever else is wanted changes nothing. */
	SAY(f->viewer, "\x03\0\x1e\0");
	assert_int_equal(sd_event_run(host.event, X_WATCH_PAUSE_USEC + 200 * USEC_PER_MSEC), 0);
	kill(f->server.pid, SIGCONT);
	run_until(n_display_answers == 2);
	assert_true(display_answers);
	assert_comes_to_see(f, WIDTH, HEIGHT);
}

/* SUP-08: a host that was started beside one that hangs. */
static void test_a_server_that_does_not_greet_us_is_told_of(void **state)
{
	struct fixture *f = *state;

	assert_comes_to_see(f, WIDTH, HEIGHT);
	n_display_answers = 0;
	kill(f->server.pid, SIGSTOP);
	desktop_attach(host.desktop, f->server.display, f->server.authority);
	run_until(n_display_answers == 1);
	assert_false(display_answers);
	kill(f->server.pid, SIGCONT);
}

/* All is read and shown: a picture that is black needs none of it to be seen right. */
static void rest(struct fixture *f)
{
	assert_comes_to_see(f, WIDTH, HEIGHT);
	/* With the question that follows what was drawn. */
	while (sd_event_run(host.event, X_WATCH_PAUSE_USEC + 200 * USEC_PER_MSEC) > 0)
		hear_and_ack(f->viewer);
}

/* Until the server has drawn it, not until anybody has seen it. */
static void fill_square(struct fixture *f, uint32_t colour)
{
	const xcb_rectangle_t square = { 10, 10, 20, 20 };

	xcb_change_gc(f->c, f->gc, XCB_GC_FOREGROUND, &colour);
	xcb_poly_fill_rectangle(f->c, f->root, f->gc, 1, &square);
	free(xcb_get_input_focus_reply(f->c, xcb_get_input_focus(f->c), NULL));
}

/* Of how many frames so far it is known which input led to them, once the next is painted. */
static json_int_t count_followed(struct fixture *f)
{
	size_t left_out;
	const json_t *input;
	json_int_t n;
	json_t *list;

	run_until(hear_all(f->viewer) > 0);
	ack(f->viewer, f->viewer->seq);
	list = client_stats_to_json(&host, &left_out);
	input = json_object_get(json_object_get(json_array_get(list, 0), "stages"), "input");
	assert_non_null(input);
	n = json_integer_value(json_object_get(input, "frames"));
	json_decref(list);
	return n;
}

/* Issue 5 */
static void test_an_input_is_followed_to_the_frame_that_shows_what_came_of_it(void **state)
{
	struct fixture *f = *state;
	const struct stages *stages = desktop_stages(host.desktop);

	rest(f);
	fill_square(f, 0x111111);
	assert_int_equal(count_followed(f), 0);
	SAY(f->viewer, "\x03\x01\x1e\0");
	assert_false(stages_want_input(stages));
	run_until(stages_want_input(stages));
	fill_square(f, 0x222222);
	assert_int_equal(count_followed(f), 1);
	fill_square(f, 0x333333); /* is of its own accord */
	assert_int_equal(count_followed(f), 1);
	/* What was drawn before a key is not the key's doing, though it is seen after it. */
	fill_square(f, 0x444444);
	SAY(f->viewer, "\x03\0\x1e\0");
	assert_int_equal(count_followed(f), 1);
	run_until(stages_want_input(stages));
	fill_square(f, 0x555555);
	assert_int_equal(count_followed(f), 2);
}

static void test_idle_desktop_sleeps(void **state)
{
	struct fixture *f = *state;

	rest(f);
	assert_int_equal(sd_event_run(host.event, 300 * USEC_PER_MSEC), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(picture_is_exact_after_random_drawing),
		TEST(screen_changes_its_size_live),
		TEST(last_of_two_sizes_wins_over_the_answer_to_the_first),
		TEST(sizes_that_change_before_any_read_are_no_failure),
		cmocka_unit_test_teardown(
			test_end_of_the_server_in_the_middle_is_no_picture, teardown),
		cmocka_unit_test_teardown(test_sizes_from_one_pixel_to_8_mebipixels, teardown),
		cmocka_unit_test_teardown(
			test_what_is_drawn_while_a_large_change_is_taken_over_is_not_lost,
			teardown),
		cmocka_unit_test_teardown(
			test_another_size_or_no_server_while_a_large_change_is_taken_over,
			teardown),
		TEST(missing_display_is_no_harm),
		TEST(a_dragged_window_is_moved),
		TEST(a_move_and_what_it_uncovers_are_one_frame),
		TEST(windows_that_move_all_the_time_are_seen_right),
		TEST(windows_that_come_and_go_do_no_harm),
		TEST(keys_buttons_and_motion_arrive),
		TEST(a_server_that_does_not_answer_a_viewer_is_told_of_and_so_is_its_return),
		TEST(a_server_that_does_not_greet_us_is_told_of),
		TEST(an_input_is_followed_to_the_frame_that_shows_what_came_of_it),
		TEST(idle_desktop_sleeps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
