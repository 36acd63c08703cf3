/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/report.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/report-fd.h"
#include "base/sys.h"
#include "unit/test.h"

/* A report whose news arrive at the descriptor that is returned. */
static int begin(struct report *ret)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(dup2(fds[1], REPORT_FD), REPORT_FD);
	close(fds[1]);
	report_init(ret, true);
	assert_true(report_is_awaited(ret));
	return fds[0];
}

/* All that came until the other end was closed. */
static char *news(int fd)
{
	char *text;
	size_t n;

	assert_int_equal(sys_read_fd(fd, 65536, &text, &n), 0);
	close(fd);
	return text;
}

static void test_every_line_gets_its_prefix_and_ready_ends_it(void **state)
{
	(void)state;
	CLEANUP(free) char *text = NULL;
	struct report report;
	int fd = begin(&report);

	assert_true(fcntl(REPORT_FD, F_GETFD) & FD_CLOEXEC); /* no child keeps the waiting one */
	report_line(&report, "one\ntwo %d", 2);
	report_error(&report, "it is %s", "wrong");
	report_ready(&report);
	assert_false(report_is_awaited(&report));
	report_line(&report, "nobody hears this");
	report_ready(&report);
	report_failed(&report);
	text = news(fd);
	assert_string_equal(text, "MSG:one\nMSG:two 2\nERROR:it is wrong\nREADY\n");
}

static void test_failure_is_the_end_without_ready(void **state)
{
	(void)state;
	CLEANUP(free) char *text = NULL;
	struct report report;
	int fd = begin(&report);

	report_error(&report, "no");
	report_failed(&report);
	report_failed(&report);
	text = news(fd);
	assert_string_equal(text, "ERROR:no\n");
}

static void test_a_text_too_long_is_cut_and_still_a_line(void **state)
{
	(void)state;
	CLEANUP(free) char *text = NULL;
	CLEANUP(free) char *endless = xalloc(10001, 1);
	struct report report;
	int fd = begin(&report);

	memset(endless, 'x', 10000);
	report_line(&report, "%s", endless);
	report_failed(&report);
	text = news(fd);
	assert_true(strlen(text) < 3000);
	assert_int_equal(text[strlen(text) - 1], '\n');
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void test_one_who_waited_and_went_away_is_no_trouble(void **state)
{
	(void)state;
	struct report report;
	int fd = begin(&report);

	signal(SIGPIPE, SIG_IGN);
	close(fd);
	report_line(&report, "hello?");
	assert_false(report_is_awaited(&report));
	report_line(&report, "hello?");
	report_ready(&report);
	assert_false(fd_is_open(REPORT_FD));
}

static void test_without_anybody_there_is_silence_or_stdout(void **state)
{
	(void)state;
	struct report report;

	assert_false(fd_is_open(REPORT_FD));
	report_init(&report, false);
	assert_int_equal(report.fd, -1);
	report_line(&report, "nobody hears this");
	report_init(&report, true);
	assert_int_equal(report.fd, STDOUT_FILENO);
	assert_true(report.plain);
	assert_false(report_is_awaited(&report));
	report_ready(&report); /* stdout stays open */
	report_failed(&report);
	assert_true(fd_is_open(STDOUT_FILENO));
}

/* MSG-1, MSG-2, MSG-3 */
static void test_by_the_contract_every_record_is_news_until_it_is_ready(void **state)
{
	(void)state;
	CLEANUP(free) char *text = NULL;
	struct report report;
	int fd = begin(&report);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	log_set_fd(null);
	report_init_log(&report);
	assert_true(fcntl(REPORT_FD, F_GETFD) & FD_CLOEXEC);
	log_info("Using host_id: %s", "x");
	log_error("two\nlines");
	report_line(&report, "for people, and in the log already");
	report_error(&report, "the same");
	report_ready(&report);
	log_info("nobody hears this");
	report_ready(&report);
	log_set_listener(NULL, NULL);
	log_set_fd(STDERR_FILENO);
	close(null);
	text = news(fd);
	assert_string_equal(text, "MSG:Using host_id: x\nMSG:two lines\nREADY\n");
}

/* MSG-4 */
static void test_by_the_contract_failure_is_the_end_without_ready(void **state)
{
	(void)state;
	CLEANUP(free) char *text = NULL;
	struct report report;
	int fd = begin(&report);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	log_set_fd(null);
	report_init_log(&report);
	log_error("no");
	report_failed(&report);
	log_error("nobody hears this");
	log_set_listener(NULL, NULL);
	log_set_fd(STDERR_FILENO);
	close(null);
	text = news(fd);
	assert_string_equal(text, "MSG:no\n");
}

/* MSG-3: EPIPE is told, in the log, and everything goes on. */
static void test_by_the_contract_one_who_went_away_is_told_of_in_the_log(void **state)
{
	(void)state;
	CLEANUP(free) char *text = NULL;
	struct report report;
	int fd = begin(&report);
	int log[2];

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(log, O_CLOEXEC), 0);
	log_set_fd(log[1]);
	report_init_log(&report);
	close(fd);
	report_ready(&report);
	assert_false(fd_is_open(REPORT_FD));
	log_set_listener(NULL, NULL);
	log_set_fd(STDERR_FILENO);
	close(log[1]);
	text = news(log[0]);
	assert_non_null(strstr(text, "Caught IOError writing READY message.\n"));
}

/* MSG-1 */
static void test_by_the_contract_without_anybody_there_is_silence(void **state)
{
	(void)state;
	struct report report;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	log_set_fd(null);
	assert_false(fd_is_open(REPORT_FD));
	report_init_log(&report);
	assert_false(report_is_awaited(&report));
	log_info("nobody hears this");
	report_ready(&report);
	report_failed(&report);
	log_set_listener(NULL, NULL);
	log_set_fd(STDERR_FILENO);
	close(null);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_line_gets_its_prefix_and_ready_ends_it),
		cmocka_unit_test(test_failure_is_the_end_without_ready),
		cmocka_unit_test(test_a_text_too_long_is_cut_and_still_a_line),
		cmocka_unit_test(test_one_who_waited_and_went_away_is_no_trouble),
		cmocka_unit_test(test_without_anybody_there_is_silence_or_stdout),
		cmocka_unit_test(test_by_the_contract_every_record_is_news_until_it_is_ready),
		cmocka_unit_test(test_by_the_contract_failure_is_the_end_without_ready),
		cmocka_unit_test(test_by_the_contract_one_who_went_away_is_told_of_in_the_log),
		cmocka_unit_test(test_by_the_contract_without_anybody_there_is_silence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
