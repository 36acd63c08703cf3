/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/outlog.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/sys.h"
#include "unit/test.h"

struct fixture {
	char directory[64];
	char *path;
	sd_event *event;
	struct outlog *log;
	struct outlog_stream stream;
};

static int begin(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->directory, sizeof(f->directory), "/tmp/test-outlog-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	f->path = xprintf("%s/afar.log", f->directory);
	assert_true(sd_event_new(&f->event) >= 0);
	assert_int_equal(outlog_create(&f->log, f->event, f->path), 0);
	outlog_stream_init(&f->stream, f->log, "child");
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	outlog_destroy(f->log);
	sd_event_unref(f->event);
	sys_remove_tree(f->directory);
	free(f->path);
	free(f);
	return 0;
}

static char *content(const struct fixture *f)
{
	char *text;
	size_t n;

	assert_int_equal(sys_read_file(f->path, 64 * 1024 * 1024, &text, &n), 0);
	return text;
}

/* What a child prints, taken in. */
static void print(struct fixture *f, int fd, const char *text)
{
	assert_int_equal(sys_write_all(fd, text, strlen(text)), 0);
	outlog_stream_drain(&f->stream);
}

static void test_lines_get_time_and_name_however_they_arrive(void **state)
{
	struct fixture *f = *state;
	CLEANUP(free) char *text = NULL;
	struct stat st;
	int fd;

	assert_int_equal(outlog_stream_open(&f->stream, &fd), 0);
	print(f, fd, "one\ntw");
	print(f, fd, "o\n\n");
	close(fd);
	text = content(f);
	assert_non_null(strstr(text, "Z child: one\n"));
	assert_non_null(strstr(text, "Z child: two\n"));
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_the_tail_has_the_last_lines_of_this_run_oldest_first(void **state)
{
	struct fixture *f = *state;
	struct status_end tail = { 0 };
	char line[32];
	int fd;

	assert_int_equal(outlog_stream_open(&f->stream, &fd), 0);
	for (int i = 0; i < 30; i++) {
		snprintf(line, sizeof(line), "line %d\n", i);
		print(f, fd, line);
	}
	outlog_stream_tail(&f->stream, &tail);
	assert_int_equal(tail.n_log_tail, STATUS_LOG_TAIL_LINES);
	assert_string_equal(tail.log_tail[0], "line 18");
	assert_string_equal(tail.log_tail[STATUS_LOG_TAIL_LINES - 1], "line 29");
	close(fd);
	assert_int_equal(outlog_stream_open(&f->stream, &fd), 0);
	print(f, fd, "new\n");
	outlog_stream_tail(&f->stream, &tail);
	assert_int_equal(tail.n_log_tail, 1);
	close(fd);
}

static void test_a_line_without_end_is_cut_into_pieces(void **state)
{
	struct fixture *f = *state;
	CLEANUP(free) char *text = NULL;
	char piece[1001];
	unsigned n = 0;
	int fd;

	memset(piece, 'x', 1000);
	piece[1000] = '\0';
	assert_int_equal(outlog_stream_open(&f->stream, &fd), 0);
	for (int i = 0; i < 100; i++)
		print(f, fd, piece);
	close(fd);
	text = content(f);
	for (char *at = text; (at = strchr(at, '\n')); at++)
		n++;
	assert_in_range(n, 90, 110);
}

static void test_a_flood_is_capped_by_three_files(void **state)
{
	struct fixture *f = *state;
	CLEANUP(free) char *two = xprintf("%s.2", f->path);
	CLEANUP(free) char *three = xprintf("%s.3", f->path);
	CLEANUP(free) char *block = xalloc(60001, 1);
	struct stat st;
	int fd;

	for (int i = 0; i < 60000; i++)
		block[i] = i % 100 == 99 ? '\n' : 'a';
	assert_int_equal(outlog_stream_open(&f->stream, &fd), 0);
	for (int i = 0; i < 700; i++) /* 42 MB, and as much again in times and names */
		print(f, fd, block);
	close(fd);
	assert_int_equal(stat(f->path, &st), 0);
	assert_true(st.st_size <= OUTLOG_FILE_MAX);
	assert_int_equal(stat(two, &st), 0);
	assert_true(st.st_size <= OUTLOG_FILE_MAX);
	assert_int_equal(access(three, F_OK), -1);
}

static bool has_line(const struct fixture *f, const char *line)
{
	CLEANUP(free) char *text = NULL;
	size_t n;

	return sys_read_file(f->path, 64 * 1024 * 1024, &text, &n) == 0 && strstr(text, line);
}

/* RES-04 */
static void test_a_file_that_could_not_be_made_is_there_again_soon(void **state)
{
	struct fixture *f = *state;
	CLEANUP(free) char *away = xprintf("%s-away", f->directory);
	CLEANUP(free) char *block = xalloc(60001, 1);
	usec_t start;
	int fd;

	for (int i = 0; i < 60000; i++)
		block[i] = i % 1000 == 999 ? '\n' : 'a';
	assert_int_equal(outlog_stream_open(&f->stream, &fd), 0);
	print(f, fd, "before\n");
	assert_int_equal(rename(f->directory, away), 0);
	for (int i = 0; i < 200; i++) /* 12 MB: another file is due, and has no place */
		print(f, fd, block);
	assert_int_equal(rename(away, f->directory), 0);
	start = clock_now();
	while (!has_line(f, "child: again\n")) { /* as long as somebody prints */
		assert_true(clock_now() - start < 5 * USEC_PER_SEC);
		usleep(20000);
		print(f, fd, "again\n");
	}
	assert_true(has_line(f, "could not be written and are lost"));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_lines_get_time_and_name_however_they_arrive, begin, end),
		cmocka_unit_test_setup_teardown(
			test_the_tail_has_the_last_lines_of_this_run_oldest_first, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_line_without_end_is_cut_into_pieces, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_flood_is_capped_by_three_files, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_file_that_could_not_be_made_is_there_again_soon, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
