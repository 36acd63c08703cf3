/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/client.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "host/capture/capture-fake.h"
#include "host/cursor/cursor.h"
#include "host/input/input.h"
#include "host/scene/scene.h"
#include "unit/fake-viewer.h"
#include "unit/random.h"
#include "unit/test.h"
#include "wire/stream.h"

#define WIDTH 201
#define HEIGHT 131

static struct capture *capture;

static void handle_geometry(void *data, unsigned generation, unsigned width, unsigned height)
{
	(void)data;
	(void)generation;
	assert_int_equal(scene_resize(desktop_scene(host.desktop), width, height), 0);
	input_set_size(desktop_input(host.desktop), width, height);
	client_each(&host, client_handle_screen);
}

static void handle_batch(void *data, const struct capture_batch *batch)
{
	bool changed = false;

	(void)data;
	for (size_t i = 0; i < batch->n_rects; i++)
		changed |= scene_update(desktop_scene(host.desktop), &batch->rects[i].at,
			batch->rects[i].pixels, batch->rects[i].stride);
	if (changed)
		client_each(&host, client_handle_damage);
}

static const struct capture_events capture_events = {
	.geometry = handle_geometry,
	.batch = handle_batch,
};

static void fill(int x, int y, int width, int height, uint32_t colour)
{
	struct rect rect = rect_sized(x, y, width, height);

	capture_fake_fill(capture, &rect, colour);
}

static int setup(void **state)
{
	struct viewer *viewer;

	host_setup();
	capture = capture_fake_create(WIDTH, HEIGHT, &capture_events, NULL);
	viewer = viewer_create();
	*state = viewer;
	return 0;
}

static int teardown(void **state)
{
	viewer_destroy(*state);
	capture_destroy(capture);
	host_teardown();
	return 0;
}

/* --- signing in --- */

static void test_signing_in_brings_welcome_status_screen_and_frame(void **state)
{
	struct viewer *v = *state;
	static const char welcome[] =
		"\x81{\"version\":2,\"host_name\":\"box\",\"resume\":\"0123456789abcdefghijkl\","
		"\"resume_seconds\":43200,\"viewer\":1}";

	assert_int_equal(hear(v), 0);
	assert_false(client_is_signed_in(v->client));
	sign_in(v);
	assert_true(client_is_signed_in(v->client));
	assert_int_equal(n_viewers_changed, 1);
	assert_int_equal(hear(v), STREAM_WELCOME);
	assert_int_equal(v->n, sizeof(welcome) - 1);
	assert_memory_equal(v->bytes, welcome, v->n);
	assert_int_equal(hear(v), STREAM_STATUS);
	assert_memory_equal(v->bytes + 1, host.status, strlen(host.status));
	assert_int_equal(hear(v), STREAM_SCREEN);
	take_screen(v);
	assert_int_equal(hear(v), STREAM_FRAME);
	paint(v);
	assert_false(v->more);
	assert_sees_the_screen(v);
	assert_false(v->wanted);
	assert_int_equal(hear(v), 0);
}

static void test_refusal_is_told_before_the_close(void **state)
{
	struct viewer *v = *state;
	struct access_outcome no = { .reason = "pin", .retry_after = 30 };
	static const char refused[] = "\x82{\"reason\":\"pin\",\"retry_after\":30}";

	SAY(v, "\x01{\"version\":2,\"pin\":\"0\"}");
	the_try.done(the_try.data, &no);
	assert_int_equal(hear(v), STREAM_REFUSED);
	assert_int_equal(v->n, sizeof(refused) - 1);
	assert_memory_equal(v->bytes, refused, v->n);
	assert_int_equal(v->closed, 0);
	SAY(v, "\x01{\"version\":2,\"pin\":\"1\"}"); /* too late: ignored */
	assert_int_equal(hear(v), 0);
	assert_int_equal(v->closed, CLIENT_CLOSE_REFUSED);
	assert_int_equal(n_viewers_changed, 0);
}

static void test_other_version_and_full_house_are_refused(void **state)
{
	struct viewer *v = *state, *w = viewer_create();

	SAY(v, "\x01{\"version\":1}");
	assert_int_equal(hear(v), STREAM_REFUSED);
	assert_non_null(strstr((const char *)v->bytes + 1, "\"version\""));
	access_is_full = true;
	SAY(w, "\x01{\"version\":2,\"link\":\"x\"}");
	assert_int_equal(hear(w), STREAM_REFUSED);
	assert_non_null(strstr((const char *)w->bytes + 1, "\"busy\""));
	viewer_destroy(w);
}

static void test_leaving_in_the_middle_cancels_the_try(void **state)
{
	struct viewer *v = viewer_create();

	(void)state;
	SAY(v, "\x01{\"version\":2,\"pin\":\"0\"}");
	assert_true(the_try.live);
	viewer_destroy(v);
	assert_false(the_try.live);
}

