/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/line-channel.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "unit/test.h"

#define LINE_MAX_TEST 16
#define QUEUE_MAX_TEST (512 * 1024)

/* A channel on one end of a socketpair, the other end in the test's hand. */
struct fixture {
	sd_event *event;
	struct line_channel *channel;
	int peer;
	char heard[256]; /* "line|line|" */
	size_t n_lines;
	bool ended;
	int error;
	bool destroy_on_line;
	bool destroy_on_end;
};

static void drop(struct fixture *f)
{
	line_channel_destroy(f->channel);
	f->channel = NULL;
}

static void handle_line(void *data, char *line, size_t n)
{
	struct fixture *f = data;
	size_t used = strlen(f->heard);

	assert_int_equal(line[n], '\0');
	snprintf(f->heard + used, sizeof(f->heard) - used, "%s|", line);
	f->n_lines++;
	if (f->destroy_on_line)
		drop(f);
}

static void handle_end(void *data, int error)
{
	struct fixture *f = data;

	assert_false(f->ended);
	f->ended = true;
	f->error = error;
	if (f->destroy_on_end)
		drop(f);
}

static int setup(void **state)
{
	static const struct line_channel_events events = { handle_line, handle_end };
	static const struct line_channel_limits limits = { LINE_MAX_TEST, QUEUE_MAX_TEST };
	struct fixture *f = xnew(struct fixture);
	int fds[2];

	assert_int_equal(sd_event_new(&f->event), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(
		line_channel_create(&f->channel, f->event, fds[0], &limits, &events, f), 0);
	f->peer = fds[1];
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	line_channel_destroy(f->channel);
	sd_event_unref(f->event);
	fd_close(f->peer);
	free(f);
	return 0;
}

/* Runs the loop until nothing is left to do. */
static void settle(struct fixture *f)
{
	int r;

	do {
		r = sd_event_run(f->event, 0);
		assert_true(r >= 0);
	} while (r > 0);
}

static void say(struct fixture *f, const char *text)
{
	assert_int_equal(write(f->peer, text, strlen(text)), strlen(text));
	settle(f);
}

static void test_lines_arrive_whole_however_they_are_cut(void **state)
{
	struct fixture *f = *state;

	say(f, "one\ntwo\nth");
	assert_string_equal(f->heard, "one|two|");
	say(f, "r");
	say(f, "ee");
	say(f, "\n\nfive\n");
	assert_string_equal(f->heard, "one|two|three||five|");
	assert_false(f->ended);
}

static void test_the_longest_line_fits_and_one_more_byte_ends_the_channel(void **state)
{
	struct fixture *f = *state;

	say(f, "123456789abcdef\n");
	assert_string_equal(f->heard, "123456789abcdef|");
	say(f, "123456789abcdefg\nlost\n");
	assert_int_equal(f->n_lines, 1);
	assert_true(f->ended);
	assert_int_equal(f->error, -EMSGSIZE);
}

static void test_a_line_without_an_end_is_not_awaited_for_ever(void **state)
{
	struct fixture *f = *state;

	say(f, "123456789abcdefg");
	assert_true(f->ended);
	assert_int_equal(f->error, -EMSGSIZE);
	assert_int_equal(line_channel_send(f->channel, "x\n", 2), -EPIPE);
}

static void test_the_peers_close_is_the_end(void **state)
{
	struct fixture *f = *state;

	say(f, "one\nhalf");
	f->peer = fd_close(f->peer);
	settle(f);
	assert_string_equal(f->heard, "one|");
	assert_true(f->ended);
	assert_int_equal(f->error, 0);
}

static void test_the_channel_may_be_destroyed_by_its_line(void **state)
{
	struct fixture *f = *state;

	f->destroy_on_line = true;
	say(f, "one\ntwo\n");
	assert_string_equal(f->heard, "one|");
	assert_null(f->channel);
	assert_false(f->ended);
}

static void test_the_channel_may_be_destroyed_by_its_end(void **state)
{
	struct fixture *f = *state;

	f->destroy_on_end = true;
	f->peer = fd_close(f->peer);
	settle(f);
	assert_true(f->ended);
	assert_null(f->channel);
}

static void test_a_peer_that_does_not_read_costs_no_more_than_the_queue(void **state)
{
	struct fixture *f = *state;
	char line[1024];
	size_t n_sent = 0;
	size_t n_read = 0;
	int r;

	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	while ((r = line_channel_send(f->channel, line, sizeof(line))) == 0)
		n_sent += sizeof(line);
	assert_int_equal(r, -ENOBUFS);
	assert_true(n_sent >= QUEUE_MAX_TEST);
	assert_true(n_sent < 8 * QUEUE_MAX_TEST);

	/* When it reads again, all that was queued comes, in whole lines. */
	while (n_read < n_sent) {
		ssize_t n;

		settle(f);
		n = read(f->peer, line, sizeof(line));
		assert_true(n > 0);
		assert_int_equal(memchr(line, '\n', (size_t)n) != NULL,
			(n_read + (size_t)n) / sizeof(line) > n_read / sizeof(line));
		n_read += (size_t)n;
	}
	assert_int_equal(line_channel_send(f->channel, line, sizeof(line)), 0);
	assert_false(f->ended);
}

static void test_sending_to_a_closed_peer_tells_the_end_from_the_loop(void **state)
{
	struct fixture *f = *state;

	f->peer = fd_close(f->peer);
	assert_int_equal(line_channel_send(f->channel, "x\n", 2), 0);
	assert_false(f->ended);
	settle(f);
	assert_true(f->ended);
	assert_int_equal(f->error, -EPIPE);
}

static void test_an_idle_channel_asks_for_nothing(void **state)
{
	struct fixture *f = *state;
	char got[8];

	assert_int_equal(line_channel_send(f->channel, "hello\n", 6), 0);
	assert_int_equal(read(f->peer, got, sizeof(got)), 6);
	assert_memory_equal(got, "hello\n", 6);
	settle(f);
	assert_int_equal(sd_event_run(f->event, 0), 0);
}

static void test_what_is_no_socket_is_refused_and_left_alone(void **state)
{
	struct fixture *f = *state;
	static const struct line_channel_events events = { handle_line, handle_end };
	static const struct line_channel_limits limits = { LINE_MAX_TEST, QUEUE_MAX_TEST };
	struct line_channel *channel = NULL;

	assert_int_equal(line_channel_create(&channel, f->event, -1, &limits, &events, f), -EBADF);
	assert_null(channel);
	line_channel_destroy(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(lines_arrive_whole_however_they_are_cut),
		TEST(the_longest_line_fits_and_one_more_byte_ends_the_channel),
		TEST(a_line_without_an_end_is_not_awaited_for_ever),
		TEST(the_peers_close_is_the_end),
		TEST(the_channel_may_be_destroyed_by_its_line),
		TEST(the_channel_may_be_destroyed_by_its_end),
		TEST(a_peer_that_does_not_read_costs_no_more_than_the_queue),
		TEST(sending_to_a_closed_peer_tells_the_end_from_the_loop),
		TEST(an_idle_channel_asks_for_nothing),
		TEST(what_is_no_socket_is_refused_and_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
