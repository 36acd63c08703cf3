/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/file-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/sys.h"
#include "unit/fds.h"
#include "unit/test.h"

#define SOON 20	   /* ms */
#define LONG 60000 /* ms: more than any test may take */

static char directory[64];
static char *path, *lock_path;
static unsigned n_fds;

static int begin(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/test-file-lock-XXXXXX");
	assert_non_null(mkdtemp(directory));
	path = xprintf("%s/file", directory);
	lock_path = xprintf("%s.lock", path);
	n_fds = fds_count();
	return 0;
}

static int end(void **state)
{
	struct sigaction action;

	(void)state;
	assert_int_equal(fds_count(), n_fds);
	/* SIGALRM is as it was. */
	assert_int_equal(sigaction(SIGALRM, NULL, &action), 0);
	assert_true(action.sa_handler == SIG_DFL);
	assert_int_equal(sys_remove_tree(directory), 0);
	free(path);
	free(lock_path);
	return 0;
}

/* A process that holds the lock; it says so, and lets go once @ret_fd is closed. */
static pid_t start_holder(int *ret_fd)
{
	int said[2], held[2];
	struct file_lock lock;
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe(said), 0);
	assert_int_equal(pipe(held), 0);
	pid = fork();
	if (pid == 0) {
		close(held[1]);
		if (file_lock_take(&lock, path, LONG) < 0 || write(said[1], &byte, 1) != 1)
			_exit(1);
		if (read(held[0], &byte, 1) != 0)
			_exit(1);
		file_lock_release(&lock);
		_exit(0);
	}
	close(said[1]);
	close(held[0]);
	assert_int_equal(read(said[0], &byte, 1), 1);
	close(said[0]);
	*ret_fd = held[1];
	return pid;
}

static void assert_free(void)
{
	struct file_lock lock;

	assert_int_equal(file_lock_take(&lock, path, 0), 0);
	file_lock_release(&lock);
	assert_int_equal(access(lock_path, F_OK), -1);
}

/* CFG-05 */
static void test_one_holds_it_and_nothing_is_left_of_it(void **state)
{
	(void)state;
	struct file_lock lock, other;
	struct stat st;

	umask(0);
	assert_int_equal(file_lock_take(&lock, path, 0), 0);
	assert_int_equal(stat(lock_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_lock_take(&other, path, 0), -EBUSY); /* in one process too */
	file_lock_release(&lock);
	assert_free();
}

static void test_whoever_waits_has_it_when_the_holder_lets_go(void **state)
{
	(void)state;
	struct file_lock lock;
	int held, status;
	pid_t holder = start_holder(&held), waiter;

	waiter = fork();
	if (waiter == 0) {
		close(held);
		_exit(file_lock_take(&lock, path, LONG) == 0 ? 7 : 1);
	}
	close(held);
	assert_int_equal(waitpid(holder, &status, 0), holder);
	assert_int_equal(status, 0);
	assert_int_equal(waitpid(waiter, &status, 0), waiter);
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_free();
}

/* One that was stopped, say: the wait has an end, and costs nothing meanwhile. */
static void test_a_wait_has_its_limit(void **state)
{
	(void)state;
	struct file_lock lock;
	int held, status;
	pid_t holder = start_holder(&held);
	usec_t start = clock_now();

	assert_int_equal(kill(holder, SIGSTOP), 0);
	assert_int_equal(file_lock_take(&lock, path, SOON), -EBUSY);
	assert_true(clock_now() - start >= SOON * USEC_PER_MSEC);
	assert_int_equal(kill(holder, SIGCONT), 0);
	close(held);
	assert_int_equal(waitpid(holder, &status, 0), holder);
	assert_free();
}

static void test_the_lock_of_one_that_was_killed_is_nobodys(void **state)
{
	(void)state;
	int held, status;
	pid_t holder = start_holder(&held);

	assert_int_equal(kill(holder, SIGKILL), 0);
	assert_int_equal(waitpid(holder, &status, 0), holder);
	close(held);
	assert_int_equal(access(lock_path, F_OK), 0);
	assert_free();
}

/* Each adds one to a number in a file: whoever is lost is missing in the end. */
static void test_of_many_turns_none_is_lost(void **state)
{
	(void)state;
	enum { WRITERS = 4, TURNS = 100 };
	CLEANUP(free) char *text = NULL;
	int status, number;
	size_t n;

	assert_int_equal(sys_save_file(path, "0", 1, SYS_SAVE_NEW), 0);
	for (int i = 0; i < WRITERS; i++) {
		if (fork())
			continue;
		for (int turn = 0; turn < TURNS; turn++) {
			CLEANUP(free) char *old = NULL;
			struct file_lock lock;
			char new[16];

			if (file_lock_take(&lock, path, LONG) < 0
				|| sys_read_file(path, 16, &old, &n) < 0
				|| sscanf(old, "%d", &number) != 1)
				_exit(1);
			snprintf(new, sizeof(new), "%d", number + 1);
			if (sys_save_file(path, new, strlen(new), SYS_SAVE_REPLACE) < 0)
				_exit(1);
			file_lock_release(&lock);
		}
		_exit(0);
	}
	for (int i = 0; i < WRITERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(sys_read_file(path, 16, &text, &n), 0);
	assert_int_equal(sscanf(text, "%d", &number), 1);
	assert_int_equal(number, WRITERS * TURNS);
	assert_free();
}

static void test_a_link_in_its_place_is_not_followed(void **state)
{
	(void)state;
	CLEANUP(free) char *elsewhere = xprintf("%s/elsewhere", directory);
	struct file_lock lock;

	assert_int_equal(symlink(elsewhere, lock_path), 0);
	assert_int_equal(file_lock_take(&lock, path, 0), -ELOOP);
	assert_int_equal(access(elsewhere, F_OK), -1);
	assert_int_equal(unlink(lock_path), 0);
	assert_int_equal(rmdir(directory), 0);
	assert_int_equal(file_lock_take(&lock, path, 0), -ENOENT);
	assert_int_equal(mkdir(directory, 0700), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_holds_it_and_nothing_is_left_of_it),
		TEST(test_whoever_waits_has_it_when_the_holder_lets_go),
		TEST(test_a_wait_has_its_limit),
		TEST(test_the_lock_of_one_that_was_killed_is_nobodys),
		TEST(test_of_many_turns_none_is_lost),
		TEST(test_a_link_in_its_place_is_not_followed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
