/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/xcb-source.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/sys.h"
#include "loop/xcb-connect.h"
#include "loop/xcb-ping.h"
#include "unit/test.h"
#include "unit/x-server.h"

struct fixture {
	struct x_server server;
	sd_event *event;
	struct xcb_source *source;
	xcb_connection_t *c; /* the source's */
	xcb_window_t root;
	unsigned n_events;
	unsigned n_errors;
	unsigned n_replies;
	unsigned n_reply_errors;
	bool broken;
	bool destroy_in_callback;
	unsigned n_connected;
	int connect_error, screen;
	xcb_connection_t *other; /* of a connecting's */
	unsigned n_pings;
	bool answers; /* the last one's news */
};

static void handle_reply(void *data, const void *reply, const xcb_generic_error_t *error)
{
	struct fixture *f = data;

	f->n_replies += !error;
	f->n_reply_errors += !!error;
	(void)reply;
}

static void handle_event(void *data, const xcb_generic_event_t *event)
{
	struct fixture *f = data;

	if (event->response_type == 0)
		f->n_errors++;
	else
		f->n_events++;
	if (f->destroy_in_callback) {
		xcb_source_destroy(f->source);
		f->source = NULL;
	}
}

static void handle_broken(void *data)
{
	struct fixture *f = data;

	f->broken = true;
	xcb_source_destroy(f->source);
	f->source = NULL;
}

static const struct xcb_source_events events = {
	.event = handle_event,
	.broken = handle_broken,
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	x_server_start(&f->server, 640, 480);
	assert_int_equal(sd_event_new(&f->event), 0);
	f->c = x_server_connect(&f->server);
	f->root = xcb_setup_roots_iterator(xcb_get_setup(f->c)).data->root;
	assert_int_equal(xcb_source_create(&f->source, f->event, f->c, &events, f), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	xcb_source_destroy(f->source);
	sd_event_unref(f->event);
	x_server_stop(&f->server);
	free(f);
	return 0;
}

/* Runs the loop until @what holds, for 10 s at most. */
#define run_until(f, what)                                                                     \
	do {                                                                                   \
		usec_t deadline_ = clock_now() + 10 * USEC_PER_SEC;                            \
		while (!(what)) {                                                              \
			assert_true(clock_now() < deadline_);                                  \
			assert_true(sd_event_run((f)->event, 100 * USEC_PER_MSEC) >= 0);       \
		}                                                                              \
	} while (0)

static void watch_root(struct fixture *f)
{
	static const uint32_t mask = XCB_EVENT_MASK_PROPERTY_CHANGE;

	xcb_change_window_attributes(f->c, f->root, XCB_CW_EVENT_MASK, &mask);
}

static void touch_property(struct fixture *f)
{
	xcb_change_property(f->c, XCB_PROP_MODE_REPLACE, f->root, XCB_ATOM_WM_NAME,
		XCB_ATOM_STRING, 8, 1, "x");
}

static void test_replies_and_errors_reach_their_callbacks(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 100; i++)
		xcb_source_await(f->source, xcb_get_input_focus(f->c).sequence, handle_reply, f);
	xcb_source_await(
		f->source, xcb_get_geometry(f->c, 0xdead).sequence, handle_reply, f);
	run_until(f, f->n_replies == 100 && f->n_reply_errors == 1);
}

static void test_checked_requests_tell_success_and_error(void **state)
{
	struct fixture *f = *state;

	xcb_source_await_check(
		f->source, xcb_map_window_checked(f->c, 0xdead), handle_reply, f);
	xcb_source_await_check(f->source, xcb_no_operation_checked(f->c), handle_reply, f);
	run_until(f, f->n_replies == 1 && f->n_reply_errors == 1);
}

static void test_errors_of_unchecked_requests_are_events(void **state)
{
	struct fixture *f = *state;

	xcb_map_window(f->c, 0xdead);
	run_until(f, f->n_errors == 1);
}

static void test_events_that_a_blocking_call_read_are_dispatched(void **state)
{
	struct fixture *f = *state;

	watch_root(f);
	touch_property(f);
	/* Reads the event into libxcb's queue: the descriptor stays silent afterwards. */
	free(xcb_get_input_focus_reply(f->c, xcb_get_input_focus(f->c), NULL));
	run_until(f, f->n_events == 1);
}

static void test_replies_that_a_blocking_call_read_are_dispatched(void **state)
{
	struct fixture *f = *state;

	xcb_source_await(f->source, xcb_get_input_focus(f->c).sequence, handle_reply, f);
	free(xcb_get_input_focus_reply(f->c, xcb_get_input_focus(f->c), NULL));
	run_until(f, f->n_replies == 1);
}

