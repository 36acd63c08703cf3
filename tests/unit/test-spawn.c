/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/sys.h"
#include "unit/test.h"

/* 32 and 33 are libc's own: sigaction(3) lets nobody touch what was inherited of them. */
#define LIBC_SIGNALS UINT64_C(0x180000000)

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Runs sh -c @script with @spawn; returns what it printed, and its status. */
static char *run(struct spawn *spawn, const char *script, int *ret_status)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	char *text = NULL;
	int fds[2];
	size_t n;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	spawn->argv = argv;
	spawn_map(spawn, fds[1], STDOUT_FILENO);
	pid = spawn_start(spawn);
	assert_true(pid > 0);
	close(fds[1]);
	assert_int_equal(sys_read_fd(fds[0], 65536, &text, &n), 0);
	close(fds[0]);
	assert_int_equal(waitpid(pid, ret_status, 0), pid);
	return text;
}

static void test_a_child_has_the_mapped_descriptors_and_no_other(void **state)
{
	(void)state;
	CLEANUP(close) int leak = fcntl(STDIN_FILENO, F_DUPFD, 50); /* without close-on-exec */
	CLEANUP(close) int null = sys_open("/dev/null", O_RDONLY, 0);
	CLEANUP(free) char *text = NULL;
	unsigned before = count_fds();
	struct spawn spawn = { 0 };
	int status;

	assert_true(leak >= 50);
	spawn_map(&spawn, null, 7);
	spawn_map(&spawn, null, 202);
	text = run(&spawn, "echo /proc/$$/fd/*", &status);
	assert_int_equal(status, 0);
	/* 3 is the shell's own, while it looks. */
	for (char *at = text; (at = strstr(at, "/fd/")); at++)
		assert_non_null(strstr(" 0 1 2 3 7 202 ", (char[]){ ' ', at[4], '\0' }));
	assert_non_null(strstr(text, "/fd/7"));
	assert_non_null(strstr(text, "/fd/202"));
	assert_int_equal(count_fds(), before);
}

static void test_swapped_descriptors_arrive_swapped(void **state)
{
	(void)state;
	CLEANUP(free) char *text = NULL;
	struct spawn spawn = { 0 };
	int one[2], two[2], status;

	assert_int_equal(pipe2(one, O_CLOEXEC), 0);
	assert_int_equal(pipe2(two, O_CLOEXEC), 0);
	assert_int_equal(write(one[1], "one", 3), 3);
	assert_int_equal(write(two[1], "two", 3), 3);
	close(one[1]);
	close(two[1]);
	spawn_map(&spawn, one[0], two[0]);
	spawn_map(&spawn, two[0], one[0]);
	{
		CLEANUP(free) char *script =
			xprintf("cat <&%d; printf ' '; cat <&%d", one[0], two[0]);

		text = run(&spawn, script, &status);
	}
	assert_string_equal(text, "two one");
	close(one[0]);
	close(two[0]);
}

