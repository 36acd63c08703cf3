/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/news.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/spawn.h"
#include "base/sys.h"
#include "unit/random.h"
#include "unit/test.h"

/* What is shown of @bytes, in pieces of @step. */
static char *shown(const struct flavour *flavour, const char *bytes, size_t n, size_t step,
	bool *ret_ready)
{
	struct news news = { .error_prefix = flavour->error_prefix };
	char *text = NULL;
	size_t size;

	news.out = open_memstream(&text, &size);
	assert_non_null(news.out);
	for (size_t at = 0; at < n; at += step)
		news_feed(&news, bytes + at, n - at < step ? n - at : step);
	news_end(&news);
	fclose(news.out);
	assert_int_equal(news.heard, n > 0);
	*ret_ready = news.ready;
	return text;
}

static const struct {
	const char *bytes, *contract, *own; /* what is shown; own NULL: the same */
	bool ready;
} lines[] = {
	{ "", "", NULL, false },
	{ "READY\n", "", NULL, true },
	{ "MSG:a\nMSG:\nREADY\nMSG:b\n", "a\n\nb\n", NULL, true },
	{ "MSG:no newline", "no newline\n", NULL, false },
	{ "READY", "Unrecognized command: READY\n", NULL, false },
	{ " READY\n", "Unrecognized command:  READY\n", NULL, false },
	{ "READY \n", "Unrecognized command: READY \n", NULL, false },
	{ "READY\r\n", "Unrecognized command: READY?\n", NULL, false },
	{ "ready\n", "Unrecognized command: ready\n", NULL, false },
	{ "MSG\n", "Unrecognized command: MSG\n", NULL, false },
	{ "M\n\nMSG:x\n", "Unrecognized command: M\nUnrecognized command: \nx\n", NULL, false },
	{ "MSG:MSG:READY\n", "MSG:READY\n", NULL, false },
	{ "ERROR:bad\n", "Unrecognized command: ERROR:bad\n", "bad\n", false },
	{ "ERROR\n", "Unrecognized command: ERROR\n", NULL, false },
	{ "MSG:\x1b[2J\x07\ttab \x7f\xc3\xa9\n", "?[2J?\ttab ?\xc3\xa9\n", NULL, false },
};

static void test_lines_are_shown_however_they_are_cut(void **state) /* US-10, MSG-2, SUP-13 */
{
	(void)state;
	static const struct flavour *const flavours[] = { &flavour_contract, &flavour_afar };

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		for (size_t f = 0; f < 2; f++) {
			const char *wanted = f && lines[i].own ? lines[i].own : lines[i].contract;

			for (size_t step = 1; step < 10; step++) {
				bool ready;
				CLEANUP(free) char *text = shown(flavours[f], lines[i].bytes,
					strlen(lines[i].bytes), step, &ready);

				assert_string_equal(text, wanted);
				assert_int_equal(ready, lines[i].ready);
			}
		}
	}
}

static void test_any_bytes_in_any_pieces_are_the_same_and_bounded(void **state) /* SUP-13 */
{
	(void)state;
	static const char alphabet[] = "MSG:READY\n\n\nERROR: \x1b\0\xff";
	struct random random = { 1 };

	for (unsigned round = 0; round < 2000; round++) {
		size_t n = random_below(&random, 300);
		CLEANUP(free) char *bytes = xalloc(n + 1, 1);
		CLEANUP(free) char *whole = NULL;
		CLEANUP(free) char *cut = NULL;
		bool ready, ready_cut;

		for (size_t i = 0; i < n; i++)
			bytes[i] = alphabet[random_below(&random, sizeof(alphabet))];
		whole = shown(&flavour_afar, bytes, n, n + 1, &ready);
		cut = shown(&flavour_afar, bytes, n, 1 + random_below(&random, 7), &ready_cut);
		assert_string_equal(whole, cut);
		assert_int_equal(ready, ready_cut);
		assert_true(strlen(whole) <= n * 24);
	}
}

