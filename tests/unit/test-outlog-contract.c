/* SPDX-License-Identifier: BSD-3-Clause */
/* The output of children where there is no log file, as the contract has it. */
#include "supervisor/outlog.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/sys.h"
#include "supervisor/component.h"
#include "unit/fds.h"
#include "unit/random.h"
#include "unit/test.h"

#define PREFIX "Session output: "
#define LIMIT (300 * USEC_PER_SEC)
#define SUPPRESSING "Suppressing rest of the session output.\n"

static sd_event *event;
static struct outlog *outlog;
static struct outlog_stream stream;
static int captured, real_stdout; /* what stands in stdout's place, and what stood there */
static unsigned n_fds;
static time_t later; /* seconds by which the clocks are ahead */

/* Ours is found in the place of the C library's. */
int clock_gettime(clockid_t id, struct timespec *ret)
{
	int r = (int)syscall(SYS_clock_gettime, id, ret);

	ret->tv_sec += later;
	return r;
}

static int begin(void **state)
{
	(void)state;
	n_fds = fds_count();
	later = 0;
	fflush(stdout);
	captured = open("/tmp", O_TMPFILE | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
	assert_true(captured >= 0);
	real_stdout = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	assert_int_equal(dup2(captured, STDOUT_FILENO), STDOUT_FILENO);
	assert_true(sd_event_new(&event) >= 0);
	assert_int_equal(outlog_create(&outlog, event, NULL), 0);
	outlog_stream_init(&stream, outlog, "session");
	stream.prefix = PREFIX;
	stream.limit = LIMIT;
	return 0;
}

static int end(void **state)
{
	(void)state;
	outlog_destroy(outlog);
	sd_event_unref(event);
	dup2(real_stdout, STDOUT_FILENO);
	close(real_stdout);
	close(captured);
	assert_int_equal(fds_count(), n_fds);
	return 0;
}

/* A test that fails jumps over this; end() then does it. */
static void check_captured(const char *bytes, size_t n)
{
	CLEANUP(free) char *found = xalloc(n + 2, 1);
	ssize_t n_found = pread(captured, found, n + 1, 0);

	assert_int_equal(n_found, n);
	assert_memory_equal(found, bytes, n);
	assert_int_equal(ftruncate(captured, 0), 0);
}

#define CHECK(text) check_captured(text, sizeof(text) - 1)

static void put(int fd, const char *bytes, size_t n)
{
	assert_int_equal(sys_write_all(fd, bytes, n), 0);
	outlog_stream_drain(&stream);
}

#define PUT(fd, text) put(fd, text, sizeof(text) - 1)

static int open_run(void)
{
	int fd = -1;

	assert_int_equal(outlog_stream_open(&stream, &fd), 0);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	return fd;
}

/* OUT-1 */
static void test_each_line_gets_the_prefix_and_nothing_else_changes(void **state)
{
	(void)state;
	int fd = open_run();

	PUT(fd, "one\n\n two \r\n");
	CHECK(PREFIX "one\n" PREFIX "\n" PREFIX " two \r\n");
	PUT(fd, "nul\0in it\n\xff\xfe\xc0\xaf\x1b[31m\n\0\n");
	CHECK(PREFIX "nul\0in it\n" PREFIX "\xff\xfe\xc0\xaf\x1b[31m\n" PREFIX "\0\n");
	close(fd);
}

/* OUT-1 */
static void test_a_line_that_comes_in_pieces_is_one_line(void **state)
{
	(void)state;
	int fd = open_run();

	PUT(fd, "ha");
	CHECK("");
	PUT(fd, "lf\nand");
	CHECK(PREFIX "half\n");
	PUT(fd, "\n");
	CHECK(PREFIX "and\n");
	close(fd);
}

/* OUT-1 */
static void test_last_words_without_a_newline_come_when_the_pipe_ends(void **state)
{
	(void)state;
	int fd = open_run();

	PUT(fd, "first\nlast words");
	close(fd);
	assert_true(sd_event_run(event, 0) >= 0);
	CHECK(PREFIX "first\n" PREFIX "last words");
	assert_null(stream.pipe);
}

/* OUT-1 */
static void test_a_line_longer_than_any_buffer_stays_one_line(void **state)
{
	(void)state;
	static const size_t lengths[] = { 1022, 1023, 1024, 1025, 2047, 2048, 2049, 50000 };
	const size_t n_prefix = strlen(PREFIX);
	int fd = open_run();

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		size_t n = lengths[i];
		CLEANUP(free) char *line = xalloc(n_prefix + n + 1, 1);

		memcpy(line, PREFIX, n_prefix);
		memset(line + n_prefix, 'a' + (int)i, n);
		line[n_prefix + n] = '\n';
		put(fd, line + n_prefix, n + 1);
		check_captured(line, n_prefix + n + 1);
	}
	close(fd);
}

