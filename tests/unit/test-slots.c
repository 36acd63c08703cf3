/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "unit/fds.h"
#include "unit/test.h"

static void check_text(const struct slots *slots, const char *wanted)
{
	CLEANUP(free) char *text = NULL;
	size_t n = 0;

	assert_int_equal(slots_read(slots, &text, &n), 0);
	assert_int_equal(n, strlen(wanted));
	assert_string_equal(text, wanted);
}

static void test_the_newest_version_is_read_also_by_whoever_gets_the_descriptor(void **state)
{
	unsigned n_fds = fds_count();
	struct slots ours = { 0 }, theirs = { 0 };
	char *text = NULL;
	size_t n;

	(void)state;
	assert_int_equal(slots_create(&ours), 0);
	assert_int_equal(slots_read(&ours, &text, &n), -ENODATA);
	for (int i = 0; i < 9; i++) {
		char number[2] = { (char)('0' + i), '\0' };

		assert_int_equal(slots_write(&ours, number, 1), 0);
		check_text(&ours, number);
	}
	assert_int_equal(slots_open(&theirs, fcntl(ours.fd, F_DUPFD_CLOEXEC, 0)), 0);
	check_text(&theirs, "8");
	assert_int_equal(slots_write(&theirs, "", 0), 0);
	check_text(&ours, "");
	slots_finish(&ours);
	slots_finish(&theirs);
	slots_finish(&theirs);
	assert_int_equal(fds_count(), n_fds);
}

static void test_what_is_too_large_leaves_what_there_was(void **state)
{
	CLEANUP(free) char *large = xalloc(SLOTS_TEXT_MAX + 1, 1);
	struct slots slots = { 0 };
	CLEANUP(free) char *text = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(slots_create(&slots), 0);
	assert_int_equal(slots_write(&slots, "old", 3), 0);
	assert_int_equal(slots_write(&slots, large, SLOTS_TEXT_MAX + 1), -EFBIG);
	check_text(&slots, "old");
	assert_int_equal(slots_write(&slots, large, SLOTS_TEXT_MAX), 0);
	assert_int_equal(slots_read(&slots, &text, &n), 0);
	assert_int_equal(n, SLOTS_TEXT_MAX);
	slots_finish(&slots);
}

/* Each byte of the header and of the text in turn. */
static void test_a_torn_version_is_passed_over(void **state)
{
	struct slots slots = { 0 };

	(void)state;
	for (size_t at = 0; at < 24 + 3; at++) {
		uint8_t *byte;

		assert_int_equal(slots_create(&slots), 0);
		assert_int_equal(slots_write(&slots, "old", 3), 0);
		assert_int_equal(slots_write(&slots, "new", 3), 0);
		byte = at < 24 ? slots.map + 24 + at : slots.map + 4096 + SLOTS_TEXT_MAX + at - 24;
		*byte ^= 0x5a;
		check_text(&slots, "old");
		slots_finish(&slots);
	}
}

/* A writer that is killed at any moment, again and again. */
static void test_a_killed_writer_leaves_a_whole_version(void **state)
{
	static char texts[2][200000];
	struct slots slots = { 0 };

	(void)state;
	memset(texts[0], 'a', sizeof(texts[0]));
	memset(texts[1], 'b', sizeof(texts[1]));
	assert_int_equal(slots_create(&slots), 0);
	assert_int_equal(slots_write(&slots, texts[0], sizeof(texts[0])), 0);
	for (int i = 0; i < 50; i++) {
		CLEANUP(free) char *text = NULL;
		pid_t pid = fork();
		size_t n = 0;

		if (pid == 0) {
			for (int k = 0;; k++)
				slots_write(&slots, texts[k % 2], sizeof(texts[0]) - (size_t)k % 1000);
		}
		usleep((unsigned)(i * 97 % 3000)); /* the moment is what differs */
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		assert_int_equal(slots_read(&slots, &text, &n), 0);
		assert_true(n > sizeof(texts[0]) - 1000);
		for (size_t b = 1; b < n; b++)
			assert_true(text[b] == text[0]);
	}
	slots_finish(&slots);
}

static void test_what_is_no_such_memory_is_refused(void **state)
{
	unsigned n_fds = fds_count();
	struct slots slots = { 0 };
	int fd;

	(void)state;
	assert_int_equal(slots_open(&slots, open("/dev/null", O_RDWR | O_CLOEXEC)), -EBADMSG);
	fd = memfd_create("small", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(slots_open(&slots, fd), -EBADMSG);
	fd = memfd_create("not sealed", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, 4096 + 2 * (off_t)SLOTS_TEXT_MAX), 0);
	assert_int_equal(slots_open(&slots, fd), -EBADMSG);
	assert_int_equal(fds_count(), n_fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_the_newest_version_is_read_also_by_whoever_gets_the_descriptor),
		cmocka_unit_test(test_what_is_too_large_leaves_what_there_was),
		cmocka_unit_test(test_a_torn_version_is_passed_over),
		cmocka_unit_test(test_a_killed_writer_leaves_a_whole_version),
		cmocka_unit_test(test_what_is_no_such_memory_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