/* Every message in a state where it has no place. */
static void test_messages_out_of_turn_end_the_connection(void **state)
{
	static const struct {
		enum { BEFORE, TRYING, AFTER } when;
		const char *bytes;
		size_t n;
	} cases[] = {
		{ BEFORE, "\x02\x01\0\0\0\0\0\0\0", 9 }, { BEFORE, "\x03\x01\x1e\0", 4 },
		{ BEFORE, "\x04\0\0\0\0", 5 },	 { BEFORE, "\x05\x01\x01\0\0\0\0", 7 },
		{ BEFORE, "\x06\0\0\0\0\0\0\0\0", 9 }, { BEFORE, "\x07", 1 },
		{ BEFORE, "\x08\0\0\0\0", 5 },	 { BEFORE, "\x55", 1 },
		{ BEFORE, "", 0 },		 { TRYING, "\x02\x01\0\0\0\0\0\0\0", 9 },
		{ TRYING, "\x07", 1 },		 { TRYING, "\x08\0\0\0\0", 5 },
		{ TRYING, "\x01{\"version\":2,\"pin\":\"0\"}", 24 },
		{ AFTER, "\x01{\"version\":2,\"pin\":\"0\"}", 24 },
		{ AFTER, "\x02\x01\0\0\0\0\0\0\0", 9 },	 /* no frame was sent */
		{ AFTER, "\x03\x01\x1e", 3 },	 { AFTER, "\x81", 1 },
		{ AFTER, "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct viewer *v = viewer_create();

		if (cases[i].when == TRYING)
			SAY(v, "\x01{\"version\":2,\"pin\":\"0\"}");
		if (cases[i].when == AFTER)
			sign_in(v);
		say(v, cases[i].bytes, cases[i].n);
		assert_int_equal(v->closed, CLIENT_CLOSE_PROTOCOL);
		SAY(v, "\x07");
		assert_int_equal(hear(v), 0);
		viewer_destroy(v);
	}
}

/* --- the picture --- */

static void test_nonsense_acks_end_only_that_viewer(void **state)
{
	struct viewer *v = *state, *w = viewer_create();

	sign_in(v);
	sign_in(w);
	assert_int_equal(hear_all(v), 1);
	assert_int_equal(hear_all(w), 1);
	ack(v, v->seq);
	assert_int_equal(v->closed, 0);
	ack(v, v->seq); /* twice */
	assert_int_equal(v->closed, CLIENT_CLOSE_PROTOCOL);
	fill(0, 0, 10, 10, 5);
	ack(w, w->seq);
	assert_int_equal(hear_all(w), 1);
	assert_sees_the_screen(w);
	ack(w, w->seq + 1);
	assert_int_equal(w->closed, CLIENT_CLOSE_PROTOCOL);
	viewer_destroy(w);
}

static void test_slow_viewer_has_one_frame_in_flight_and_gets_the_newest(void **state)
{
	struct viewer *fast = *state, *slow = viewer_create();
	struct random random = { 8 };

	sign_in(fast);
	sign_in(slow);
	assert_int_equal(hear_all(fast), 1);
	assert_int_equal(hear_all(slow), 1);
	for (int i = 0; i < 200; i++) {
		uint32_t colour = (uint32_t)random_u64(&random) & COLOUR;

		ack(fast, fast->seq);
		fill(random_below(&random, WIDTH), random_below(&random, HEIGHT),
			1 + random_below(&random, 80), 1 + random_below(&random, 80), colour);
		if (i == 0) { /* the fast one waits for the slow one, once and not long */
			assert_false(fast->wanted);
			while (!fast->wanted)
				assert_true(sd_event_run(host.event, 10 * USEC_PER_SEC) > 0);
		}
		assert_int_equal(hear_all(fast), 1);
		assert_sees_the_screen(fast);
		assert_false(slow->wanted);
		assert_int_equal(hear_all(slow), 0);
	}
	ack(slow, slow->seq);
	assert_int_equal(hear_all(slow), 1);
	assert_int_equal(slow->seq, 2);
	assert_sees_the_screen(slow);
	viewer_destroy(slow);
}

/* Until whatever the last frame had still to do is done. */
static void run_until_rest(void)
{
	while (sd_event_run(host.event, ENCODE_REST_USEC + 100 * USEC_PER_MSEC) > 0)
		;
}

static void test_viewer_that_paints_nothing_is_closed_in_the_end(void **state) /* LOD-01 */
{
	struct viewer *v = *state, *w = viewer_create();

	host.ack_limit_usec = 20 * USEC_PER_MSEC;
	sign_in(v);
	hear_all(v);
	ack(v, v->seq);
	sign_in(w);
	hear_all(w);
	fill(0, 0, 10, 10, 5);
	hear_all(v);
	while (!w->closed)
		assert_true(sd_event_run(host.event, 10 * USEC_PER_SEC) > 0);
	assert_int_equal(w->closed, CLIENT_CLOSE_TIMEOUT);
	/* Who is closed keeps nobody waiting. */
	ack(v, v->seq);
	fill(0, 0, 10, 10, 6);
	assert_true(v->wanted);
	assert_int_equal(hear_all(v), 1);
	assert_sees_the_screen(v);
	viewer_destroy(w);
}

/* As after SIGSTOP: what a viewer has sent meanwhile is read after time limits are looked at. */
static void test_ack_that_is_read_late_was_not_sent_late(void **state) /* SUP-07 */
{
	struct viewer *v = *state;

	host.ack_limit_usec = 20 * USEC_PER_MSEC;
	sign_in(v);
	hear_all(v);
	usleep(1100 * USEC_PER_MSEC); /* so long nothing runs here */
	assert_true(sd_event_run(host.event, 10 * USEC_PER_SEC) > 0);
	assert_int_equal(v->closed, 0);
	ack(v, v->seq);
	run_until_rest();
	assert_int_equal(v->closed, 0);
}

static void test_at_rest_no_time_limit_wakes_us_up(void **state)
{
	struct viewer *v = *state;

	host.ack_limit_usec = USEC_PER_SEC;
	sign_in(v);
	hear_all(v);
	ack(v, v->seq);
	run_until_rest();
	assert_int_equal(sd_event_run(host.event, 2 * host.ack_limit_usec), 0);
	/* And still there is one. */
	host.ack_limit_usec = 20 * USEC_PER_MSEC;
	fill(0, 0, 10, 10, 5);
	hear_all(v);
	while (!v->closed)
		assert_true(sd_event_run(host.event, 10 * USEC_PER_SEC) > 0);
	assert_int_equal(v->closed, CLIENT_CLOSE_TIMEOUT);
}

static void test_last_piece_of_a_frame_tells_where_its_time_went(void **state)
{
	struct viewer *v = *state;

	sign_in(v);
	hear_all(v);
	ack(v, v->seq);
	v->times = (struct stream_times){ 0 };
	fill(0, 0, 10, 10, 5);
	hear_all(v);
	assert_true(v->times.encode > 0 && v->times.queue > 0);
	assert_int_equal(v->times.input, 0);
}

/* Strokes with smooth edges, in 7 x 14 pixels: other ones for each @letter. */
static void draw_letter(int x, int y, struct random *letter)
{
	for (int i = 0; i < 3; i++) {
		int at = random_below(letter, 6), from = random_below(letter, 7);
		uint32_t edge = 0x101010 * (uint32_t)(4 + random_below(letter, 9));

		fill(x + at, y + from, 1, 7, 0x202020);
		fill(x + at + 1, y + from, 1, 7, edge);
		fill(x, y + 2 * at, 7, 1, 0x202020);
		fill(x, y + 2 * at + 1, 7, 1, edge);
	}
}

/* In a terminal, dark on white, the cursor behind it. */
static void test_typed_character_costs_at_most_140_bytes(void **state)
{
	struct viewer *v = *state;
	struct random random = { 77 };

	fill(0, 0, WIDTH, HEIGHT, 0xffffff);
	sign_in(v);
	hear_all(v);
	for (int i = 0; i < 25; i++) {
		int x = 4 + 7 * i;

		ack(v, v->seq);
		fill(x, 8, 7, 14, 0xffffff);
		draw_letter(x, 8, &random);
		fill(x + 7, 8, 7, 14, 0x000000);
		assert_int_equal(hear_all(v), 1);
		assert_sees_the_screen(v);
		assert_true(v->n <= 140);
	}
}

static void test_unchanged_damage_sends_nothing(void **state)
{
	struct viewer *v = *state;

	sign_in(v);
	hear_all(v);
	ack(v, v->seq);
	fill(0, 0, WIDTH, HEIGHT, 0);
	assert_false(v->wanted);
}

/* Noise does not compress: its frame goes out in pieces. */
static void make_noise(struct random *random, int width, int height)
{
	for (int y = 0; y < height; y++) {
		for (int x = 0; x < width; x++)
			fill(x, y, 1, 1, (uint32_t)random_u64(random) & COLOUR);
	}
}

static void test_large_frame_comes_in_pieces_with_one_seq(void **state)
{
	struct viewer *v = *state;
	struct random random = { 9 };
	unsigned n_pieces = 0;

	assert_int_equal(capture_fake_resize(capture, 900, 300), 0);
	make_noise(&random, 900, 300);
	sign_in(v);
	while (hear(v) != STREAM_SCREEN)
		;
	take_screen(v);
	do {
		assert_int_equal(hear(v), STREAM_FRAME);
		assert_true(v->n < 300000);
		paint(v);
		assert_int_equal(v->seq, 1);
		if (n_pieces++ == 0) {
			fill(0, 0, 5, 5, 0x123456);	/* behind what was sent */
			fill(890, 290, 5, 5, 0x123456); /* before it */
			SAY(v, "\x08\x01\x02\x03\x04");
			assert_int_equal(hear(v), STREAM_PONG);
			assert_memory_equal(v->bytes, "\x87\x01\x02\x03\x04", 5);
		}
	} while (v->more);
	assert_true(n_pieces >= 2);
	assert_int_equal(hear(v), 0);
	/* Nobody knows the link yet: the rest comes in frames that it may take. */
	do
		ack(v, v->seq);
	while (hear_all(v) > 0);
	assert_true(v->seq > 1);
	assert_sees_the_screen(v);
}

static void test_ack_of_a_frame_that_is_not_complete_is_nonsense(void **state)
{
	struct viewer *v = *state;
	struct random random = { 10 };

	assert_int_equal(capture_fake_resize(capture, 900, 300), 0);
	make_noise(&random, 900, 300);
	sign_in(v);
	while (hear(v) != STREAM_FRAME)
		;
	assert_true(v->bytes[1] & STREAM_MORE);
	ack(v, 1);
	assert_int_equal(v->closed, CLIENT_CLOSE_PROTOCOL);
}

static void test_new_screen_in_the_middle_of_a_frame(void **state)
{
	static const unsigned sizes[][2] = { { 300, 70 }, { 1, 1 }, { 900, 300 } };
	struct viewer *v = *state;
	struct random random = { 11 };

	sign_in(v);
	hear_all(v);
	ack(v, v->seq);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		assert_int_equal(capture_fake_resize(capture, 901, 301), 0);
		make_noise(&random, 901, 301);
		assert_int_equal(hear(v), STREAM_SCREEN);
		take_screen(v);
		assert_int_equal(hear(v), STREAM_FRAME);
		paint(v);
		assert_true(v->more);
		assert_int_equal(capture_fake_resize(capture, sizes[i][0], sizes[i][1]), 0);
		fill(0, 0, 20, 20, 0xabcdef);
		assert_int_equal(hear_all(v), 1);
		/* Where all of it was begun already, what is new comes in the next one. */
		do
			ack(v, v->seq);
		while (hear_all(v) > 0);
		assert_sees_the_screen(v);
	}
}

