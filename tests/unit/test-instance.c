/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/instance.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/sys.h"
#include "unit/test.h"

static char *directory; /* of this test */
static struct paths paths;

static int begin(void **state)
{
	char *why = NULL;

	(void)state;
	directory = xstrdup("/tmp/test-instance-XXXXXX");
	assert_non_null(mkdtemp(directory));
	setenv("HOME", directory, 1);
	assert_int_equal(paths_init(&paths, &flavour_afar, NULL, &why), 0);
	assert_int_equal(paths_make_config(&paths, &why), 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	paths_finish(&paths);
	sys_remove_tree(directory);
	free(directory);
	return 0;
}

static enum instance_lock ask(struct instance *ret)
{
	int error;

	return instance_lock(&paths, ret, NULL, &error);
}

static void take(int *ret_fd)
{
	struct instance instance;
	int error;

	assert_int_equal(instance_lock(&paths, &instance, ret_fd, &error), INSTANCE_FREE);
}

static void write_holder(int fd)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "%d %llu\n/run/socket\n", (int)getpid(),
		(unsigned long long)proc_start_time(getpid()));

	assert_int_equal(sys_write_all(fd, text, (size_t)n), 0);
}

/* INST-5: as long as a descriptor of it is open, in whatever process. */
static void test_INST_5_the_lock_says_who_runs(void **state)
{
	(void)state;
	struct instance instance;
	int fd = -1, second = -1, error, pidfd;

	assert_int_equal(ask(&instance), INSTANCE_FREE);
	assert_int_equal(access(paths.lock_file, F_OK), -1); /* asking makes nothing */
	take(&fd);
	assert_int_equal(ask(&instance), INSTANCE_RUNNING);
	assert_int_equal(instance.guard_pid, 0);
	write_holder(fd);
	assert_int_equal(ask(&instance), INSTANCE_RUNNING);
	assert_int_equal(instance.guard_pid, getpid());
	assert_string_equal(instance.socket, "/run/socket");
	assert_int_equal(instance_lock(&paths, &instance, &second, &error), INSTANCE_RUNNING);
	assert_int_equal(second, -1);
	pidfd = instance_pidfd(&instance);
	assert_true(pidfd >= 0);
	close(pidfd);
	instance.guard_start_time++;
	assert_true(instance_pidfd(&instance) < 0); /* another process by now */
	close(fd);
	assert_int_equal(ask(&instance), INSTANCE_FREE);
}

/* D-16: a question at the wrong moment must not look like a running daemon to a start. */
static void test_D_16_asking_takes_no_lock(void **state)
{
	(void)state;
	pid_t asker;
	int status;

	asker = fork();
	if (asker == 0) {
		struct instance instance;

		for (;;)
			ask(&instance);
	}
	for (int i = 0; i < 2000; i++) {
		int fd = -1;

		take(&fd);
		close(fd);
	}
	kill(asker, SIGKILL);
	waitpid(asker, &status, 0);
}

static void take_and_be_awaited(void)
{
	struct instance instance;
	int fd = -1, error, status, fds[2];
	pid_t holder;
	char byte;

	assert_int_equal(pipe(fds), 0);
	holder = fork();
	if (holder == 0) {
		take(&fd);
		if (write(fds[1], "", 1) != 1)
			_exit(1);
		write_holder(fd);
		pause();
	}
	assert_int_equal(read(fds[0], &byte, 1), 1);
	assert_int_equal(
		instance_await_holder(&paths, 10000, &instance, &error), INSTANCE_RUNNING);
	assert_int_equal(instance.guard_pid, holder);
	kill(holder, SIGKILL);
	waitpid(holder, &status, 0);
	assert_int_equal(instance_await_holder(&paths, 10000, &instance, &error), INSTANCE_FREE);
	close(fds[0]);
	close(fds[1]);
}

/* The time between the lock and its holder's name; often enough to come before and behind it. */
static void test_a_holder_that_has_not_said_who_it_is_is_awaited(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++)
		take_and_be_awaited();
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_INST_5_the_lock_says_who_runs),
		TEST(test_D_16_asking_takes_no_lock),
		TEST(test_a_holder_that_has_not_said_who_it_is_is_awaited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