/* OUT-1: whatever comes, in whatever pieces, it is only ever added to. */
static void test_random_bytes_come_out_as_they_went_in(void **state)
{
	(void)state;
	enum { N = 60000 };
	CLEANUP(free) char *in = xalloc(N, 1);
	CLEANUP(free) char *out = xalloc(N * (1 + strlen(PREFIX)), 1);
	struct random random = { .state = 1 };
	size_t n_out = 0;
	int fd = open_run();

	for (size_t i = 0; i < N; i++) {
		bool starts = i == 0 || in[i - 1] == '\n';

		in[i] = random_below(&random, 300) ? (char)random_u64(&random) : '\n';
		if (starts) {
			memcpy(out + n_out, PREFIX, strlen(PREFIX));
			n_out += strlen(PREFIX);
		}
		out[n_out++] = in[i];
	}
	for (size_t at = 0; at < N;) {
		size_t piece = 1 + (size_t)random_below(&random, 3000);

		if (piece > N - at)
			piece = N - at;
		put(fd, in + at, piece);
		at += piece;
	}
	close(fd);
	assert_true(sd_event_run(event, 0) >= 0);
	check_captured(out, n_out);
}

/* OUT-1, CONST-4 */
static void test_after_the_limit_one_line_says_so_and_the_rest_is_drained(void **state)
{
	(void)state;
	CLEANUP(free) char *flood = xalloc(1 << 16, 1);
	struct status_end tail = { 0 };
	int fd = open_run();

	later = 299;
	PUT(fd, "in time\nbegun in time");
	CHECK(PREFIX "in time\n");
	later = 301;
	PUT(fd, " and ended later\n");
	/* It had not been begun when it arrived, as the reader of lines sees it. */
	CHECK(SUPPRESSING);
	PUT(fd, "late\n");
	CHECK("");
	memset(flood, '\n', 1 << 16);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(sys_write_all(fd, flood, 1 << 15), 0);
		outlog_stream_drain(&stream);
	}
	CHECK("");
	/* Whoever asks how it ended still hears its last words. */
	PUT(fd, "the reason\n");
	outlog_stream_tail(&stream, &tail);
	assert_string_equal(tail.log_tail[tail.n_log_tail - 1], "the reason");
	close(fd);
}

/* OUT-1 */
static void test_a_line_in_the_middle_of_which_the_limit_passes_is_ended(void **state)
{
	(void)state;
	char piece[1024];
	int fd = open_run();

	memset(piece, 'x', sizeof(piece));
	put(fd, piece, sizeof(piece)); /* fills the buffer, and so is out already */
	later = 301;
	PUT(fd, "end\nmore\n");
	assert_int_equal(pread(captured, piece, 16, 0), 16);
	assert_memory_equal(piece, PREFIX, 16);
	assert_int_equal(pread(captured, piece, sizeof(piece), 16 + 1024), 4 + strlen(SUPPRESSING));
	assert_memory_equal(piece, "end\n" SUPPRESSING, 4 + strlen(SUPPRESSING));
	close(fd);
}

/* OUT-1: the limit is each run's own. */
static void test_a_new_run_is_heard_again(void **state)
{
	(void)state;
	int fd = open_run();

	later = 400;
	PUT(fd, "late\n");
	CHECK(SUPPRESSING);
	close(fd);
	fd = open_run();
	PUT(fd, "anew\n");
	CHECK(PREFIX "anew\n");
	close(fd);
}

/* CONST-4 */
static void test_without_a_limit_all_is_heard_for_ever(void **state)
{
	(void)state;
	int fd;

	stream.limit = 0;
	fd = open_run();
	later = 1000000;
	PUT(fd, "still\n");
	CHECK(PREFIX "still\n");
	close(fd);
}

/* LOG-1: what has no prefix of its own writes where we write. */
static void test_without_a_prefix_the_child_inherits(void **state)
{
	(void)state;
	int fd = 4711;

	stream.prefix = NULL;
	assert_int_equal(outlog_stream_open(&stream, &fd), 0);
	assert_int_equal(fd, -1);
	assert_null(stream.pipe);
	outlog_stream_drain(&stream);
}

/* CONST-4, PRE-1, SESS-3, HL-1, LOG-2, SUP-1 */
static void test_session_and_pre_session_have_prefixes_and_the_others_inherit(void **state)
{
	(void)state;
	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		const struct component_rules *rules = &component_rules[c];

		if (c == POLICY_SESSION) {
			assert_string_equal(rules->output_prefix, "Session output: ");
			assert_int_equal(rules->output_limit, 300 * USEC_PER_SEC);
		} else if (c == POLICY_PRE_SESSION) {
			assert_string_equal(rules->output_prefix, "Pre-session output: ");
			assert_int_equal(rules->output_limit, 0);
		} else {
			assert_null(rules->output_prefix);
		}
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_line_gets_the_prefix_and_nothing_else_changes),
		TEST(test_a_line_that_comes_in_pieces_is_one_line),
		TEST(test_last_words_without_a_newline_come_when_the_pipe_ends),
		TEST(test_a_line_longer_than_any_buffer_stays_one_line),
		TEST(test_random_bytes_come_out_as_they_went_in),
		TEST(test_after_the_limit_one_line_says_so_and_the_rest_is_drained),
		TEST(test_a_line_in_the_middle_of_which_the_limit_passes_is_ended),
		TEST(test_a_new_run_is_heard_again),
		TEST(test_without_a_limit_all_is_heard_for_ever),
		TEST(test_without_a_prefix_the_child_inherits),
		TEST(test_session_and_pre_session_have_prefixes_and_the_others_inherit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