/* news_relay() in a process of its own; what it said, and its wait status. */
static char *relay(const struct flavour *flavour, const char *bytes, unsigned limit_sec,
	const char *log, int signo, int *ret_status)
{
	int in[2], out[2];
	char *text;
	size_t n;
	pid_t pid;

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	fflush(NULL);
	pid = spawn_fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(in[1]);
		dup2(out[1], STDERR_FILENO);
		_exit(news_relay(flavour, in[0], limit_sec, log));
	}
	close(in[0]);
	close(out[1]);
	if (bytes) {
		assert_int_equal(sys_write_all(in[1], bytes, strlen(bytes)), 0);
		close(in[1]);
	} else if (signo) {
		char first[6];

		/* It is there when it has shown this. */
		assert_int_equal(sys_write_all(in[1], "MSG:here\n", 9), 0);
		assert_int_equal(read(out[0], first, 5), 5);
		kill(pid, signo);
	}
	assert_int_equal(sys_read_fd(out[0], 65536, &text, &n), 0);
	assert_int_equal(waitpid(pid, ret_status, 0), pid);
	close(out[0]);
	if (!bytes)
		close(in[1]);
	return text;
}

static void test_ready_is_success_and_its_absence_none(void **state) /* US-10, US-11 */
{
	(void)state;
	int status;
	CLEANUP(free) char *ready =
		relay(&flavour_contract, "MSG:a\nREADY\n", 5, "/tmp/x", 0, &status);

	assert_int_equal(status, 0);
	assert_string_equal(ready, "a\nLog file: /tmp/x\n");
	{
		CLEANUP(free) char *failed = relay(&flavour_afar, "MSG:a\n", 5, NULL, 0, &status);

		assert_int_equal(WEXITSTATUS(status), 1);
		assert_string_equal(failed, "a\n");
	}
}

static void test_silence_is_what_the_flavour_takes_it_for(void **state) /* US-11, D-25 */
{
	(void)state;
	int status;
	CLEANUP(free) char *contract = relay(&flavour_contract, "", 5, "/tmp/x", 0, &status);
	CLEANUP(free) char *own = NULL;

	assert_int_equal(status, 0);
	assert_non_null(strstr(contract, "failed to read from message pipe"));
	assert_non_null(strstr(contract, "\nLog file: /tmp/x\n"));
	own = relay(&flavour_afar, "", 5, NULL, 0, &status);
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_non_null(strstr(own, "failed to read from message pipe"));
}

static void test_its_time_is_two_minutes(void **state) /* US-12 */
{
	(void)state;
	const char wanted[] = "Timeout waiting for session to start. It may have crashed, or may "
			      "still be running in the background.\n";
	CLEANUP(free) char *text = NULL;
	CLEANUP(free) char *own = NULL;
	int status;

	assert_int_equal(NEWS_LIMIT_SEC, 120);
	text = relay(&flavour_contract, NULL, 1, "/tmp/x", 0, &status);
	assert_int_equal(status, 0);
	assert_string_equal(text, wanted);
	own = relay(&flavour_afar, NULL, 1, NULL, 0, &status);
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_string_equal(own, wanted);
}

static void test_interrupted_it_says_so_and_dies_of_it(void **state) /* US-13 */
{
	(void)state;
	static const int signals[] = { SIGINT, SIGTERM };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		int status;
		CLEANUP(free) char *text =
			relay(&flavour_contract, NULL, 60, NULL, signals[i], &status);

		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signals[i]);
		assert_string_equal(
			text, "Interrupted. The daemon is still running in the background.\n");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_are_shown_however_they_are_cut),
		cmocka_unit_test(test_any_bytes_in_any_pieces_are_the_same_and_bounded),
		cmocka_unit_test(test_ready_is_success_and_its_absence_none),
		cmocka_unit_test(test_silence_is_what_the_flavour_takes_it_for),
		cmocka_unit_test(test_its_time_is_two_minutes),
		cmocka_unit_test(test_interrupted_it_says_so_and_dies_of_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