/* Issue 5. None of its pixels but one is ever written to, so it takes no memory. */
static void test_largest_screen_is_one_and_so_is_the_smallest_after_it(void **state)
{
	struct viewer *v = *state, *late = viewer_create(), *cut = viewer_create();

	v->is_blind = late->is_blind = cut->is_blind = true;
	sign_in(v);
	hear_all(v);
	ack(v, v->seq);
	assert_int_equal(capture_fake_resize(capture, 16384, 16384), 0);
	assert_int_equal(hear(v), STREAM_SCREEN);
	assert_memory_equal(v->bytes, "\x84\x00\x40\x00\x40", 5);
	fill(16383, 16383, 1, 1, 7);
	assert_int_equal(hear_all(v), 1);
	assert_true(v->n_body < 60);
	ack(v, v->seq);

	/* All of it; nothing yet of what the other has; and a part. */
	sign_in(late);
	hear_and_ack(late);
	assert_true(late->seq > 1);
	fill(0, 0, 1, 1, 8);
	hear_and_ack(late);
	sign_in(cut);
	while (hear(cut) != STREAM_FRAME)
		;
	paint(cut);
	assert_true(cut->more);

	assert_int_equal(capture_fake_resize(capture, 1, 1), 0);
	fill(0, 0, 1, 1, 0xabcdef);
	v->is_blind = late->is_blind = cut->is_blind = false;
	hear_and_ack(cut);
	assert_sees_the_screen(cut);
	hear_and_ack(v);
	assert_sees_the_screen(v);
	hear_and_ack(late);
	assert_sees_the_screen(late);
	viewer_destroy(cut);
	viewer_destroy(late);
}

