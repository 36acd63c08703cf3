/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/gdm-warning.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"
#include "unit/test.h"

static int syslog_priority;
static char syslog_text[2048];

/* In the place of the C library's, with and without its checks of formats. */
void __syslog_chk(int priority, int flag, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void __syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list args;

	(void)flag;
	syslog_priority = priority;
	va_start(args, format);
	vsnprintf(syslog_text, sizeof(syslog_text), format, args);
	va_end(args);
}

#undef syslog
void syslog(int priority, const char *format, ...)
{
	va_list args;

	syslog_priority = priority;
	va_start(args, format);
	vsnprintf(syslog_text, sizeof(syslog_text), format, args);
	va_end(args);
}

/* What the log got. */
static char *tell(const struct flavour *flavour)
{
	char *text;
	int fds[2];
	size_t n;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	log_set_fd(fds[1]);
	gdm_warning_tell(flavour);
	log_set_fd(STDERR_FILENO);
	close(fds[1]);
	assert_int_equal(sys_read_fd(fds[0], 65536, &text, &n), 0);
	close(fds[0]);
	return text;
}

/* START-7. */
static void test_the_log_and_the_system_log_hear_of_gdm(void **state)
{
	(void)state;
	CLEANUP(free) char *text = tell(&flavour_contract);

	assert_int_equal(syslog_priority, LOG_WARNING | LOG_DAEMON);
	assert_non_null(strstr(syslog_text, "GDM"));
	assert_non_null(strstr(syslog_text, "/issues/580"));
	assert_non_null(strstr(syslog_text, "https://remotedesktop.google.com/access"));
	assert_non_null(strstr(syslog_text, "five minutes"));
	assert_non_null(strstr(text, syslog_text));
}

static void test_our_own_remedy_is_ours(void **state)
{
	(void)state;
	CLEANUP(free) char *text = tell(&flavour_afar);

	assert_non_null(strstr(text, "afar stop"));
	assert_null(strstr(text, "google"));
	assert_non_null(strstr(text, syslog_text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_log_and_the_system_log_hear_of_gdm),
		cmocka_unit_test(test_our_own_remedy_is_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
