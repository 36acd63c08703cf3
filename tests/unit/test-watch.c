/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/contract/watch.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xcb/randr.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/proc.h"
#include "loop/x-socket.h"
#include "unit/test.h"
#include "unit/x-server.h"

#define MAX_WIDTH 1600
#define MAX_HEIGHT 1200
/* Instead of half a minute. */
#define LIMIT_USEC (4 * USEC_PER_SEC)

/* A display that has a few sizes, of which one is the largest. */
struct display {
	struct x_server server;
	xcb_connection_t *c;
	xcb_window_t root;
	xcb_randr_output_t output;
	xcb_randr_crtc_t crtc;
	xcb_randr_mode_t largest;
};

static void display_start(struct display *self)
{
	xcb_randr_get_screen_resources_reply_t *resources;

	x_server_start(&self->server, MAX_WIDTH, MAX_HEIGHT);
	self->c = x_server_connect(&self->server);
	self->root = xcb_setup_roots_iterator(xcb_get_setup(self->c)).data->root;
	free(xcb_randr_query_version_reply(self->c, xcb_randr_query_version(self->c, 1, 2), NULL));
	resources = xcb_randr_get_screen_resources_reply(
		self->c, xcb_randr_get_screen_resources(self->c, self->root), NULL);
	assert_non_null(resources);
	self->output = xcb_randr_get_screen_resources_outputs(resources)[0];
	self->crtc = xcb_randr_get_screen_resources_crtcs(resources)[0];
	self->largest = xcb_randr_get_screen_resources_modes(resources)[0].id;
	free(resources);
}

static void display_stop(struct display *self)
{
	xcb_disconnect(self->c);
	x_server_stop(&self->server);
}

static xcb_randr_mode_t add_mode(struct display *self, unsigned width, unsigned height)
{
	xcb_randr_create_mode_reply_t *reply;
	xcb_randr_mode_t mode;
	char name[32];
	int n = snprintf(name, sizeof(name), "%ux%u", width, height);
	xcb_randr_mode_info_t info = {
		.width = (uint16_t)width,
		.height = (uint16_t)height,
		.dot_clock = 60000000,
		.htotal = 1000,
		.vtotal = 1000,
		.name_len = (uint16_t)n,
	};

	reply = xcb_randr_create_mode_reply(self->c,
		xcb_randr_create_mode(self->c, self->root, info, (uint32_t)n, name), NULL);
	assert_non_null(reply);
	mode = reply->mode;
	free(reply);
	xcb_randr_add_output_mode(self->c, self->output, mode);
	return mode;
}

static void set_mode(struct display *self, xcb_randr_mode_t mode, unsigned width, unsigned height)
{
	xcb_randr_set_crtc_config_reply_t *reply;

	free(xcb_randr_set_crtc_config_reply(self->c,
		xcb_randr_set_crtc_config(self->c, self->crtc, XCB_CURRENT_TIME, XCB_CURRENT_TIME,
			0, 0, XCB_NONE, XCB_RANDR_ROTATION_ROTATE_0, 0, NULL),
		NULL));
	xcb_randr_set_screen_size(
		self->c, self->root, (uint16_t)width, (uint16_t)height, width / 2, height / 2);
	reply = xcb_randr_set_crtc_config_reply(self->c,
		xcb_randr_set_crtc_config(self->c, self->crtc, XCB_CURRENT_TIME, XCB_CURRENT_TIME,
			0, 0, mode, XCB_RANDR_ROTATION_ROTATE_0, 1, &self->output),
		NULL);
	assert_non_null(reply);
	assert_int_equal(reply->status, XCB_RANDR_SET_CONFIG_SUCCESS);
	free(reply);
}

static void assert_size(struct display *self, unsigned width, unsigned height)
{
	xcb_get_geometry_reply_t *now = xcb_get_geometry_reply(
		self->c, xcb_get_geometry(self->c, self->root), NULL);

	assert_non_null(now);
	assert_int_equal(now->width, width);
	assert_int_equal(now->height, height);
	free(now);
}

static unsigned width_mm(const struct display *self)
{
	xcb_connection_t *c = x_server_connect(&self->server);
	unsigned mm = xcb_setup_roots_iterator(xcb_get_setup(c)).data->width_in_millimeters;

	xcb_disconnect(c);
	return mm;
}

static pid_t start_watch(const struct display *self, long width, long height)
{
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL); /* or cmocka goes on with the tests here, too */
		setenv("DISPLAY", self->server.display, 1);
		setenv("XAUTHORITY", self->server.authority, 1);
		_exit(watch_resolution(width, height, LIMIT_USEC) == 0 ? 0 : 9);
	}
	return pid;
}

/* Until it has nothing to do but to wait. Whatever it still misses then is seen as it looks. */
static void await_rest(pid_t pid)
{
	struct proc_stat stat = { .state = 'R' };

	while (proc_stat_read(pid, &stat) == 0 && stat.state == 'R')
		sched_yield();
}

