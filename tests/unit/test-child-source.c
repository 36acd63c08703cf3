/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/child-source.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "unit/test.h"

#define PATIENCE_USEC (10 * USEC_PER_SEC)

struct fixture {
	sd_event *event;
	sd_event_source *source;
	int orders[2]; /* a byte to the child: end */
	pid_t child;
	int n_ends, code, status;
};

static int handle_end(sd_event_source *source, const siginfo_t *info, void *data)
{
	struct fixture *f = data;

	assert_ptr_equal(source, f->source);
	f->n_ends++;
	f->code = info->si_code;
	f->status = info->si_status;
	return 0;
}

/* A child that exits with 7 when it is told to. */
static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);
	sigset_t set;
	char order;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	assert_int_equal(sd_event_new(&f->event), 0);
	assert_int_equal(pipe(f->orders), 0);
	f->child = fork();
	assert_true(f->child >= 0);
	if (f->child == 0) {
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0); /* where Yama asks for it */
		_exit(read(f->orders[0], &order, 1) == 1 ? 7 : 1);
	}
	assert_int_equal(child_source_add(f->event, &f->source, f->child, handle_end, f), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sd_event_source_unref(f->source);
	sd_event_unref(f->event);
	close(f->orders[0]);
	close(f->orders[1]);
	if (!f->n_ends) {
		kill(f->child, SIGKILL);
		waitpid(f->child, NULL, 0);
	}
	free(f);
	return 0;
}

static void tell_to_end(struct fixture *f)
{
	assert_int_equal(write(f->orders[1], "x", 1), 1);
}

static void wait_end(struct fixture *f)
{
	usec_t end = clock_now() + PATIENCE_USEC;

	while (!f->n_ends && clock_now() < end)
		assert_true(sd_event_run(f->event, PATIENCE_USEC) >= 0);
	assert_int_equal(f->n_ends, 1);
}

static void assert_reaped(struct fixture *f)
{
	assert_int_equal(f->code, CLD_EXITED);
	assert_int_equal(f->status, 7);
	assert_int_equal(waitpid(f->child, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	while (sd_event_run(f->event, 0) > 0)
		;
	assert_int_equal(f->n_ends, 1);
}

static void an_end_is_told_once(void **state)
{
	struct fixture *f = *state;

	tell_to_end(f);
	wait_end(f);
	assert_reaped(f);
}

static void one_that_was_there_before_is_told(void **state)
{
	struct fixture *f = *state;
	siginfo_t info;

	tell_to_end(f);
	assert_int_equal(waitid(P_PID, (id_t)f->child, &info, WEXITED | WNOWAIT), 0);
	wait_end(f);
	assert_reaped(f);
}

static void a_stop_is_no_end(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(kill(f->child, SIGSTOP), 0);
		assert_true(sd_event_run(f->event, 10 * USEC_PER_MSEC) >= 0);
		assert_int_equal(kill(f->child, SIGCONT), 0);
		assert_true(sd_event_run(f->event, PATIENCE_USEC) >= 0);
		assert_int_equal(f->n_ends, 0);
	}
	tell_to_end(f);
	wait_end(f);
	assert_reaped(f);
}

/* Attaches to @child, and takes note of its end only when it is told to. */
static void debug(pid_t child, int orders, int news)
{
	siginfo_t info;
	char order;

	if (ptrace(PTRACE_SEIZE, child, NULL, NULL) < 0 || write(news, "a", 1) != 1)
		_exit(1);
	if (waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) < 0 || write(news, "e", 1) != 1)
		_exit(1);
	if (read(orders, &order, 1) != 1)
		_exit(1);
	_exit(waitpid(child, NULL, 0) == child ? 0 : 1);
}

static void the_end_of_one_that_is_debugged_is_told(void **state)
{
	struct fixture *f = *state;
	int orders[2], news[2], status;
	pid_t debugger;
	char word;

	assert_int_equal(pipe(orders), 0);
	assert_int_equal(pipe(news), 0);
	debugger = fork();
	assert_true(debugger >= 0);
	if (debugger == 0)
		debug(f->child, orders[0], news[1]);
	close(news[1]);
	assert_int_equal(read(news[0], &word, 1), 1);
	tell_to_end(f);
	assert_int_equal(read(news[0], &word, 1), 1);
	/* It has ended, and is not ours to reap yet: there is nothing to tell. */
	for (int i = 0; i < 3; i++)
		assert_true(sd_event_run(f->event, 10 * USEC_PER_MSEC) >= 0);
	assert_int_equal(f->n_ends, 0);
	assert_int_equal(write(orders[1], "x", 1), 1);
	wait_end(f);
	assert_reaped(f);
	assert_int_equal(waitpid(debugger, &status, 0), debugger);
	assert_int_equal(status, 0);
	close(orders[0]);
	close(orders[1]);
	close(news[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_end_is_told_once, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_was_there_before_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stop_is_no_end, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_end_of_one_that_is_debugged_is_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
