/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/log-files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "unit/fds.h"
#include "unit/test.h"

static char directory[64], path[128], one[160], two[160];
static struct log_files files;
static struct strbuf got; /* lines, with '|' behind each */
static unsigned n_fds;
static time_t tick; /* each file that is written to is a second newer than the last */

static void handle_line(void *data, const char *line, size_t n)
{
	(void)data;
	assert_int_equal(line[n], '\0');
	strbuf_append(&got, line, n);
	strbuf_append(&got, "|", 1);
}

static int begin(void **state)
{
	(void)state;
	n_fds = fds_count();
	snprintf(directory, sizeof(directory), "/tmp/test-log-files-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/afar.log", directory);
	snprintf(one, sizeof(one), "%s.1", path);
	snprintf(two, sizeof(two), "%s.2", path);
	log_files_init(&files, path, handle_line, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	log_files_finish(&files);
	strbuf_finish(&got);
	sys_remove_tree(directory);
	assert_int_equal(fds_count(), n_fds);
	return 0;
}

static void add(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = ++tick } };

	assert_true(fd >= 0);
	assert_int_equal(sys_write_all(fd, text, strlen(text)), 0);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static void rotate(void)
{
	rename(one, two);
	assert_int_equal(rename(path, one), 0);
}

/* What is new, by now. */
static void check_new(const char *expected)
{
	assert_int_equal(log_files_read(&files), 0);
	assert_string_equal(got.text ? got.text : "", expected);
	strbuf_consume(&got, got.length);
}

static void test_three_files_are_one_text_oldest_first(void **state)
{
	(void)state;
	add(two, "one\n");
	add(one, "two\n\n");
	add(path, "three\n");
	check_new("one|two||three|");
	check_new("");
}

static void test_a_missing_file_is_no_error_but_none_at_all_is(void **state)
{
	(void)state;
	assert_int_equal(log_files_read(&files), -ENOENT);
	add(path, "one\n");
	check_new("one|");
	assert_int_equal(unlink(path), 0);
	check_new("");
}

static void test_a_line_comes_when_it_is_whole(void **state)
{
	(void)state;
	add(path, "one\ntw");
	check_new("one|");
	add(path, "o\nth");
	check_new("two|");
	log_files_flush(&files);
	log_files_flush(&files);
	check_new("th|");
}

static void test_rotations_neither_lose_a_line_nor_show_one_twice(void **state)
{
	(void)state;
	add(path, "one\n");
	check_new("one|");
	add(path, "two\n");
	rotate();
	check_new("two|"); /* the new one is not yet there */
	add(path, "three\n");
	check_new("three|");
	/* Twice between two looks: what is between is in .1. */
	add(path, "four\n");
	rotate();
	add(path, "five\n");
	rotate();
	add(path, "six\n");
	check_new("four|five|six|");
}

static void test_after_more_rotations_than_there_are_files_all_that_is_left_comes(void **state)
{
	(void)state;
	char text[16];

	add(path, "one\n");
	check_new("one|");
	for (int i = 2; i < 7; i++) {
		rotate();
		snprintf(text, sizeof(text), "%d\n", i);
		add(path, text);
	}
	check_new("4|5|6|");
}

static void test_one_that_is_made_anew_is_read_from_its_begin(void **state)
{
	(void)state;
	add(two, "zero\n");
	add(one, "one\n");
	add(path, "two\n");
	check_new("zero|one|two|");
	assert_int_equal(unlink(path), 0);
	add(path, "three\n");
	check_new("three|");
	assert_int_equal(truncate(path, 0), 0);
	check_new("");
	add(path, "four\n");
	check_new("four|");
}

static void test_what_is_no_file_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(log_files_read(&files), -EISDIR);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_three_files_are_one_text_oldest_first),
		TEST(test_a_missing_file_is_no_error_but_none_at_all_is),
		TEST(test_a_line_comes_when_it_is_whole),
		TEST(test_rotations_neither_lose_a_line_nor_show_one_twice),
		TEST(test_after_more_rotations_than_there_are_files_all_that_is_left_comes),
		TEST(test_one_that_is_made_anew_is_read_from_its_begin),
		TEST(test_what_is_no_file_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
