/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/outlog.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "unit/fds.h"
#include "unit/test.h"

struct fixture {
	char directory[64];
	char *path;
	sd_event *event;
	struct outlog *log;
	struct outlog_stream stream;
	unsigned n_fds;
};

static time_t later; /* seconds by which the clocks are ahead */

/* These two are found in the place of the C library's. */
int clock_gettime(clockid_t id, struct timespec *ret)
{
	int r = (int)syscall(SYS_clock_gettime, id, ret);

	ret->tv_sec += later;
	return r;
}

int timerfd_settime(
	int fd, int flags, const struct itimerspec *new_value, struct itimerspec *old_value)
{
	struct itimerspec real = *new_value;

	/* What is past already comes at once; zero would be never. */
	if (real.it_value.tv_sec > later)
		real.it_value.tv_sec -= later;
	else if (real.it_value.tv_sec || real.it_value.tv_nsec)
		real.it_value = (struct timespec){ .tv_nsec = 1 };
	return (int)syscall(SYS_timerfd_settime, fd, flags, &real, old_value);
}

static int begin(void **state)
{
	struct fixture *f = xnew(struct fixture);

	later = 0;
	f->n_fds = fds_count();
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
	assert_int_equal(fds_count(), f->n_fds);
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

/* 60000 bytes in lines of 100. */
static char *make_block(void)
{
	char *block = xalloc(60001, 1);

	for (int i = 0; i < 60000; i++)
		block[i] = i % 100 == 99 ? '\n' : 'a';
	return block;
}

/* Each run may say so much. */
static void test_many_runs_are_capped_by_three_files(void **state)
{
	struct fixture *f = *state;
	CLEANUP(free) char *two = xprintf("%s.2", f->path);
	CLEANUP(free) char *three = xprintf("%s.3", f->path);
	CLEANUP(free) char *block = make_block();
	struct stat st;
	int fd;

	for (int run = 0; run < 40; run++) {
		assert_int_equal(outlog_stream_open(&f->stream, &fd), 0);
		for (int i = 0; i < 17; i++) /* 1 MB, and times and names */
			print(f, fd, block);
		close(fd);
		assert_true(sd_event_run(f->event, 0) > 0);
	}
	assert_int_equal(stat(f->path, &st), 0);
	assert_true(st.st_size <= OUTLOG_FILE_MAX);
	assert_int_equal(stat(two, &st), 0);
	assert_in_range(st.st_size, OUTLOG_FILE_MAX - 2048, OUTLOG_FILE_MAX);
	assert_int_equal(access(three, F_OK), -1);
}

/* And those of others who have the file open, as the guard does. */
static void test_lines_of_our_own_count_as_well(void **state)
{
	struct fixture *f = *state;
	CLEANUP(free) char *one = xprintf("%s.1", f->path);
	CLEANUP(free) char *block = make_block();
	struct stat st;
	int fd = open(f->path, O_WRONLY | O_APPEND | O_CLOEXEC);

	assert_true(fd >= 0);
	for (int i = 0; i < 80; i++)
		assert_int_equal(sys_write_all(fd, block, 60000), 0);
	close(fd);
	for (int i = 0; i < 6000; i++)
		log_info("%.1000s", block);
	assert_int_equal(stat(one, &st), 0);
	assert_in_range(st.st_size, OUTLOG_FILE_MAX - 2048, OUTLOG_FILE_MAX);
	assert_int_equal(stat(f->path, &st), 0);
	assert_in_range(st.st_size, 1, OUTLOG_FILE_MAX / 10);
}

/* Writes what the pipe takes while the loop empties it, as a child does that nobody stops. */
static void flood(struct fixture *f, int fd, size_t n)
{
	CLEANUP(free) char *block = make_block();

	assert_int_equal(fd_set_nonblock(fd), 0);
	for (size_t at = 0; at < n;) {
		size_t piece = 60000 - at % 60000;
		ssize_t written = write(fd, block + at % 60000, piece > n - at ? n - at : piece);

		if (written > 0)
			at += (size_t)written;
		else
			assert_true(sd_event_run(f->event, USEC_NEVER) >= 0);
	}
}

/* The bytes that the log says it has not; 0: none. */
static uint64_t n_left_out(const char *text)
{
	uint64_t n = 0;

	for (const char *at = text; (at = strstr(at, "child: [")); at++)
		n += strtoull(at + strlen("child: ["), NULL, 10);
	return n;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

/* SUP-15 */
static void test_a_flood_is_left_out_but_for_its_begin_and_its_end(void **state)
{
	struct fixture *f = *state;
	CLEANUP(free) char *text = NULL;
	struct status_end tail = { 0 };
	size_t n_lines;
	int fd;

	assert_int_equal(outlog_stream_open(&f->stream, &fd), 0);
	flood(f, fd, 9000000);
	assert_int_equal(sys_write_all(fd, "the reason\nlast words", 21), 0);
	close(fd);
	while (f->stream.pipe)
		assert_true(sd_event_run(f->event, USEC_NEVER) >= 0);
	outlog_stream_tail(&f->stream, &tail);
	assert_int_equal(tail.n_log_tail, STATUS_LOG_TAIL_LINES);
	assert_string_equal(tail.log_tail[STATUS_LOG_TAIL_LINES - 2], "the reason");
	assert_string_equal(tail.log_tail[STATUS_LOG_TAIL_LINES - 1], "last words");

	text = content(f);
	assert_in_range(strlen(text), OUTLOG_BURST / 2, 2 * OUTLOG_BURST);
	assert_non_null(strstr(text, "Z child: the reason\n"));
	/* No byte is lost without a word. */
	n_lines = count(text, "aaa\n");
	assert_int_equal(n_lines * 100 + n_left_out(text), 9000000);
}

/* SUP-15 */
static void test_whoever_floods_for_long_is_heard_now_and_then(void **state)
{
	struct fixture *f = *state;
	CLEANUP(free) char *before = NULL;
	CLEANUP(free) char *after = NULL;
	int fd;

	assert_int_equal(outlog_stream_open(&f->stream, &fd), 0);
	flood(f, fd, 3000000);
	before = content(f);
	assert_int_equal(n_left_out(before), 0);
	later = 5;
	flood(f, fd, 3000000);
	after = content(f);
	assert_in_range(strlen(after) - strlen(before), 4 * OUTLOG_RATE, 20 * OUTLOG_RATE);
	assert_in_range(n_left_out(after), 1, 3000000);
	later = 3600;
	assert_int_equal(sys_write_all(fd, "quiet again\n", 12), 0);
	close(fd);
	while (f->stream.pipe)
		assert_true(sd_event_run(f->event, USEC_NEVER) >= 0);
	free(after);
	after = content(f);
	assert_non_null(strstr(after, "Z child: quiet again\n"));
}

/* SUP-15 */
static void test_what_little_comes_when_no_more_is_kept_comes_whole(void **state)
{
	struct fixture *f = *state;
	CLEANUP(free) char *block = make_block();
	CLEANUP(free) char *text = NULL;
	int fd;

	assert_int_equal(outlog_stream_open(&f->stream, &fd), 0);
	for (int i = 0; i < 17; i++)
		print(f, fd, block);
	/* Nothing of this is in the window but these two. */
	print(f, fd, "first of two\nsecond of two\n");
	text = content(f);
	assert_non_null(strstr(text, "Z child: first of two\n"));
	assert_non_null(strstr(text, "Z child: second of two\n"));
	close(fd);
}

/* SUP-15: nobody else's lines are left out, nor do they wait. */
static void test_a_flood_does_not_hold_others_up(void **state)
{
	struct fixture *f = *state;
	CLEANUP(free) char *text = NULL;
	struct outlog_stream other;
	int fd, others;

	outlog_stream_init(&other, f->log, "other");
	assert_int_equal(outlog_stream_open(&f->stream, &fd), 0);
	assert_int_equal(outlog_stream_open(&other, &others), 0);
	for (int i = 0; i < 50; i++) {
		char line[32];

		flood(f, fd, 200000);
		snprintf(line, sizeof(line), "number %d\n", i);
		assert_int_equal(sys_write_all(others, line, strlen(line)), 0);
	}
	close(others);
	close(fd);
	while (f->stream.pipe || other.pipe)
		assert_true(sd_event_run(f->event, USEC_NEVER) >= 0);
	text = content(f);
	assert_int_equal(count(text, "Z other: number "), 50);
	assert_true(n_left_out(text) > 0);
}

/* SUP-15: an idle pipe wakes nobody, whatever it did before. */
static void test_after_a_flood_nothing_wakes_the_loop(void **state)
{
	struct fixture *f = *state;
	int fd;

	assert_int_equal(outlog_stream_open(&f->stream, &fd), 0);
	flood(f, fd, 3000000);
	for (unsigned n = 0; sd_event_run(f->event, 100 * USEC_PER_MSEC) > 0; n++)
		assert_true(n < 100);
	later = 5;
	print(f, fd, "quiet again\n");
	assert_int_equal(sd_event_run(f->event, 100 * USEC_PER_MSEC), 0);
	close(fd);
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
	CLEANUP(free) char *block = make_block();
	usec_t start;
	int fd;

	assert_int_equal(rename(f->directory, away), 0);
	for (int run = 0; run < 13; run++) { /* 13 MB: another file is due, and has no place */
		assert_int_equal(outlog_stream_open(&f->stream, &fd), 0);
		for (int i = 0; i < 17; i++)
			print(f, fd, block);
		close(fd);
		assert_true(sd_event_run(f->event, 0) > 0);
	}
	assert_int_equal(rename(away, f->directory), 0);
	assert_int_equal(outlog_stream_open(&f->stream, &fd), 0);
	start = clock_now();
	while (!has_line(f, "child: again\n")) { /* as long as somebody prints */
		assert_true(clock_now() - start < 5 * USEC_PER_SEC);
		usleep(20000);
		print(f, fd, "again\n");
	}
	assert_true(has_line(f, "could not be written and are lost"));
	close(fd);
}

/* The disk is full within a line; a limit does the same as it. */
static void test_a_line_that_was_cut_is_ended_before_the_next(void **state)
{
	struct fixture *f = *state;
	CLEANUP(free) char *text = NULL;
	struct rlimit limit, full;
	int fd;

	assert_int_equal(outlog_stream_open(&f->stream, &fd), 0);
	print(f, fd, "first\n");
	text = content(f);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	full = (struct rlimit){ strlen(text) + 10, limit.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	print(f, fd, "cut\n");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	print(f, fd, "next\n");
	close(fd);
	free(text);
	text = content(f);
	assert_null(strstr(text, "cut\n"));
	/* The first, ten bytes of the second, the third, and the word of what was lost. */
	assert_int_equal(count(text, "\n"), 4);
	assert_true(has_line(f, "next"));
	assert_true(has_line(f, "1 lines before this one could not be written and are lost"));
}

/* Its group's first process has ended, and another that is just ending still has the pipe (OUT-1). */
static void test_what_was_said_until_the_end_is_there(void **state)
{
	struct fixture *f = *state;
	CLEANUP(free) char *text = NULL;
	int fd;

	assert_int_equal(outlog_stream_open(&f->stream, &fd), 0);
	print(f, fd, "first words\nlast");
	assert_int_equal(sys_write_all(fd, " words", 6), 0);
	outlog_destroy(TAKE_PTR(f->log));
	close(fd);
	text = content(f);
	assert_non_null(strstr(text, "child: first words\n"));
	assert_non_null(strstr(text, "child: last words\n"));
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
			test_many_runs_are_capped_by_three_files, begin, end),
		cmocka_unit_test_setup_teardown(
			test_lines_of_our_own_count_as_well, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_flood_is_left_out_but_for_its_begin_and_its_end, begin, end),
		cmocka_unit_test_setup_teardown(
			test_whoever_floods_for_long_is_heard_now_and_then, begin, end),
		cmocka_unit_test_setup_teardown(
			test_what_little_comes_when_no_more_is_kept_comes_whole, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_flood_does_not_hold_others_up, begin, end),
		cmocka_unit_test_setup_teardown(
			test_after_a_flood_nothing_wakes_the_loop, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_line_that_was_cut_is_ended_before_the_next, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_file_that_could_not_be_made_is_there_again_soon, begin, end),
		cmocka_unit_test_setup_teardown(
			test_what_was_said_until_the_end_is_there, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
