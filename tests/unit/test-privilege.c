/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "unit/test.h"

#define OTHER 65534

/* Exit status of @run in a process of its own. */
static int in_a_process(int (*run)(void))
{
	pid_t pid = spawn_fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(run());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The number of the first thing that is not as it should be; 0: all is. */
static int clean_after_a_hostile_caller(void)
{
	const struct itimerval soon = { .it_value = { .tv_usec = 20000 } };
	const struct rlimit no_files = { 3, 4096 }, no_bytes = { 0, RLIM_INFINITY };
	struct rlimit limit;
	sigset_t set;
	char cwd[64];

	if (fcntl(STDERR_FILENO, F_DUPFD, 17) != 17 || dup2(STDERR_FILENO, 202) != 202)
		return 1;
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	setitimer(ITIMER_REAL, &soon, NULL);
	umask(0);
	setrlimit(RLIMIT_NOFILE, &no_files);
	setrlimit(RLIMIT_FSIZE, &no_bytes);

	privilege_clean();
	if (!fd_is_open(0) || !fd_is_open(1) || !fd_is_open(2))
		return 2;
	if (fd_is_open(17) || fd_is_open(202))
		return 3;
	sigprocmask(SIG_SETMASK, NULL, &set);
	for (int signo = 1; signo < 32; signo++) {
		struct sigaction action;

		if (sigismember(&set, signo) || sigaction(signo, NULL, &action) < 0
			|| action.sa_handler != SIG_DFL)
			return 4;
	}
	if (umask(0) != 022 || !getcwd(cwd, sizeof(cwd)) || strcmp(cwd, "/") != 0)
		return 5;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < 64)
		return 6;
	if (getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur == 0)
		return 7;
	if (getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_cur != 0 || prctl(PR_GET_DUMPABLE))
		return 8;
	return 0;
}

static int timers_are_gone(void)
{
	const struct itimerval soon = { .it_value = { .tv_sec = 100 } };
	static const int which[] = { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF };
	struct itimerval left;

	for (size_t i = 0; i < ARRAY_SIZE(which); i++)
		setitimer(which[i], &soon, NULL);
	privilege_clean();
	for (size_t i = 0; i < ARRAY_SIZE(which); i++) {
		if (getitimer(which[i], &left) < 0 || left.it_value.tv_sec || left.it_value.tv_usec)
			return 1;
	}
	return 0;
}

static void test_nothing_of_the_callers_is_left(void **state) /* FUZ-11, ISO-07 */
{
	(void)state;
	assert_int_equal(in_a_process(clean_after_a_hostile_caller), 0);
	assert_int_equal(in_a_process(timers_are_gone), 0);
}

static int drop_for_good(void)
{
	if (geteuid() != 0) /* only to itself, and it never was more */
		return privilege_drop(geteuid()) == 0 && privilege_drop(0) == -EPERM ? 0 : 1;
	if (privilege_drop(OTHER) != 0)
		return 2;
	if (getuid() != OTHER || geteuid() != OTHER)
		return 3;
	return setuid(0) == 0 || seteuid(0) == 0 || privilege_drop(0) != -EPERM ? 4 : 0;
}

static void test_a_drop_is_for_good(void **state) /* US-21, T8 */
{
	(void)state;
	assert_int_equal(in_a_process(drop_for_good), 0);
}

static void test_a_spawned_child_may_be_another_user(void **state) /* US-21 */
{
	(void)state;
	const char *argv[] = { "/bin/sh", "-c", "[ $(id -u) = 65534 ] && [ $(id -ru) = 65534 ]", NULL };
	struct spawn spawn = { .argv = argv, .becomes_user = true, .user = OTHER };
	int status;
	pid_t pid = spawn_start(&spawn);

	if (geteuid() != 0) {
		assert_int_equal(pid, -EPERM);
		return;
	}
	assert_true(pid > 0);
	assert_int_equal(spawn_wait(pid, &status), 0);
	assert_int_equal(status, 0);
	spawn.directory = "/root"; /* entered as that user, not as root */
	assert_int_equal(spawn_start(&spawn), -EACCES);
}

static int pass_signals_on(void)
{
	const char *argv[] = { "/bin/sh", "-c",
		"trap 'exit 7' TERM; kill -TERM $PPID; while :; do read x <&9; done", NULL };
	struct spawn spawn = { .argv = argv };
	int fds[2], status;
	pid_t pid;

	if (pipe(fds) < 0)
		return 1;
	spawn_map(&spawn, fds[0], 9);
	spawn_hold_signals();
	pid = spawn_start(&spawn);
	if (spawn_wait(pid, &status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 7)
		return 2;
	return spawn_wait(pid, &status) == -ECHILD ? 0 : 3;
}

static void test_a_signal_goes_on_to_who_is_waited_for(void **state) /* US-22 */
{
	(void)state;
	assert_int_equal(in_a_process(pass_signals_on), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_of_the_callers_is_left),
		cmocka_unit_test(test_a_drop_is_for_good),
		cmocka_unit_test(test_a_spawned_child_may_be_another_user),
		cmocka_unit_test(test_a_signal_goes_on_to_who_is_waited_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