static void test_signals_and_environment_are_what_was_said(void **state)
{
	(void)state;
	CLEANUP(spawn_env) struct spawn_env env = { 0 };
	char *const from[] = { "PATH=/usr/bin:/bin", "A=1", "B=2", "no equals", NULL };
	CLEANUP(free) char *text = NULL;
	struct spawn spawn = { .new_session = true };
	uint64_t blocked_in, ignored_in;
	sigset_t blocked;
	int status;

	assert_int_equal(spawn_env_init(&env, from), 0);
	assert_int_equal(spawn_env_set(&env, "A", "changed"), 0);
	assert_int_equal(spawn_env_set(&env, "B", NULL), 0);
	assert_int_equal(spawn_env_set(&env, "NEVER", NULL), 0);
	assert_int_equal(spawn_env_set(&env, "C", "a=b"), 0);
	assert_string_equal(spawn_env_get(&env, "C"), "a=b");
	assert_null(spawn_env_get(&env, "B"));
	spawn.envp = (const char *const *)env.vars;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	signal(SIGPIPE, SIG_IGN);
	text = run(&spawn,
		"echo $A-$B-$C; sed -n 's/SigBlk:/ /p; s/SigIgn:/ /p' /proc/self/status; kill -TERM $$",
		&status);
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
	signal(SIGPIPE, SIG_DFL);
	assert_int_equal(sscanf(text, "changed--a=b %" SCNx64 " %" SCNx64, &blocked_in, &ignored_in), 2);
	assert_int_equal(blocked_in, 0);
	assert_int_equal(ignored_in & ~LIBC_SIGNALS, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void test_what_cannot_be_executed_is_known_at_once(void **state)
{
	(void)state;
	const char *argv[] = { "/nonexistent/program", NULL };
	struct spawn spawn = { .argv = argv };
	unsigned before = count_fds();

	assert_int_equal(spawn_start(&spawn), -ENOENT);
	argv[0] = "/dev/null";
	assert_int_equal(spawn_start(&spawn), -EACCES);
	argv[0] = "/bin/true";
	spawn.directory = "/nonexistent";
	assert_int_equal(spawn_start(&spawn), -ENOENT);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(count_fds(), before);
}

/* As sd_listen_fds(3) wants it: a socket at 3, and the child's own pid. */
static void test_a_listening_socket_is_announced_with_the_child_s_pid(void **state)
{
	(void)state;
	CLEANUP(spawn_env) struct spawn_env env = { 0 };
	CLEANUP(close) int null = sys_open("/dev/null", O_RDONLY, 0);
	CLEANUP(free) char *text = NULL;
	struct spawn spawn = { .sets_listen_pid = true, .new_session = true };
	int status;

	assert_int_equal(
		spawn_env_init(&env, (char *[]){ (char[]){ "PATH=/usr/bin:/bin" }, NULL }), 0);
	assert_int_equal(spawn_env_set(&env, "LISTEN_PID", "1"), 0);
	assert_int_equal(spawn_env_set_listen(&env, 2), 0);
	spawn.envp = (const char *const *)env.vars;
	spawn_map(&spawn, null, 3);
	text = run(&spawn, "test $LISTEN_PID = $$ && test -e /proc/$$/fd/3 && echo $LISTEN_FDS",
		&status);
	assert_int_equal(status, 0);
	assert_string_equal(text, "2\n");
	/* Only in the child. */
	assert_string_equal(spawn_env_get(&env, "LISTEN_PID"), "0000000000");
}

/* RES-03: all that the parent has is in the child, too, until it has made room. */
static void test_a_child_starts_where_descriptors_are_scarce(void **state)
{
	(void)state;
	CLEANUP(free) char *text = NULL;
	struct rlimit before, few;
	struct spawn spawn = { 0 };
	int fds[64], status;
	size_t n = 0;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = 32;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	while ((fds[n] = sys_open("/dev/null", O_RDONLY, 0)) >= 0)
		n++;
	for (int i = 0; i < 5; i++) /* a pipe's for the test, another's for the start, one to spare */
		close(fds[--n]);
	for (int to = 3; to < 9; to++)
		spawn_map(&spawn, fds[0], to);
	text = run(&spawn, "test -e /proc/$$/fd/8 && echo there", &status);
	assert_int_equal(status, 0);
	assert_string_equal(text, "there\n");
	while (n)
		close(fds[--n]);
	setrlimit(RLIMIT_NOFILE, &before);
}

/* RES-03: a number beyond the limit is another error for fcntl(2), and one more for dup2(2). */
static void test_without_descriptors_it_says_that_there_are_none(void **state)
{
	const char *argv[] = { "true", NULL };
	struct rlimit before, low;
	unsigned n_failed = 0;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = before;
	for (low.rlim_cur = 3; low.rlim_cur < 24; low.rlim_cur++) {
		struct spawn spawn = { .argv = argv };
		pid_t pid;

		spawn_map(&spawn, STDERR_FILENO, 20);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
		pid = spawn_start(&spawn);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		if (pid < 0)
			assert_int_equal(pid, -EMFILE);
		else
			assert_int_equal(waitpid(pid, NULL, 0), pid);
		n_failed += pid < 0;
	}
	assert_in_range(n_failed, 18, 20);
}

static void test_a_limit_that_was_raised_is_only_ours(void **state)
{
	(void)state;
	CLEANUP(free) char *text = NULL;
	struct rlimit before, low, now;
	struct spawn spawn = { 0 };
	int status;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = before;
	low.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	spawn_raise_limit();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	assert_int_equal(now.rlim_cur, before.rlim_max);
	text = run(&spawn, "ulimit -S -n", &status);
	assert_string_equal(text, "64\n");
	spawn_restore_limit();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	assert_int_equal(now.rlim_cur, 64);
	setrlimit(RLIMIT_NOFILE, &before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_child_has_the_mapped_descriptors_and_no_other),
		cmocka_unit_test(test_swapped_descriptors_arrive_swapped),
		cmocka_unit_test(test_signals_and_environment_are_what_was_said),
		cmocka_unit_test(test_what_cannot_be_executed_is_known_at_once),
		cmocka_unit_test(test_a_listening_socket_is_announced_with_the_child_s_pid),
		cmocka_unit_test(test_a_child_starts_where_descriptors_are_scarce),
		cmocka_unit_test(test_without_descriptors_it_says_that_there_are_none),
		cmocka_unit_test(test_a_limit_that_was_raised_is_only_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
