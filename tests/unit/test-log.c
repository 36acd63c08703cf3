/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/sys.h"
#include "unit/test.h"

/* stderr becomes a pipe, and the journal's when @offset is 0; returns what one warning looks like. */
static char *write_warning(unsigned long long offset, bool elsewhere)
{
	CLEANUP(close) int saved = dup(STDERR_FILENO);
	char *text, stream[64];
	struct stat st;
	int fds[2];
	size_t n;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	dup2(fds[1], STDERR_FILENO);
	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		st.st_ino + offset);
	setenv("JOURNAL_STREAM", stream, 1);
	log_init("test");
	if (elsewhere)
		log_set_fd(fds[1]);
	log_warning("the %s", "text");
	log_set_fd(STDERR_FILENO);
	dup2(saved, STDERR_FILENO);
	close(fds[1]);
	assert_int_equal(sys_read_fd(fds[0], 4096, &text, &n), 0);
	close(fds[0]);
	unsetenv("JOURNAL_STREAM");
	log_init("test");
	return text;
}

/* LOG-1: the journal gets the level with each line. */
static void test_the_journal_hears_the_level(void **state)
{
	(void)state;
	CLEANUP(free) char *text = write_warning(0, false);

	assert_int_equal(strncmp(text, "<4>", 3), 0);
	assert_non_null(strstr(text, "warning test: the text\n"));
}

static void test_others_do_not(void **state)
{
	(void)state;
	CLEANUP(free) char *other_stream = write_warning(1, false);
	CLEANUP(free) char *other_fd = write_warning(0, true);

	assert_null(strchr(other_stream, '<'));
	assert_null(strchr(other_fd, '<'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_journal_hears_the_level),
		cmocka_unit_test(test_others_do_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
