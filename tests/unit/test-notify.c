/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/notify-socket.h"
#include "unit/test.h"

#define WATCHDOG_USEC (800 * USEC_PER_MSEC)

struct fixture {
	sd_event *event;
	struct notify notify;
	int fd; /* the guard's end */
	char text[NOTIFY_MAX_BYTES + 1];
};

static void open_guard(struct fixture *f)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(dup2(fds[1], NOTIFY_FD), NOTIFY_FD);
	close(fds[1]);
	f->fd = fds[0];
	fd_set_nonblock(f->fd);
}

static int begin(void **state)
{
	struct fixture *f = xnew(struct fixture);

	assert_true(sd_event_new(&f->event) >= 0);
	open_guard(f);
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	notify_finish(&f->notify);
	fd_close(f->fd);
	sd_event_unref(f->event);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	free(f);
	return 0;
}

/* The next message; "" when there is none. */
static const char *heard(struct fixture *f)
{
	ssize_t n = recv(f->fd, f->text, sizeof(f->text) - 1, 0);

	f->text[n > 0 ? n : 0] = '\0';
	return f->text;
}

static void run_for(struct fixture *f, usec_t usec)
{
	usec_t until = clock_now() + usec, now;

	while ((now = clock_now()) < until)
		assert_true(sd_event_run(f->event, until - now) >= 0);
}

/* SUP-16: once, and not before the host is ready. */
static void test_ready_is_said_once_and_news_only(void **state)
{
	struct fixture *f = *state;

	notify_init(&f->notify, f->event, NOTIFY_READY_LIMIT_USEC);
	notify_state(&f->notify, false, "starting, no display, 0 viewers");
	assert_string_equal(heard(f), "STATUS=starting, no display, 0 viewers");
	notify_state(&f->notify, false, "starting, no display, 0 viewers");
	assert_string_equal(heard(f), "");
	notify_state(&f->notify, true, "starting, display :20, 0 viewers");
	assert_string_equal(heard(f), "STATUS=starting, display :20, 0 viewers");
	assert_string_equal(heard(f), "READY=1");
	notify_state(&f->notify, false, "degraded, no display, 0 viewers");
	notify_state(&f->notify, true, "degraded, no display, 0 viewers");
	assert_string_equal(heard(f), "STATUS=degraded, no display, 0 viewers");
	assert_string_equal(heard(f), "");
	notify_stopping(&f->notify, 0);
	assert_string_equal(heard(f), "STOPPING=1\nSTATUS=stopping");
	notify_state(&f->notify, true, "stopped");
	notify_reloading(&f->notify);
	assert_string_equal(heard(f), "");
}