static void test_picture_that_goes_away_ends_an_open_frame(void **state)
{
	struct viewer *v = *state;
	struct random random = { 12 };

	assert_int_equal(capture_fake_resize(capture, 900, 300), 0);
	make_noise(&random, 900, 300);
	sign_in(v);
	while (hear(v) != STREAM_SCREEN)
		;
	take_screen(v);
	assert_int_equal(hear(v), STREAM_FRAME);
	paint(v);
	assert_true(v->more);
	handle_geometry(NULL, 0, 0, 0);
	assert_int_equal(hear_all(v), 1);
	assert_int_equal(v->picture.width, 0);
	ack(v, v->seq);
	assert_int_equal(v->closed, 0);
	handle_geometry(NULL, 0, WIDTH, HEIGHT);
	assert_int_equal(hear_all(v), 0);
	assert_int_equal(v->picture.width, WIDTH);
}

static void test_status_and_cursor_reach_those_who_are_in(void **state)
{
	struct viewer *v = *state, *out = viewer_create();
	static const uint32_t pixel = 0xff112233;

	sign_in(v);
	hear_all(v);
	host.status = (char *)"{\"state\":\"failed\"}";
	client_each(&host, client_handle_status);
	assert_int_equal(cursor_set(desktop_cursor(host.desktop), 1, 1, 0, 0, &pixel), 0);
	client_each(&host, client_handle_cursor);
	assert_int_equal(hear(v), STREAM_STATUS);
	assert_memory_equal(v->bytes + 1, host.status, strlen(host.status));
	assert_int_equal(hear(v), STREAM_CURSOR);
	assert_int_equal(hear(v), 0);
	assert_false(out->wanted);
	assert_int_equal(hear(out), 0);
	viewer_destroy(out);
}

static void test_status_page_works_with_no_display(void **state)
{
	struct viewer *v = *state;

	handle_geometry(NULL, 0, 0, 0);
	sign_in(v);
	assert_int_equal(hear(v), STREAM_WELCOME);
	assert_int_equal(hear(v), STREAM_STATUS);
	assert_int_equal(hear(v), STREAM_SCREEN);
	assert_memory_equal(v->bytes, "\x84\0\0\0\0", 5);
	assert_int_equal(hear(v), 0);
	SAY(v, "\x03\x01\x1e\0");
	SAY(v, "\x04\x01\0\x01\0");
	assert_int_equal(v->closed, 0);
}

/* --- input --- */

static char pressed[256];

static void note(struct input_sink *self, const struct input_event *event)
{
	size_t n = strlen(pressed);

	(void)self;
	snprintf(pressed + n, sizeof(pressed) - n, "%d%c%u ", (int)event->type,
		event->down ? '+' : '-', event->code);
}

static void ignore_flush(struct input_sink *self)
{
	(void)self;
}

