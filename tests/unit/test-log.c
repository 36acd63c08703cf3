/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/sys.h"
#include "unit/test.h"

static int log_pipe[2];
static char line[8192];
static char heard[4096];
static unsigned n_heard;

static int begin(void **state)
{
	(void)state;
	assert_int_equal(pipe2(log_pipe, O_CLOEXEC | O_NONBLOCK), 0);
	log_set_fd(log_pipe[1]);
	n_heard = 0;
	heard[0] = '\0';
	return 0;
}

static int end(void **state)
{
	(void)state;
	log_set_listener(NULL, NULL);
	log_set_fd(STDERR_FILENO);
	close(log_pipe[0]);
	close(log_pipe[1]);
	return 0;
}

/* What was written since the last time; "" when nothing was. */
static const char *written(void)
{
	ssize_t n = read(log_pipe[0], line, sizeof(line) - 1);

	line[n > 0 ? n : 0] = '\0';
	return line;
}

static void handle_record(void *data, const char *text)
{
	assert_ptr_equal(data, &n_heard);
	n_heard++;
	snprintf(heard, sizeof(heard), "%s", text);
}

/* Before the contract's format is chosen, which is for good. */
static void test_a_record_has_time_level_and_program_or_only_the_level(void **state)
{
	(void)state;
	log_warning("%s %d", "seven", 7);
	assert_non_null(strstr(written(), "Z warning test: seven 7\n"));
	setenv("AFAR_LOG_BARE", "1", 1);
	log_init("test");
	log_error("no");
	assert_string_equal(written(), "error: no\n");
	unsetenv("AFAR_LOG_BARE");
	log_init("test");
}

static void test_debug_is_silent_unless_asked_for(void **state)
{
	(void)state;
	log_set_listener(handle_record, &n_heard);
	log_debug("quiet");
	assert_string_equal(written(), "");
	assert_int_equal(n_heard, 0);
	setenv("AFAR_DEBUG", "1", 1);
	log_init("test");
	log_debug("loud");
	assert_non_null(strstr(written(), " debug test: loud\n"));
	assert_string_equal(heard, "loud");
	unsetenv("AFAR_DEBUG");
	log_init("test");
}

/* LOG-1 */
static void test_by_the_contract_a_record_has_local_time_level_and_message(void **state)
{
	(void)state;
	static const struct {
		enum log_level level;
		const char *name;
	} levels[] = {
		{ LOG_LEVEL_ERROR, "ERROR" },
		{ LOG_LEVEL_WARNING, "WARNING" },
		{ LOG_LEVEL_INFO, "INFO" },
		{ LOG_LEVEL_DEBUG, "DEBUG" },
	};
	static const char *const zones[] = { "UTC", "XYZ-5:30" };

	setenv("AFAR_DEBUG", "1", 1);
	log_init("test");
	log_use_contract_format();
	for (size_t z = 0; z < ARRAY_SIZE(zones); z++) {
		setenv("TZ", zones[z], 1);
		tzset();
		for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
			CLEANUP(free) char *rest = xprintf(":%s:a: b\n", levels[i].name);
			char before[CLOCK_TEXT_MAX], after[CLOCK_TEXT_MAX];

			clock_format_local(clock_wall(), before);
			log_write(levels[i].level, "a: %s", "b");
			clock_format_local(clock_wall(), after);
			written();
			assert_int_equal(strlen(before), strlen("2026-01-31 12:00:00,000"));
			assert_true(strncmp(line, before, strlen(before)) >= 0);
			assert_true(strncmp(line, after, strlen(after)) <= 0);
			assert_string_equal(line + strlen(before), rest);
		}
	}
	unsetenv("AFAR_DEBUG");
	log_init("test");
}

/* LOG-1 */
static void test_local_time_is_the_zones(void **state)
{
	(void)state;
	const usec_t wall = 1767225599 * USEC_PER_SEC + 7 * USEC_PER_MSEC + 999;
	char text[CLOCK_TEXT_MAX];

	setenv("TZ", "UTC", 1);
	tzset();
	assert_string_equal(clock_format_local(wall, text), "2025-12-31 23:59:59,007");
	setenv("TZ", "XYZ-5:30", 1);
	tzset();
	assert_string_equal(clock_format_local(wall, text), "2026-01-01 05:29:59,007");
	assert_string_equal(clock_format(wall, text), "2025-12-31T23:59:59.007Z");
}

/* MSG-1, MSG-2 */
static void test_the_listener_hears_the_message_alone_and_on_one_line(void **state)
{
	(void)state;
	log_set_listener(handle_record, &n_heard);
	log_info("Using host_id: %s", "x");
	assert_string_equal(heard, "Using host_id: x");
	log_error("one\ntwo\r\n\x1b[31mthree\x7f");
	assert_string_equal(heard, "one two   [31mthree ");
	assert_int_equal(n_heard, 2);
	written();
	assert_ptr_equal(strrchr(line, '\n'), line + strlen(line) - 1);
	assert_non_null(strstr(line, ":ERROR:one two   [31mthree \n"));
	log_set_listener(NULL, NULL);
	log_info("nobody hears this");
	assert_int_equal(n_heard, 2);
}

static void test_a_message_too_long_is_cut_and_still_one_line(void **state)
{
	(void)state;
	CLEANUP(free) char *endless = xalloc(100001, 1);

	memset(endless, 'x', 100000);
	log_set_listener(handle_record, &n_heard);
	log_info("%s", endless);
	written();
	assert_in_range(strlen(line), 1500, 2048);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	assert_in_range(strlen(heard), 1500, 2048);
}

static void test_errno_is_as_it_was_and_a_log_that_fails_is_no_trouble(void **state)
{
	(void)state;
	errno = EXDEV;
	log_info("fine");
	assert_int_equal(errno, EXDEV);
	log_set_fd(-1);
	log_info("lost");
	assert_int_equal(errno, EXDEV);
}

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

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_record_has_time_level_and_program_or_only_the_level),
		TEST(test_debug_is_silent_unless_asked_for),
		cmocka_unit_test(test_the_journal_hears_the_level),
		cmocka_unit_test(test_others_do_not),
		TEST(test_by_the_contract_a_record_has_local_time_level_and_message),
		TEST(test_local_time_is_the_zones),
		TEST(test_the_listener_hears_the_message_alone_and_on_one_line),
		TEST(test_a_message_too_long_is_cut_and_still_one_line),
		TEST(test_errno_is_as_it_was_and_a_log_that_fails_is_no_trouble),
	};
	log_init("test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