static void test_forgotten_callbacks_are_not_called(void **state)
{
	struct fixture *f = *state;
	unsigned other;

	xcb_source_await(
		f->source, xcb_get_input_focus(f->c).sequence, handle_reply, &other);
	xcb_source_forget(f->source, &other);
	xcb_source_await(f->source, xcb_get_input_focus(f->c).sequence, handle_reply, f);
	run_until(f, f->n_replies == 1);
}

static void test_source_may_be_destroyed_in_its_callback(void **state)
{
	struct fixture *f = *state;

	f->destroy_in_callback = true;
	watch_root(f);
	touch_property(f);
	touch_property(f);
	xcb_source_await(f->source, xcb_get_input_focus(f->c).sequence, handle_reply, f);
	run_until(f, !f->source);
	assert_int_equal(f->n_events, 1);
	assert_int_equal(f->n_replies, 0);
}

static void test_end_of_the_server_is_told_once(void **state)
{
	struct fixture *f = *state;

	xcb_source_await(f->source, xcb_get_input_focus(f->c).sequence, handle_reply, f);
	xcb_source_flush(f->source);
	x_server_kill(&f->server);
	run_until(f, f->broken);
}

static void kill_server(void *data, const void *reply, const xcb_generic_error_t *error)
{
	struct fixture *f = data;

	handle_reply(data, reply, error);
	for (int i = 0; i < 2; i++)
		xcb_source_await(
			f->source, xcb_get_input_focus(f->c).sequence, handle_reply, f);
	x_server_kill(&f->server);
}

/* Looking for the first finds the server dead, and of the next libxcb says that it is there. */
static void test_replies_that_will_never_come_are_not_told(void **state)
{
	struct fixture *f = *state;

	xcb_source_await(f->source, xcb_get_input_focus(f->c).sequence, kill_server, f);
	run_until(f, f->broken);
	assert_int_equal(f->n_replies, 1);
	assert_int_equal(f->n_reply_errors, 0);
}

static void test_server_that_does_not_read_is_noticed_and_never_blocks(void **state)
{
	struct fixture *f = *state;
	unsigned n = 0;

	kill(f->server.pid, SIGSTOP);
	while (!xcb_source_is_stalled(f->source) && n < 100000) {
		xcb_no_operation(f->c);
		xcb_source_flush(f->source);
		n++;
	}
	assert_true(xcb_source_is_stalled(f->source));
	xcb_source_await(f->source, xcb_get_input_focus(f->c).sequence, handle_reply, f);
	assert_true(sd_event_run(f->event, 20 * USEC_PER_MSEC) >= 0);
	assert_int_equal(f->n_replies, 0);
	kill(f->server.pid, SIGCONT);
	run_until(f, f->n_replies == 1);
	assert_false(xcb_source_is_stalled(f->source));
}

static void test_idle_source_sleeps(void **state)
{
	struct fixture *f = *state;

	xcb_source_await(f->source, xcb_get_input_focus(f->c).sequence, handle_reply, f);
	run_until(f, f->n_replies == 1);
	while (sd_event_run(f->event, 0) > 0)
		;
	assert_int_equal(sd_event_run(f->event, 50 * USEC_PER_MSEC), 0);
}

static void test_connecting_needs_display_cookie_and_server(void **state)
{
	struct fixture *f = *state;
	xcb_connection_t *c = NULL;
	char empty[128];

	assert_int_equal(xcb_connect_file("nonsense", NULL, &c, NULL), -EINVAL);
	assert_int_equal(
		xcb_connect_file(f->server.display, "/nonexistent", &c, NULL), -ENOENT);
	assert_int_equal(
		xcb_connect_file(":54321", f->server.authority, &c, NULL), -ECONNREFUSED);
	snprintf(empty, sizeof(empty), "%s/empty", f->server.directory);
	assert_int_equal(sys_save_file(empty, "", 0, SYS_SAVE_NEW), 0);
	assert_int_equal(
		xcb_connect_file(f->server.display, empty, &c, NULL), -EACCES);
	assert_null(c);
}

/* A server that accepts connections and says nothing, as one does that is stopped. */
static void test_a_silent_server_is_waited_for_within_a_limit(void **state)
{
	struct fixture *f = *state;
	xcb_connection_t *c = NULL;
	usec_t begin = clock_now();

	kill(f->server.pid, SIGSTOP);
	assert_int_equal(
		xcb_connect_file(f->server.display, f->server.authority, &c, NULL), -ETIMEDOUT);
	assert_true(clock_now() - begin < 7 * USEC_PER_SEC);
	kill(f->server.pid, SIGCONT);
	assert_int_equal(xcb_connect_file(f->server.display, f->server.authority, &c, NULL), 0);
	xcb_disconnect(c);
}

static void handle_connected(void *data, int error, xcb_connection_t *c, int screen)
{
	struct fixture *f = data;

	f->n_connected++;
	f->connect_error = error;
	f->screen = screen;
	f->other = c;
}