static int await_status(pid_t pid, int limit_msec)
{
	struct pollfd ended = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	int status;

	if (poll(&ended, 1, limit_msec) <= 0) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		fail_msg("it goes on watching");
	}
	close(ended.fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* WATCH-1, WATCH-3, CLI-15: a while without a change. Runs beside the others. */
static struct display quiet_display;
static pid_t quiet_watch;
static usec_t quiet_since;

static int begin_quiet(void **state)
{
	(void)state;
	display_start(&quiet_display);
	quiet_since = clock_now();
	quiet_watch = start_watch(&quiet_display, MAX_WIDTH, MAX_HEIGHT);
	return 0;
}

/* WATCH-1, WATCH-3 */
static void test_it_ends_after_its_time_of_half_a_minute(void **state)
{
	(void)state;
	assert_int_equal(WATCH_USEC, 30 * USEC_PER_SEC);
	assert_int_equal(await_status(quiet_watch, 40000), 0);
	assert_true(clock_now() - quiet_since >= LIMIT_USEC);
	assert_size(&quiet_display, MAX_WIDTH, MAX_HEIGHT);
	display_stop(&quiet_display);
}

/* WATCH-2: the switch comes before it looks, and while it waits. */
static void test_the_largest_size_is_undone_with_96_dpi(void **state)
{
	(void)state;
	for (int waiting = 0; waiting < 2; waiting++) {
		struct display display;
		xcb_randr_mode_t mode;
		pid_t pid = 0;

		display_start(&display);
		mode = add_mode(&display, 1024, 768);
		set_mode(&display, mode, 1024, 768);
		if (waiting) {
			pid = start_watch(&display, 1024, 768);
			await_rest(pid);
		}
		set_mode(&display, display.largest, MAX_WIDTH, MAX_HEIGHT);
		if (!waiting)
			pid = start_watch(&display, 1024, 768);
		assert_int_equal(await_status(pid, 10000), 0);
		assert_size(&display, 1024, 768);
		assert_int_equal(width_mm(&display), 270);
		display_stop(&display);
	}
}

/* WATCH-2 */
static void test_any_other_size_is_the_users_wish(void **state)
{
	(void)state;
	struct display display;
	xcb_randr_mode_t first, second;
	pid_t pid;

	display_start(&display);
	first = add_mode(&display, 1024, 768);
	second = add_mode(&display, 800, 600);
	set_mode(&display, first, 1024, 768);
	pid = start_watch(&display, 1024, 768);
	await_rest(pid);
	set_mode(&display, second, 800, 600);
	assert_int_equal(await_status(pid, 10000), 0);
	assert_size(&display, 800, 600);
	display_stop(&display);
}

static void test_a_display_that_goes_ends_it_and_one_that_is_not_there_is_an_error(void **state)
{
	(void)state;
	struct display display;
	pid_t pid;

	display_start(&display);
	pid = start_watch(&display, MAX_WIDTH, MAX_HEIGHT);
	await_rest(pid);
	x_server_kill(&display.server);
	assert_true(await_status(pid, 10000) >= 0);
	pid = start_watch(&display, 1024, 768);
	assert_int_equal(await_status(pid, 10000), 9);
	display_stop(&display);
	unsetenv("DISPLAY");
	assert_true(watch_resolution(1, 1, LIMIT_USEC) < 0);
}

/* Of another number, which is the display's from then on: beyond those that servers choose. */
static int listen_for(struct display *self)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int number = 40000 + getpid() % 20000, fd, n;

	n = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
		X_SOCKET_DIRECTORY "/X%d", number); /* in the abstract namespace */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1) + n),
		0);
	assert_int_equal(listen(fd, 1), 0);
	snprintf(self->server.display, sizeof(self->server.display), ":%d", number);
	return fd;
}

static void copy(int from, int to, size_t n)
{
	uint8_t *bytes = xalloc(n, 1);

	assert_int_equal(recv(from, bytes, n, MSG_WAITALL), n);
	assert_int_equal(send(to, bytes, n, MSG_NOSIGNAL), n);
	free(bytes);
}

/* Who connects gets the true server's greeting, and then the end of it. */
static void greet(int listener, unsigned number)
{
	int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	int server = x_socket_connect(number, NULL);
	uint8_t request[512];
	xcb_setup_failed_t head;
	ssize_t n;

	assert_true(client >= 0 && server >= 0);
	assert_int_equal(fcntl(server, F_SETFL, 0), 0);
	n = recv(client, request, sizeof(request), 0);
	assert_true(n > 0);
	assert_int_equal(send(server, request, (size_t)n, MSG_NOSIGNAL), n);
	assert_int_equal(recv(server, &head, sizeof(head), MSG_PEEK | MSG_WAITALL), sizeof(head));
	copy(server, client, sizeof(head) + 4 * (size_t)head.length);
	close(server);
	close(client);
}

static void test_a_display_that_goes_right_after_its_greeting_ends_it(void **state)
{
	(void)state;
	struct display display;
	unsigned real;
	int listener;
	pid_t pid;

	display_start(&display);
	assert_true(x_socket_parse_number(display.server.display + 1, &real));
	listener = listen_for(&display);
	pid = start_watch(&display, MAX_WIDTH, MAX_HEIGHT);
	greet(listener, real);
	close(listener);
	assert_int_equal(await_status(pid, 10000), 0);
	display_stop(&display);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_largest_size_is_undone_with_96_dpi),
		cmocka_unit_test(test_any_other_size_is_the_users_wish),
		cmocka_unit_test(
			test_a_display_that_goes_ends_it_and_one_that_is_not_there_is_an_error),
		cmocka_unit_test(test_a_display_that_goes_right_after_its_greeting_ends_it),
		cmocka_unit_test(test_it_ends_after_its_time_of_half_a_minute),
	};
	return cmocka_run_group_tests(tests, begin_quiet, NULL);
}