static void test_what_a_viewer_holds_is_released_when_it_leaves(void **state)
{
	static const struct input_sink_impl impl = { .event = note, .flush = ignore_flush };
	struct input_sink sink = { .impl = &impl };
	struct viewer *v = viewer_create();

	(void)state;
	pressed[0] = '\0';
	input_set_sink(desktop_input(host.desktop), &sink);
	sign_in(v);
	SAY(v, "\x03\x01\x1e\0");
	SAY(v, "\x05\x01\x01\x05\0\x05\0");
	assert_string_equal(pressed, "0+30 2-0 1+1 ");
	pressed[0] = '\0';
	SAY(v, "\x07");
	assert_string_equal(pressed, "0-30 1-1 ");
	SAY(v, "\x03\x01\x1f\0");
	pressed[0] = '\0';
	viewer_destroy(v);
	assert_string_equal(pressed, "0-31 ");
	input_set_sink(desktop_input(host.desktop), NULL);
}

static void test_list_has_those_who_are_in(void **state)
{
	struct viewer *out = viewer_create();
	json_t *list, *entry;

	sign_in(*state);
	list = client_list_to_json(&host);
	assert_int_equal(json_array_size(list), 1);
	entry = json_array_get(list, 0);
	assert_int_equal(json_integer_value(json_object_get(entry, "id")), 1);
	assert_string_equal(json_string_value(json_object_get(entry, "address")), "127.0.0.1");
	assert_true(json_is_string(json_object_get(entry, "since")));
	assert_true(json_is_false(json_object_get(entry, "view_only")));
	json_decref(list);
	viewer_destroy(out);
}

/* --- a second connection --- */

/* Types over a link that loses packets, and does as the host then asks. Returns that one. */
static struct viewer *join(struct viewer *self, unsigned n_before)
{
	uint8_t message[21] = { STREAM_JOIN };
	struct viewer *twin = viewer_create();
	unsigned type;

	sign_in_with(self, ",\"twin\":true");
	hear_all(self);
	ack(self, self->seq);
	self->loses_packets = true;
	SAY(self, "\x07");
	SAY(self, "\x03\x00\x1e\x00");
	while ((type = hear(self)) != STREAM_TWIN)
		assert_int_not_equal(type, 0);
	assert_int_equal(self->n, 17);
	memcpy(message + 1, self->bytes + 1, 16);
	message[17] = (uint8_t)n_before;
	say(twin, message, sizeof(message));
	assert_int_equal(twin->closed, 0);
	return twin;
}

/* The echo that the twin has just heard: what it shows, on a black screen, and its seq. */
static uint32_t see_echo(struct viewer *twin)
{
	uint32_t seq;

	assert_memory_equal(twin->bytes + 5, ((const uint16_t[]){ WIDTH, HEIGHT }), 4);
	assert_int_equal(picture_resize(&twin->picture, WIDTH, HEIGHT), 0);
	inflater_finish(&twin->inflaters[0]);
	inflater_init(&twin->inflaters[0]);
	inflater_take(&twin->inflaters[0], twin->bytes + 9, twin->n - 9);
	assert_int_equal(
		picture_apply(&twin->picture, twin->inflaters[0].bytes, twin->inflaters[0].n), 0);
	memcpy(&seq, twin->bytes + 1, sizeof(seq));
	return seq;
}

static void test_what_changes_comes_by_both_connections(void **state)
{
	struct viewer *v = *state, *twin = join(v, 2);

	assert_int_equal(hear(twin), 0);
	assert_int_equal(hear_all(v), 0); /* it is asked once */
	SAY(v, "\x03\x01\x1e\x00");
	fill(70, 10, 8, 16, 0x123456);
	assert_int_equal(hear(twin), STREAM_ECHO); /* before its frame: that may have to wait */
	assert_int_equal(see_echo(twin), v->seq + 1);
	assert_int_equal(twin->picture.pixels[10 * WIDTH + 70], 0x123456);
	assert_int_equal(twin->picture.pixels[25 * WIDTH + 77], 0x123456);
	assert_int_equal(twin->picture.pixels[0], 0);
	assert_int_equal(hear(twin), 0);
	assert_int_equal(hear_all(v), 1);
	assert_sees_the_screen(v);
	ack(v, v->seq);
	viewer_destroy(twin);
	fill(70, 10, 8, 16, 0x654321); /* it goes on by itself */
	assert_int_equal(hear_all(v), 1);
	assert_sees_the_screen(v);
}

static void test_an_echo_has_the_newest_of_all_that_has_changed(void **state)
{
	struct viewer *v = *state, *twin = join(v, 2);

	SAY(v, "\x03\x01\x1e\x00");
	fill(70, 10, 8, 16, 1);
	fill(2, 10, 8, 16, 2);
	fill(70, 10, 8, 16, 3);
	assert_int_equal(hear(twin), STREAM_ECHO);
	see_echo(twin);
	assert_int_equal(twin->picture.pixels[10 * WIDTH + 70], 3);
	assert_int_equal(twin->picture.pixels[10 * WIDTH + 2], 2);
	assert_int_equal(hear(twin), 0);
	viewer_destroy(twin);
}

/* It may be behind what that frame has there already, and is over when it is complete. */
static void test_an_echo_in_the_middle_of_a_frame_is_of_that_one(void **state)
{
	struct viewer *v = *state, *twin;
	struct random random = { 12 };

	twin = join(v, 2);
	assert_int_equal(capture_fake_resize(capture, 900, 300), 0);
	make_noise(&random, 900, 300);
	while (hear(v) != STREAM_SCREEN)
		;
	take_screen(v);
	assert_int_equal(hear(v), STREAM_FRAME);
	paint(v);
	assert_true(v->more);
	SAY(v, "\x03\x01\x1e\x00");
	fill(890, 290, 5, 5, 0x123456);
	assert_int_equal(hear(twin), STREAM_ECHO);
	assert_memory_equal(twin->bytes + 1, &v->seq, 4);
	viewer_destroy(twin);
}

