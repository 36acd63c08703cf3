/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/proc.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/str.h"
#include "base/sys.h"
#include "unit/test.h"

/* A shell with @script, of which one line of output is awaited. */
static pid_t start(const char *script)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	struct spawn spawn = { .argv = argv };
	int fds[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	spawn_map(&spawn, fds[1], STDOUT_FILENO);
	pid = spawn_start(&spawn);
	assert_true(pid > 0);
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	return pid;
}

static void test_parent_state_and_start_time_are_read(void **state)
{
	(void)state;
	struct proc_stat stat;

	assert_int_equal(proc_stat_read(getpid(), &stat), 0);
	assert_int_equal(stat.parent, getppid());
	assert_int_equal(stat.state, 'R');
	assert_true(stat.start_time > 0);
	assert_true(proc_start_time(getpid()) == stat.start_time);
}

static void test_cpu_time_is_what_was_used(void **state)
{
	struct proc_stat stat;

	(void)state;
	do {
		assert_int_equal(proc_stat_read(getpid(), &stat), 0);
	} while (stat.cpu_usec < 50000);
	assert_in_range(stat.cpu_usec, 50000, clock_cpu() + 20000);
	assert_int_equal(proc_stat_read(1, &stat), 0); /* others' may be read too */
}

static void test_a_name_with_brackets_and_blanks_confuses_nobody(void **state)
{
	(void)state;
	struct proc_stat stat;

	assert_int_equal(prctl(PR_SET_NAME, ") Z 1 (x) 2"), 0);
	assert_int_equal(proc_stat_read(getpid(), &stat), 0);
	assert_int_equal(stat.parent, getppid());
	assert_int_equal(stat.state, 'R');
}

static void test_a_process_that_is_not_there_has_no_start_time(void **state)
{
	(void)state;
	struct proc_stat stat;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(proc_stat_read(pid, &stat), -ESRCH);
	assert_int_equal(proc_start_time(pid), 0);
}

static void test_all_below_a_process_are_signalled_across_sessions(void **state)
{
	(void)state;
	/* A daemon's way: the middle one is gone, and the last is a child of ours (subreaper). */
	int status, n = 0;

	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	start("(setsid sh -c 'echo; exec sleep 1000' &) ; exec sleep 1000");
	assert_int_equal(proc_signal_descendants(getpid(), 0, SIGKILL), 2);
	while (waitpid(-1, &status, 0) > 0)
		n += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	assert_int_equal(n, 2);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

static void test_the_spared_one_is_spared_with_all_below_it(void **state)
{
	(void)state;
	pid_t other = start("echo; exec sleep 1000");
	pid_t spared = start("sleep 1000 & echo; wait");
	int status;

	assert_int_equal(proc_signal_descendants(getpid(), spared, SIGTERM), 1);
	assert_int_equal(waitpid(other, &status, 0), other);
	assert_int_equal(waitpid(spared, &status, WNOHANG), 0);
	assert_int_equal(proc_signal_descendants(getpid(), 0, SIGKILL), 2);
	assert_int_equal(waitpid(spared, &status, 0), spared);
}

static void test_who_is_to_outlive_us_is_spared_with_all_below_it(void **state)
{
	(void)state;
	pid_t other = start("NOT_" PROC_OUTLIVES "=1 sleep 1000 & echo; wait");
	/* The one below says so itself: before, it may still have its parent's environment. */
	pid_t spared = start("exec env " PROC_OUTLIVES
			     "=1 sh -c 'env -i sh -c \"echo; exec sleep 1000\" & wait'");
	int status;

	assert_int_equal(proc_signal_descendants(getpid(), 0, SIGTERM), 2);
	assert_int_equal(waitpid(other, &status, 0), other);
	assert_int_equal(proc_signal_descendants(getpid(), 0, SIGTERM), 0);
	assert_int_equal(waitpid(spared, &status, WNOHANG), 0);
	assert_int_equal(proc_signal_descendants(spared, 0, SIGKILL), 1);
	assert_int_equal(waitpid(spared, &status, 0), spared);
}

/* SUP-10 */
static void test_a_mark_is_inherited_whatever_becomes_of_the_environment(void **state)
{
	(void)state;
	const char *argv[] = { "env", "-i", "setsid", "-w", "sh", "-c", "echo $$; exec sleep 1000", NULL };
	struct spawn spawn = { .argv = argv, .mark = PROC_MARK_MIN + 12345 };
	char text[16] = "";
	pid_t pid, marked;
	int fds[2];

	assert_int_equal(proc_mark(getpid()), 0);
	assert_int_equal(pipe(fds), 0);
	spawn_map(&spawn, fds[1], STDOUT_FILENO);
	spawn.new_session = true; /* so that setsid(1) has to fork */
	pid = spawn_start(&spawn);
	assert_true(pid > 0);
	close(fds[1]);
	assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
	close(fds[0]);
	marked = atoi(text);
	assert_true(marked > 0 && marked != pid);
	assert_int_equal(proc_mark(marked), PROC_MARK_MIN + 12345);
	assert_int_equal(kill(marked, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(proc_mark(pid), 0);
}

static void test_zombies_do_not_count(void **state)
{
	(void)state;
	siginfo_t info;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(proc_signal_descendants(getpid(), 0, SIGTERM), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_the_directory_of_the_program_is_where_it_lies(void **state)
{
	(void)state;
	CLEANUP(free) char *directory = proc_program_dir();
	CLEANUP(free) char *self = NULL;

	assert_non_null(directory);
	assert_int_equal(directory[0], '/');
	self = xprintf("%s/test-proc", directory);
	assert_int_equal(access(self, X_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parent_state_and_start_time_are_read),
		cmocka_unit_test(test_cpu_time_is_what_was_used),
		cmocka_unit_test(test_a_name_with_brackets_and_blanks_confuses_nobody),
		cmocka_unit_test(test_a_process_that_is_not_there_has_no_start_time),
		cmocka_unit_test(test_all_below_a_process_are_signalled_across_sessions),
		cmocka_unit_test(test_the_spared_one_is_spared_with_all_below_it),
		cmocka_unit_test(test_who_is_to_outlive_us_is_spared_with_all_below_it),
		cmocka_unit_test(test_a_mark_is_inherited_whatever_becomes_of_the_environment),
		cmocka_unit_test(test_zombies_do_not_count),
		cmocka_unit_test(test_the_directory_of_the_program_is_where_it_lies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