static int connect_start(struct fixture *f, struct xcb_connecting **ret, usec_t limit)
{
	return xcb_connect_start(ret, f->event, f->server.display, f->server.authority, limit,
		handle_connected, f);
}

static void test_connecting_never_waits(void **state)
{
	struct fixture *f = *state;
	struct xcb_connecting *connecting;
	usec_t begin;

	kill(f->server.pid, SIGSTOP);
	begin = clock_now();
	assert_int_equal(connect_start(f, &connecting, 50 * USEC_PER_MSEC), 0);
	assert_true(clock_now() - begin < USEC_PER_SEC);
	assert_int_equal(f->n_connected, 0);
	run_until(f, f->n_connected == 1);
	assert_int_equal(f->connect_error, -ETIMEDOUT);
	assert_null(f->other);

	assert_int_equal(connect_start(f, &connecting, 10 * USEC_PER_SEC), 0);
	xcb_connect_cancel(connecting);
	assert_int_equal(connect_start(f, &connecting, 10 * USEC_PER_SEC), 0);
	kill(f->server.pid, SIGCONT);
	run_until(f, f->n_connected == 2);
	assert_int_equal(f->connect_error, 0);
	assert_int_equal(f->screen, 0);
	/* It is a connection like any other. */
	assert_int_equal(xcb_setup_roots_iterator(xcb_get_setup(f->other)).data->root, f->root);
	xcb_map_window(f->other, 0xdead);
	free(xcb_get_input_focus_reply(f->other, xcb_get_input_focus(f->other), NULL));
	assert_int_equal(xcb_connection_has_error(f->other), 0);
	xcb_disconnect(f->other);
}

static void test_the_end_of_a_server_before_its_greeting_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct xcb_connecting *connecting;

	kill(f->server.pid, SIGSTOP);
	assert_int_equal(connect_start(f, &connecting, 10 * USEC_PER_SEC), 0);
	x_server_kill(&f->server);
	run_until(f, f->n_connected == 1);
	assert_int_equal(f->connect_error, -ECONNREFUSED);
	run_until(f, f->broken);
}

static void handle_ping(void *data, bool answers)
{
	struct fixture *f = data;

	f->n_pings++;
	f->answers = answers;
}

/* SUP-08 */
static void test_a_ping_tells_whether_the_server_answers_in_time(void **state)
{
	struct fixture *f = *state;
	struct xcb_ping ping = { 0 };

	assert_true(xcb_ping_start(
			    &ping, f->event, f->source, 5 * USEC_PER_SEC, handle_ping, f) >= 0);
	assert_true(xcb_ping_waits(&ping));
	assert_int_equal(f->n_pings, 0);
	run_until(f, f->n_pings == 1);
	assert_true(f->answers);
	assert_false(xcb_ping_waits(&ping));

	kill(f->server.pid, SIGSTOP);
	xcb_ping_start(&ping, f->event, f->source, 50 * USEC_PER_MSEC, handle_ping, f);
	run_until(f, f->n_pings == 2);
	assert_false(f->answers);

	/* The answer to the last one comes, and is nobody's. */
	xcb_ping_start(&ping, f->event, f->source, USEC_NEVER, handle_ping, f);
	assert_int_equal(sd_event_run(f->event, 50 * USEC_PER_MSEC), 0);
	kill(f->server.pid, SIGCONT);
	run_until(f, f->n_pings == 3);
	assert_true(f->answers);

	xcb_ping_start(&ping, f->event, f->source, 50 * USEC_PER_MSEC, handle_ping, f);
	xcb_ping_cancel(&ping);
	xcb_ping_start(&ping, f->event, NULL, 5 * USEC_PER_SEC, handle_ping, f);
	assert_int_equal(f->n_pings, 3);
	run_until(f, f->n_pings == 4);
	assert_false(f->answers);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(replies_and_errors_reach_their_callbacks),
		TEST(checked_requests_tell_success_and_error),
		TEST(errors_of_unchecked_requests_are_events),
		TEST(events_that_a_blocking_call_read_are_dispatched),
		TEST(replies_that_a_blocking_call_read_are_dispatched),
		TEST(forgotten_callbacks_are_not_called),
		TEST(source_may_be_destroyed_in_its_callback),
		TEST(replies_that_will_never_come_are_not_told),
		TEST(end_of_the_server_is_told_once),
		TEST(server_that_does_not_read_is_noticed_and_never_blocks),
		TEST(idle_source_sleeps),
		TEST(connecting_needs_display_cookie_and_server),
		TEST(a_silent_server_is_waited_for_within_a_limit),
		TEST(connecting_never_waits),
		TEST(the_end_of_a_server_before_its_greeting_is_an_error),
		TEST(a_ping_tells_whether_the_server_answers_in_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
