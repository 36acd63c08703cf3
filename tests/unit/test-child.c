/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/sys.h"
#include "unit/test.h"

#define PATIENCE_USEC (20 * USEC_PER_SEC)

struct fixture {
	char directory[64];
	char *path;
	sd_event *event;
	struct outlog *log;
	struct outlog_stream stream;
	struct family family;
	struct child child;
	unsigned n_ended;
	int code, status;
	bool again; /* start once more from within the callback */
};

static int start(struct fixture *f, const char *script)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	struct spawn spawn = { .argv = argv };

	return child_start(&f->child, &spawn, &f->stream);
}

static void handle_ended(void *data, int code, int status)
{
	struct fixture *f = data;

	f->n_ended++;
	f->code = code;
	f->status = status;
	assert_int_equal(f->child.pid, 0);
	if (f->again) {
		f->again = false;
		assert_int_equal(start(f, "exit 4"), 0);
	}
}

static int begin(void **state)
{
	struct fixture *f = xnew(struct fixture);
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	snprintf(f->directory, sizeof(f->directory), "/tmp/test-child-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	f->path = xprintf("%s/afar.log", f->directory);
	assert_true(sd_event_new(&f->event) >= 0);
	assert_int_equal(outlog_create(&f->log, f->event, f->path), 0);
	outlog_stream_init(&f->stream, f->log, "child");
	family_init(&f->family, f->event, NULL, NULL);
	child_init(&f->child, &f->family, "child", handle_ended, f);
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	child_finish(&f->child);
	family_finish(&f->family);
	outlog_destroy(f->log);
	sd_event_unref(f->event);
	sys_remove_tree(f->directory);
	free(f->path);
	free(f);
	return 0;
}

/* One turn of the loop, which may bring nothing: a stop of the child wakes it, too. */
static void run_until(struct fixture *f, usec_t deadline)
{
	assert_true(clock_now() < deadline);
	assert_true(sd_event_run(f->event, PATIENCE_USEC) >= 0);
}

static void wait_ends(struct fixture *f, unsigned n)
{
	usec_t deadline = clock_now() + PATIENCE_USEC;

	while (f->n_ended < n)
		run_until(f, deadline);
}

/* Until the child has printed a line; @ret has the last one. */
static void wait_line(struct fixture *f, struct status_end *ret)
{
	usec_t deadline = clock_now() + PATIENCE_USEC;

	do {
		run_until(f, deadline);
		outlog_stream_tail(&f->stream, ret);
	} while (!ret->n_log_tail);
}

static void test_an_exit_status_is_told_and_output_is_logged(void **state)
{
	struct fixture *f = *state;
	struct status_end tail = { 0 };

	assert_int_equal(start(f, "echo out; echo err >&2; exit 7"), 0);
	assert_true(f->child.pid > 0);
	wait_ends(f, 1);
	assert_int_equal(f->code, CLD_EXITED);
	assert_int_equal(f->status, 7);
	outlog_stream_drain(&f->stream);
	outlog_stream_tail(&f->stream, &tail);
	assert_int_equal(tail.n_log_tail, 2);
	assert_string_equal(tail.log_tail[0], "out");
	assert_string_equal(tail.log_tail[1], "err");
}

/* The last words are the ones that say why. */
static void test_a_last_line_without_a_newline_is_in_the_tail(void **state)
{
	struct fixture *f = *state;
	struct status_end tail = { 0 };

	assert_int_equal(start(f, "printf 'last words'; exit 1"), 0);
	wait_ends(f, 1);
	outlog_stream_drain(&f->stream);
	outlog_stream_tail(&f->stream, &tail);
	assert_int_equal(tail.n_log_tail, 1);
	assert_string_equal(tail.log_tail[0], "last words");
}

static void test_it_may_be_started_anew_from_its_own_end(void **state)
{
	struct fixture *f = *state;

	f->again = true;
	assert_int_equal(start(f, "exit 3"), 0);
	wait_ends(f, 2);
	assert_int_equal(f->status, 4);
}

static void test_stop_ends_the_whole_group_even_if_it_sleeps_stopped(void **state)
{
	struct fixture *f = *state;
	struct status_end tail = { 0 };
	usec_t deadline;
	pid_t helper;

	assert_int_equal(start(f, "sleep 1000 & echo $!; kill -STOP $$; wait"), 0);
	wait_line(f, &tail);
	helper = (pid_t)atoi(tail.log_tail[0]);
	child_stop(&f->child);
	child_stop(&f->child); /* asked already */
	wait_ends(f, 1);
	assert_int_equal(f->code, CLD_KILLED);
	assert_int_equal(f->status, SIGTERM);
	assert_null(f->child.kill_timer);
	/* The pipe closes with the last process that has it. */
	deadline = clock_now() + PATIENCE_USEC;
	while (f->stream.pipe)
		run_until(f, deadline);
	assert_true(helper > 0);
}

static void test_what_cannot_be_executed_is_an_error_and_no_child(void **state)
{
	struct fixture *f = *state;
	const char *argv[] = { "/nonexistent/program", NULL };
	struct spawn spawn = { .argv = argv };

	assert_int_equal(child_start(&f->child, &spawn, &f->stream), -ENOENT);
	assert_int_equal(f->child.pid, 0);
	child_stop(&f->child);
	assert_null(f->child.kill_timer);
}

static void test_ends_are_described_in_words(void **state)
{
	(void)state;
	char text[128];

	child_describe_end(CLD_EXITED, 0, text, sizeof(text));
	assert_string_equal(text, "ended with exit status 0");
	child_describe_end(CLD_KILLED, SIGKILL, text, sizeof(text));
	assert_string_equal(text, "was killed by signal 9 (Killed)");
	child_describe_end(CLD_DUMPED, SIGSEGV, text, sizeof(text));
	assert_non_null(strstr(text, "signal 11"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_an_exit_status_is_told_and_output_is_logged),
		TEST(test_a_last_line_without_a_newline_is_in_the_tail),
		TEST(test_it_may_be_started_anew_from_its_own_end),
		TEST(test_stop_ends_the_whole_group_even_if_it_sleeps_stopped),
		TEST(test_what_cannot_be_executed_is_an_error_and_no_child),
		cmocka_unit_test(test_ends_are_described_in_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