/*
 * What an echo has shown has to go away again, though the viewer's picture has been right all the
 * time.
 */
static void test_what_only_an_echo_has_shown_is_painted_over(void **state)
{
	struct viewer *v = *state, *twin = join(v, 2);

	SAY(v, "\x03\x01\x1e\x00");
	fill(70, 10, 8, 16, 0x123456);
	assert_int_equal(hear_all(v), 1);
	ack(v, v->seq);
	fill(70, 10, 8, 16, 0xffffff);
	assert_int_equal(hear(twin), STREAM_ECHO);
	see_echo(twin);
	assert_int_equal(twin->picture.pixels[10 * WIDTH + 70], 0xffffff);
	fill(70, 10, 8, 16, 0x123456);
	assert_int_equal(hear_all(v), 1);
	assert_true(v->picture.filled >= 8 * 16);
	assert_sees_the_screen(v);
	viewer_destroy(twin);
}

/* --- a page with two connections, of which either may be late --- */

#define N_MESSAGES 256

struct queue {
	struct {
		uint8_t *bytes;
		size_t n;
	} messages[N_MESSAGES];
	size_t first, end;
};

static void queue_put(struct queue *self, const struct viewer *from)
{
	size_t at = self->end++ % N_MESSAGES;

	assert_true(self->end - self->first <= N_MESSAGES);
	self->messages[at].bytes = (uint8_t *)mem_dup(from->bytes, from->n);
	self->messages[at].n = from->n;
}

/* For the page to look at; false: there is none. */
static bool queue_take(struct queue *self, struct viewer *to)
{
	static uint8_t *bytes;
	size_t at = self->first % N_MESSAGES;

	free(TAKE_PTR(bytes));
	if (self->first == self->end)
		return false;
	self->first++;
	to->bytes = bytes = TAKE_PTR(self->messages[at].bytes);
	to->n = self->messages[at].n;
	return true;
}

/* What paints on a canvas beside its picture. */
struct page {
	struct viewer *v, *twin;
	struct queue frames, echoes;
	uint32_t canvas[WIDTH * HEIGHT];
	uint32_t whole; /* seq of the newest frame that is */
};

#define UNTOUCHED 0xff000000

/* Of the picture to come those pixels that its operations paint, if only with what was there. */
static void paint_canvas(struct page *self, const struct inflater *operations)
{
	const struct picture *picture = &self->v->picture;
	struct picture copy = { 0 };

	assert_int_equal(picture_resize(&copy, WIDTH, HEIGHT), 0);
	for (size_t i = 0; i < STREAM_SLOTS; i++) {
		const struct picture_slot *slot = &picture->slots[i];

		if (!slot->width)
			continue;
		copy.slots[i] = *slot;
		copy.slots[i].pixels = (uint32_t *)mem_dup(
			slot->pixels, (size_t)slot->width * slot->height * sizeof(uint32_t));
	}
	for (size_t i = 0; i < WIDTH * HEIGHT; i++)
		copy.pixels[i] = UNTOUCHED;
	assert_int_equal(picture_apply(&copy, operations->bytes, operations->n), 0);
	for (size_t i = 0; i < WIDTH * HEIGHT; i++) {
		if (copy.pixels[i] != UNTOUCHED)
			self->canvas[i] = copy.pixels[i];
	}
	picture_finish(&copy);
}

static bool see_frame(struct page *self)
{
	struct viewer *v = self->v;
	struct inflater *inflater;
	unsigned flags;
	size_t header;

	if (!queue_take(&self->frames, v))
		return false;
	flags = v->bytes[1];
	header = flags & STREAM_TIMES ? STREAM_FRAME_HEADER_MAX : STREAM_FRAME_HEADER_SIZE;
	inflater = &v->inflaters[flags >> 2];
	memcpy(&v->seq, v->bytes + 2, sizeof(v->seq));
	inflater_take(inflater, v->bytes + header, v->n - header);
	paint_canvas(self, inflater);
	assert_int_equal(picture_apply(&v->picture, inflater->bytes, inflater->n), 0);
	if (flags & STREAM_MORE)
		return true;
	self->whole = v->seq;
	ack(v, v->seq);
	return true;
}

static bool see_late_echo(struct page *self)
{
	uint32_t seq;

	if (!queue_take(&self->echoes, self->twin))
		return false;
	seq = see_echo(self->twin);
	if (seq > self->whole)
		paint_canvas(self, &self->twin->inflaters[0]);
	return true;
}

static void take_what_is_due(struct page *self, bool frames)
{
	unsigned type = hear(frames ? self->v : self->twin);

	if (type == STREAM_FRAME)
		queue_put(&self->frames, self->v);
	else if (type == STREAM_ECHO)
		queue_put(&self->echoes, self->twin);
	else
		assert_true(type == 0 || type == STREAM_TWIN);
}

static bool is_right(const struct page *self)
{
	const struct scene *scene = desktop_scene(host.desktop);

	for (size_t i = 0; i < WIDTH * HEIGHT; i++) {
		if (self->canvas[i] != (scene->pixels[i] & COLOUR))
			return false;
	}
	return true;
}

