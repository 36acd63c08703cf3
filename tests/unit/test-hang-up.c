/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/transport/hang-up.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "unit/test.h"

struct fixture {
	struct hang_up how;
	int marks[2];	/* a pipe, whose end for reading is the descriptor of the call that is meant */
	int sockets[2]; /* ours, and the peer's, that has shut down its side */
	int waits;
};

static int waits(void *data, int fd)
{
	const struct fixture *f = data;

	return fd == f->sockets[0] ? f->waits : -1;
}

static int begin(void **state)
{
	static struct fixture f;

	assert_int_equal(pipe(f.marks), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, f.sockets), 0);
	assert_int_equal(shutdown(f.sockets[1], SHUT_WR), 0);
	f.how = (struct hang_up){ f.marks[0], waits, &f };
	hang_up_watch(&f.how);
	*state = &f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	hang_up_watch(NULL);
	for (int i = 0; i < 2; i++) {
		close(f->marks[i]);
		close(f->sockets[i]);
	}
	return 0;
}

/* What a poll(2) for @events finds, that has the mark if it is @meant. */
static int found(struct fixture *f, bool meant, short events)
{
	struct pollfd fds[] = {
		{ .fd = meant ? f->marks[0] : -1, .events = POLLIN },
		{ .fd = f->sockets[0], .events = events },
	};
	int r = poll(fds, ARRAY_SIZE(fds), 0);

	assert_int_equal(fds[1].events, events);
	assert_int_equal(fds[0].revents, 0);
	assert_int_equal(r, fds[1].revents ? 1 : 0);
	return fds[1].revents;
}

static void test_where_something_waits_it_has_hung_up(void **state)
{
	struct fixture *f = *state;

	f->waits = 1;
	assert_int_equal(found(f, true, POLLIN | POLLOUT), POLLHUP);
	assert_int_equal(found(f, true, POLLIN), POLLHUP);
}

static void test_where_nothing_does_its_end_is_read_before_more_is_sent(void **state)
{
	struct fixture *f = *state;

	f->waits = 0;
	assert_int_equal(found(f, true, POLLIN | POLLOUT), POLLIN);
}

static void test_all_else_is_as_ever(void **state)
{
	struct fixture *f = *state;

	f->waits = -1;
	assert_int_equal(found(f, true, POLLIN | POLLOUT), POLLIN | POLLOUT);
	f->waits = 1;
	assert_int_equal(found(f, false, POLLIN | POLLOUT), POLLIN | POLLOUT);
	/* Who is not to be read from would otherwise wake us again and again. */
	assert_int_equal(found(f, true, POLLOUT), POLLOUT);
	hang_up_watch(NULL);
	assert_int_equal(found(f, true, POLLIN | POLLOUT), POLLIN | POLLOUT);
}

static void test_it_waits_as_long_as_it_should(void **state)
{
	struct fixture *f = *state;
	struct pollfd fd = { .fd = f->marks[0], .events = POLLIN };

	assert_int_equal(poll(&fd, 1, 20), 0);
	assert_int_equal(write(f->marks[1], "", 1), 1);
	assert_int_equal(poll(&fd, 1, -1), 1);
	assert_int_equal(poll(&fd, 1, 2000000000), 1);
	assert_int_equal(fd.revents, POLLIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_where_something_waits_it_has_hung_up, begin, end),
		cmocka_unit_test_setup_teardown(
			test_where_nothing_does_its_end_is_read_before_more_is_sent, begin, end),
		cmocka_unit_test_setup_teardown(test_all_else_is_as_ever, begin, end),
		cmocka_unit_test_setup_teardown(test_it_waits_as_long_as_it_should, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
