/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/ready-line.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/keeper-socket.h"
#include "base/mem.h"
#include "base/sys.h"
#include "supervisor/keeper.h"
#include "unit/test.h"

struct fixture {
	sd_event *event;
	struct ready_line ready;
	int fd;
	unsigned n_lines;
	char line[READY_LINE_MAX];
};

static void handle_line(void *data, const char *line)
{
	struct fixture *f = data;

	f->n_lines++;
	snprintf(f->line, sizeof(f->line), "%s", line);
}

static int begin(void **state)
{
	struct fixture *f = xnew(struct fixture);

	assert_true(sd_event_new(&f->event) >= 0);
	assert_int_equal(ready_line_open(&f->ready, f->event, NULL, "line", &f->fd, handle_line, f), 0);
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	ready_line_close(&f->ready);
	fd_close(f->fd);
	sd_event_unref(f->event);
	free(f);
	return 0;
}

static void say(struct fixture *f, const char *text, size_t n)
{
	assert_int_equal(sys_write_all(f->fd, text, n), 0);
	while (sd_event_run(f->event, 0) > 0)
		;
}

/* As X servers do. */
static void test_number_and_newline_may_come_apart(void **state)
{
	struct fixture *f = *state;

	say(f, "2", 1);
	say(f, "0", 1);
	assert_int_equal(f->n_lines, 0);
	say(f, "\n", 1);
	assert_int_equal(f->n_lines, 1);
	assert_string_equal(f->line, "20");
	assert_null(f->ready.source);
}

static void test_only_the_first_line_counts(void **state)
{
	struct fixture *f = *state;

	say(f, "unix:path=/run/bus\n4711\n", 24);
	assert_int_equal(f->n_lines, 1);
	assert_string_equal(f->line, "unix:path=/run/bus");
}

static void test_a_pipe_that_closes_early_is_no_line(void **state)
{
	struct fixture *f = *state;

	say(f, "half", 4);
	f->fd = fd_close(f->fd);
	while (sd_event_run(f->event, 0) > 0)
		;
	assert_int_equal(f->n_lines, 0);
	assert_null(f->ready.source);
}

/* A keeper as the guard makes one for the next supervisor: with the reading end of a pipe. */
static struct keeper *keep(int fd)
{
	struct keeper_message message = { .type = KEEPER_HELD, .name = "line" };
	struct keeper *keeper;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(keeper_socket_send(fds[0], &message, fd), 0);
	message = (struct keeper_message){ .type = KEEPER_BEGIN };
	assert_int_equal(keeper_socket_send(fds[0], &message, -1), 0);
	assert_int_equal(keeper_open(&keeper, fds[1]), 0);
	close(fds[0]);
	return keeper;
}

/* SUP-12: who was killed had read it, and nobody knows what he made of it. */
static void test_a_line_that_was_read_before_us_is_one_all_the_same(void **state)
{
	static const char *const rests[] = { "", "\n", "0\n" };

	for (size_t i = 0; i < ARRAY_SIZE(rests); i++) {
		struct fixture *f = *state;
		struct ready_line ready = { 0 };
		struct keeper *keeper;
		int fds[2];

		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		keeper = keep(fds[0]);
		close(fds[0]);
		f->n_lines = 0;
		assert_int_equal(
			ready_line_adopt(&ready, f->event, keeper, "line", handle_line, f), 0);
		assert_int_equal(sys_write_all(fds[1], rests[i], strlen(rests[i])), 0);
		close(fds[1]);
		while (sd_event_run(f->event, 0) > 0)
			;
		assert_int_equal(f->n_lines, 1);
		ready_line_close(&ready);
		keeper_destroy(keeper);
	}
}

static void test_a_flood_without_a_newline_ends_the_wait(void **state)
{
	struct fixture *f = *state;
	char text[READY_LINE_MAX * 4];

	memset(text, 'x', sizeof(text));
	say(f, text, sizeof(text));
	assert_int_equal(f->n_lines, 0);
	assert_null(f->ready.source);
}

static void test_closing_twice_or_what_was_never_open_is_safe(void **state)
{
	struct fixture *f = *state;
	struct ready_line never = { 0 };

	ready_line_close(&f->ready);
	ready_line_close(&f->ready);
	ready_line_close(&never);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_number_and_newline_may_come_apart),
		TEST(test_only_the_first_line_counts),
		TEST(test_a_pipe_that_closes_early_is_no_line),
		TEST(test_a_line_that_was_read_before_us_is_one_all_the_same),
		TEST(test_a_flood_without_a_newline_ends_the_wait),
		TEST(test_closing_twice_or_what_was_never_open_is_safe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