static void do_something(struct page *self, struct random *random)
{
	switch (random_below(random, 8)) {
	case 0:
		SAY(self->v, "\x03\x01\x1e\x00");
		SAY(self->v, "\x03\x00\x1e\x00");
		break;
	case 1: /* few places and colours, so that what was there comes back */
	case 2:
	case 3:
		fill(8 * random_below(random, 3), 0, 8, 8, 1 + (uint32_t)random_below(random, 2));
		break;
	case 4:
	case 5:
		take_what_is_due(self, random_below(random, 2));
		break;
	case 6:
		see_frame(self);
		break;
	default:
		see_late_echo(self);
		break;
	}
}

static void see_all(struct page *self)
{
	do {
		take_what_is_due(self, true);
		take_what_is_due(self, false);
	} while (see_frame(self) || see_late_echo(self) || self->v->wanted || self->twin->wanted);
}

/* A frame may have to wait for its time. */
static void come_to_rest(struct page *self)
{
	usec_t deadline = clock_now() + 10 * USEC_PER_SEC;

	see_all(self);
	while (!is_right(self)) {
		assert_true(clock_now() < deadline);
		assert_true(sd_event_run(host.event, 10 * USEC_PER_MSEC) >= 0);
		see_all(self);
	}
}

static void test_whichever_is_late_the_canvas_is_right_at_rest(void **state)
{
	static struct page page;
	struct random random = { 22 };

	page = (struct page){ .v = *state };
	page.twin = join(page.v, 2);
	page.whole = page.v->seq;
	memcpy(page.canvas, page.v->picture.pixels, sizeof(page.canvas));
	for (unsigned rest = 0; rest < 200; rest++) {
		for (unsigned i = 0; i < 60; i++)
			do_something(&page, &random);
		come_to_rest(&page);
	}
	assert_true(page.echoes.end > 50);
	viewer_destroy(page.twin);
}

static void test_without_losses_or_consent_there_is_no_second_connection(void **state)
{
	struct viewer *v = *state, *w = viewer_create();
	unsigned type;

	sign_in_with(v, ",\"twin\":true");
	SAY(v, "\x03\x01\x1e\x00"); /* but nothing was lost */
	sign_in(w);
	w->loses_packets = true;
	SAY(w, "\x03\x01\x1e\x00");
	while ((type = hear(v)))
		assert_int_not_equal(type, STREAM_TWIN);
	while ((type = hear(w)))
		assert_int_not_equal(type, STREAM_TWIN);
	viewer_destroy(w);
}

static void test_what_is_typed_by_both_is_done_once(void **state)
{
	static const struct input_sink_impl impl = { .event = note, .flush = ignore_flush };
	struct input_sink sink = { .impl = &impl };
	struct viewer *v = *state, *twin = join(v, 3); /* of which the first has seen two */

	input_set_sink(desktop_input(host.desktop), &sink);
	pressed[0] = '\0';
	SAY(twin, "\x03\x01\x1e\x00"); /* 4: too early */
	assert_string_equal(pressed, "");
	SAY(v, "\x03\x01\x1f\x00"); /* 3 */
	SAY(v, "\x03\x01\x1e\x00"); /* 4 */
	assert_string_equal(pressed, "0+31 0+30 ");
	SAY(twin, "\x03\x00\x1e\x00"); /* 5 */
	SAY(twin, "\x03\x01\x1e\x00"); /* 6 */
	SAY(v, "\x03\x00\x1e\x00");
	SAY(v, "\x03\x01\x1e\x00");
	assert_string_equal(pressed, "0+31 0+30 0-30 0+30 ");
	/* What its viewer holds is its viewer's, and stays so. */
	viewer_destroy(twin);
	assert_string_equal(pressed, "0+31 0+30 0-30 0+30 ");
	SAY(v, "\x07");
	assert_string_equal(pressed, "0+31 0+30 0-30 0+30 0-30 0-31 ");
	input_set_sink(desktop_input(host.desktop), NULL);
}

static void test_a_second_connection_ends_with_the_first(void **state)
{
	struct viewer *v = viewer_create(), *twin = join(v, 2);

	(void)state;
	fill(70, 10, 8, 16, 1);
	hear_all(v);
	SAY(v, "\x55");
	assert_int_equal(v->closed, CLIENT_CLOSE_PROTOCOL);
	assert_int_equal(twin->closed, CLIENT_CLOSE_GOING_AWAY);
	assert_int_equal(hear(twin), 0);
	SAY(twin, "\x03\x01\x1e\x00");
	viewer_destroy(v);
	viewer_destroy(twin);
}

static void test_nobody_joins_without_the_key(void **state)
{
	struct viewer *v = *state, *twin = join(v, 2), *w = viewer_create();
	uint8_t message[21] = { STREAM_JOIN };

	memcpy(message + 1, v->bytes + 1, 16); /* used already */
	say(w, message, sizeof(message));
	assert_int_equal(w->closed, CLIENT_CLOSE_PROTOCOL);
	viewer_destroy(w);
	/* Nor by being in, and no picture goes this way. */
	say(v, message, sizeof(message));
	assert_int_equal(v->closed, CLIENT_CLOSE_PROTOCOL);
	viewer_destroy(twin);
}

static void test_a_second_connection_only_brings_input(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} cases[] = { { "\x02\x01\0\0\0\0\0\0\0", 9 }, { "\x08\0\0\0\0", 5 },
		{ "\x01{\"version\":2,\"pin\":\"0\"}", 24 }, { "\x03\x01", 2 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct viewer *v = viewer_create(), *twin = join(v, 2);

		say(twin, cases[i].bytes, cases[i].n);
		assert_int_equal(twin->closed, CLIENT_CLOSE_PROTOCOL);
		assert_int_equal(v->closed, 0);
		viewer_destroy(twin);
		viewer_destroy(v);
	}
}

