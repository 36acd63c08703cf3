/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/capture/segment.h"

#include <stdlib.h>
#include <xcb/xcb.h>

#include "unit/fds.h"
#include "unit/test.h"
#include "unit/x-server.h"

#define SIZE ((size_t)1 << 20)

static struct x_server server;

static int start(void **state)
{
	(void)state;
	x_server_start(&server, 64, 64);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	x_server_stop(&server);
	return 0;
}

static xcb_connection_t *connect_with_shm(void)
{
	xcb_connection_t *c = x_server_connect(&server);
	const xcb_query_extension_reply_t *shm = xcb_get_extension_data(c, &xcb_shm_id);

	assert_true(shm && shm->present);
	return c;
}

static void the_server_attaches_it_and_no_descriptor_stays(void **state)
{
	struct segment segment = { 0 };
	xcb_connection_t *c = connect_with_shm();
	unsigned n = fds_count();
	xcb_void_cookie_t attach;
	xcb_generic_error_t *error;

	(void)state;
	assert_int_equal(segment_init(&segment, c, SIZE, &attach), 0);
	error = xcb_request_check(c, attach);
	assert_null(error);
	assert_int_equal(fds_count(), n);
	segment_finish(&segment, c);
	xcb_disconnect(c);
}

/* libxcb forgets those that it could not send. */
static void of_a_server_that_has_died_no_descriptor_stays(void **state)
{
	struct segment segment = { 0 };
	xcb_connection_t *c = connect_with_shm();
	unsigned n = fds_count();
	xcb_void_cookie_t attach;

	(void)state;
	x_server_kill(&server);
	segment_init(&segment, c, SIZE, &attach);
	segment_finish(&segment, c);
	xcb_flush(c);
	assert_true(xcb_connection_has_error(c));
	xcb_disconnect(c);
	assert_int_equal(fds_count(), n - 1);
}

/* It knows already. */
static void of_a_connection_that_is_dead_no_descriptor_stays(void **state)
{
	struct segment segment = { 0 };
	xcb_connection_t *c = connect_with_shm();
	unsigned n = fds_count();
	xcb_void_cookie_t attach;

	(void)state;
	x_server_kill(&server);
	while (!xcb_connection_has_error(c))
		free(xcb_wait_for_event(c));
	segment_init(&segment, c, SIZE, &attach);
	segment_finish(&segment, c);
	xcb_disconnect(c);
	assert_int_equal(fds_count(), n - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_server_attaches_it_and_no_descriptor_stays, start, stop),
		cmocka_unit_test_setup_teardown(
			of_a_server_that_has_died_no_descriptor_stays, start, stop),
		cmocka_unit_test_setup_teardown(
			of_a_connection_that_is_dead_no_descriptor_stays, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