static void test_a_reload_is_told_when_it_begins_and_ends(void **state)
{
	struct fixture *f = *state;

	notify_init(&f->notify, f->event, NOTIFY_READY_LIMIT_USEC);
	notify_reloading(&f->notify);
	notify_reloaded(&f->notify);
	assert_string_equal(heard(f), ""); /* READY=1 would be a lie */
	notify_state(&f->notify, true, "");
	assert_string_equal(heard(f), "READY=1");
	notify_reloading(&f->notify);
	assert_int_equal(strncmp(heard(f), "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
	notify_reloaded(&f->notify);
	assert_string_equal(heard(f), "READY=1");
}

/* EXIT-2: the contract's clean end stays one for a unit of Type=notify; a failure is none. */
static void test_a_clean_end_before_ready_is_no_failure(void **state)
{
	struct fixture *f = *state;

	notify_init(&f->notify, f->event, NOTIFY_READY_LIMIT_USEC);
	notify_stopping(&f->notify, 0);
	assert_string_equal(heard(f), "READY=1");
	assert_string_equal(heard(f), "STOPPING=1\nSTATUS=stopping");
	notify_finish(&f->notify);
	fd_close(f->fd);
	open_guard(f);
	notify_init(&f->notify, f->event, NOTIFY_READY_LIMIT_USEC);
	notify_stopping(&f->notify, 1);
	assert_string_equal(heard(f), "STOPPING=1\nSTATUS=stopping");
	assert_string_equal(heard(f), "");
}

/* US-12: as long as for the wrapper, then nobody waits any more; once as well. */
static void test_a_host_that_does_not_come_holds_nobody_up_for_ever(void **state)
{
	struct fixture *f = *state;

	notify_init(&f->notify, f->event, 50 * USEC_PER_MSEC);
	run_for(f, 30 * USEC_PER_MSEC);
	assert_string_equal(heard(f), "");
	sd_event_run(f->event, 5 * USEC_PER_SEC);
	assert_string_equal(heard(f), "READY=1");
	notify_state(&f->notify, true, "");
	assert_string_equal(heard(f), "");
}

/* SUP-16: never more than half of the limit apart. */
static void test_the_watchdog_hears_us_within_half_of_its_time(void **state)
{
	struct fixture *f = *state;
	usec_t last;
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getppid()); /* the guard's */
	setenv("WATCHDOG_USEC", "800000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	notify_init(&f->notify, f->event, NOTIFY_READY_LIMIT_USEC);
	last = clock_now();
	for (int i = 0; i < 4; i++) {
		usec_t now;

		while (!*heard(f))
			assert_true(sd_event_run(f->event, UINT64_MAX) >= 0);
		now = clock_now();
		assert_string_equal(f->text, "WATCHDOG=1");
		assert_in_range(now - last, WATCHDOG_USEC / 4, WATCHDOG_USEC / 2 + 50 * USEC_PER_MSEC);
		last = now;
	}
}

static void test_a_watchdog_that_is_not_ours_is_let_sleep(void **state)
{
	static const char *const cases[][2] = {
		{ "50000", "1" },
		{ "50000", "nobody" },
		{ "0", NULL },
		{ "-1", NULL },
		{ "99999999999999999999", NULL },
		{ "", NULL },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		setenv("WATCHDOG_USEC", cases[i][0], 1);
		if (cases[i][1])
			setenv("WATCHDOG_PID", cases[i][1], 1);
		else
			unsetenv("WATCHDOG_PID");
		notify_init(&f->notify, f->event, NOTIFY_READY_LIMIT_USEC);
		assert_int_equal(f->notify.ping_every, 0);
		assert_null(f->notify.ping);
		notify_finish(&f->notify);
		fd_close(f->fd);
		open_guard(f);
	}
}

static void test_nobody_who_listens_is_no_trouble(void **state)
{
	struct fixture *f = *state;
	struct notify zeroed = { 0 };

	notify_state(&zeroed, true, "ready");
	notify_stopping(&zeroed, 0);
	notify_finish(&zeroed);
	close(NOTIFY_FD);
	notify_init(&f->notify, f->event, 0);
	notify_state(&f->notify, true, "ready");
	notify_stopping(&f->notify, 0);
	assert_string_equal(heard(f), "");
}

/* A guard that does not read costs messages, never time. */
static void test_a_full_line_does_not_block(void **state)
{
	struct fixture *f = *state;
	usec_t begin = clock_now();
	char text[32];

	notify_init(&f->notify, f->event, NOTIFY_READY_LIMIT_USEC);
	for (int i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		notify_state(&f->notify, false, text);
	}
	assert_true(clock_now() - begin < USEC_PER_SEC);
	notify_state(&f->notify, true, text);
	assert_false(f->notify.is_ready); /* it was not heard: said again the next time */
	while (*heard(f))
		;
	notify_state(&f->notify, true, text);
	assert_true(f->notify.is_ready);
}

static void test_the_state_in_one_line(void **state)
{
	char text[NOTIFY_STATUS_MAX];

	(void)state;
	notify_describe(text, sizeof(text), STATUS_READY, ":20", 1);
	assert_string_equal(text, "ready, display :20, 1 viewer");
	notify_describe(text, sizeof(text), STATUS_STARTING, NULL, 0);
	assert_string_equal(text, "starting, no display, 0 viewers");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ready_is_said_once_and_news_only),
		TEST(test_a_reload_is_told_when_it_begins_and_ends),
		TEST(test_a_clean_end_before_ready_is_no_failure),
		TEST(test_a_host_that_does_not_come_holds_nobody_up_for_ever),
		TEST(test_the_watchdog_hears_us_within_half_of_its_time),
		TEST(test_a_watchdog_that_is_not_ours_is_let_sleep),
		TEST(test_nobody_who_listens_is_no_trouble),
		TEST(test_a_full_line_does_not_block),
		cmocka_unit_test(test_the_state_in_one_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