static json_int_t n_in_list(void)
{
	json_t *list = client_list_to_json(&host);
	json_int_t n = (json_int_t)json_array_size(list);

	json_decref(list);
	return n;
}

static void test_a_second_connection_is_no_second_viewer(void **state)
{
	struct viewer *v = *state, *twin = join(v, 2);

	assert_int_equal(n_in_list(), 1);
	assert_true(client_is_signed_in(twin->client));
	assert_int_equal(n_viewers_changed, 2); /* so that it no longer counts as a stranger */
	viewer_destroy(twin);
	assert_int_equal(n_in_list(), 1);
}

/* --- what is counted --- */

static json_int_t counted(const json_t *viewer, const char *key)
{
	assert_true(json_is_integer(json_object_get(viewer, key)));
	return json_integer_value(json_object_get(viewer, key));
}

static void test_what_goes_and_comes_is_counted(void **state)
{
	struct viewer *v = *state;
	json_t *list, *viewer;
	size_t n_down = 0, left_out = 1;

	sign_in(v);
	while (hear(v)) {
		n_down += v->n;
		if (v->bytes[0] == STREAM_SCREEN)
			take_screen(v);
		if (v->bytes[0] == STREAM_FRAME)
			paint(v);
	}
	SAY(v, "\x03\x01\x1e\x00");
	ack(v, v->seq);
	list = client_stats_to_json(&host, &left_out);
	assert_int_equal(left_out, 0);
	assert_int_equal(json_array_size(list), 1);
	viewer = json_array_get(list, 0);
	assert_int_equal(counted(viewer, "id"), client_id(v->client));
	assert_int_equal(counted(viewer, "frames"), 1);
	assert_int_equal(counted(viewer, "acknowledged"), 1);
	assert_int_equal(counted(viewer, "inputs"), 1);
	assert_int_equal(counted(viewer, "bytes_down"), n_down);
	assert_true(counted(viewer, "bytes_up") >= 4 + 5);
	assert_true(counted(viewer, "pixels") >= WIDTH * HEIGHT);
	assert_int_equal(host.stats.counters.bytes_down, n_down);
	json_decref(list);
}

static void test_of_very_many_viewers_some_are_only_counted(void **state)
{
	struct viewer *viewers[STATS_VIEWERS_MAX + 2];
	struct viewer *stranger = viewer_create();
	size_t left_out = 0;
	json_t *list;

	(void)state; /* is one more that has not signed in */
	for (size_t i = 0; i < ARRAY_SIZE(viewers); i++) {
		viewers[i] = viewer_create();
		sign_in(viewers[i]);
	}
	list = client_stats_to_json(&host, &left_out);
	assert_int_equal(json_array_size(list), STATS_VIEWERS_MAX);
	assert_int_equal(left_out, 2);
	json_decref(list);
	for (size_t i = 0; i < ARRAY_SIZE(viewers); i++)
		viewer_destroy(viewers[i]);
	viewer_destroy(stranger);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(signing_in_brings_welcome_status_screen_and_frame),
		TEST(refusal_is_told_before_the_close),
		TEST(other_version_and_full_house_are_refused),
		TEST(leaving_in_the_middle_cancels_the_try),
		TEST(messages_out_of_turn_end_the_connection),
		TEST(nonsense_acks_end_only_that_viewer),
		TEST(slow_viewer_has_one_frame_in_flight_and_gets_the_newest),
		TEST(viewer_that_paints_nothing_is_closed_in_the_end),
		TEST(ack_that_is_read_late_was_not_sent_late),
		TEST(at_rest_no_time_limit_wakes_us_up),
		TEST(last_piece_of_a_frame_tells_where_its_time_went),
		TEST(typed_character_costs_at_most_140_bytes),
		TEST(unchanged_damage_sends_nothing),
		TEST(large_frame_comes_in_pieces_with_one_seq),
		TEST(ack_of_a_frame_that_is_not_complete_is_nonsense),
		TEST(new_screen_in_the_middle_of_a_frame),
		TEST(largest_screen_is_one_and_so_is_the_smallest_after_it),
		TEST(picture_that_goes_away_ends_an_open_frame),
		TEST(status_and_cursor_reach_those_who_are_in),
		TEST(status_page_works_with_no_display),
		TEST(what_a_viewer_holds_is_released_when_it_leaves),
		TEST(list_has_those_who_are_in),
		TEST(what_changes_comes_by_both_connections),
		TEST(an_echo_has_the_newest_of_all_that_has_changed),
		TEST(an_echo_in_the_middle_of_a_frame_is_of_that_one),
		TEST(what_only_an_echo_has_shown_is_painted_over),
		TEST(whichever_is_late_the_canvas_is_right_at_rest),
		TEST(without_losses_or_consent_there_is_no_second_connection),
		TEST(what_is_typed_by_both_is_done_once),
		TEST(a_second_connection_ends_with_the_first),
		TEST(nobody_joins_without_the_key),
		TEST(a_second_connection_only_brings_input),
		TEST(a_second_connection_is_no_second_viewer),
		TEST(what_goes_and_comes_is_counted),
		TEST(of_very_many_viewers_some_are_only_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
