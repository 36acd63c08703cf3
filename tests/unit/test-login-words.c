/* SPDX-License-Identifier: BSD-3-Clause */
#include "login/words.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/flavour.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/str.h"
#include "base/sys.h"
#include "unit/test.h"

#define MAX 8

static const struct {
	char *argv[MAX];
	bool good, foreground;
	const char *user;
	size_t arguments; /* where they begin */
} command_lines[] = {
	{ { "us", "start" }, true, false, NULL, 2 },
	{ { "us", "start", "--foreground" }, true, true, NULL, 3 },
	{ { "us", "start", "--user", "bob", "--", "a", "--user" }, true, false, "bob", 5 },
	{ { "us", "start", "--user", "a", "--foreground", "--user", "b" }, true, true, "b", 7 },
	{ { "us", "start", "--user", "--" }, true, false, "--", 4 },
	{ { "us", "start", "--", "--nonsense" }, true, false, NULL, 3 },
	{ { "us", "start", "--" }, true, false, NULL, 3 },
	{ { "us", "start", "--user" }, false, false, NULL, 0 },
	{ { "us", "start", "--foreground", "--user" }, false, false, NULL, 0 },
	{ { "us", "start", "--user=bob" }, false, false, NULL, 0 },
	{ { "us", "start", "word" }, false, false, NULL, 0 },
	{ { "us", "start", "" }, false, false, NULL, 0 },
	{ { "us", "--foreground", "start" }, false, false, NULL, 0 },
	{ { "us", "stop" }, false, false, NULL, 0 },
	{ { "us" }, false, false, NULL, 0 },
	{ { NULL }, false, false, NULL, 0 },
};

static void test_a_command_line_is_start_and_three_options(void **state) /* US-1 */
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(command_lines); i++) {
		struct words words = { .user = "untouched" };
		char *argv[MAX];
		int argc = 0;

		memcpy(argv, command_lines[i].argv, sizeof(argv));
		while (argv[argc])
			argc++;
		assert_int_equal(words_read(argc, argv, &words), command_lines[i].good);
		if (!command_lines[i].good) {
			assert_string_equal(words.user, "untouched");
			continue;
		}
		assert_int_equal(words.foreground, command_lines[i].foreground);
		assert_ptr_equal(words.arguments, argv + command_lines[i].arguments);
		if (command_lines[i].user)
			assert_string_equal(words.user, command_lines[i].user);
		else
			assert_null(words.user);
	}
}

static void test_a_name_is_the_callers_own_or_passwds(void **state) /* US-4 */
{
	(void)state;
	const struct passwd *nobody = getpwnam("nobody");
	uid_t uid = nobody->pw_uid;
	char endless[5000];
	const char *const names[][2] = {
		{ NULL, NULL },
		{ "nobody", NULL },
		{ NULL, "nobody" },
		{ "root", "nobody" },
		{ "root", "daemon" },
		{ "", "" },
		{ endless, "../etc" },
	};

	memset(endless, 'x', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP(free) char *name = words_user(names[i][0], names[i][1], uid);

		assert_string_equal(name, "nobody");
	}
	assert_null(words_user("root", "nobody", (uid_t)-7));
}

static void test_every_word_has_its_backslashes(void **state) /* US-21 */
{
	(void)state;
	char *const arguments[] = { "plain_Word-9", "a b", "", "$(x)'\"\\", "\xc3\xa9", NULL };
	CLEANUP(free) char *command = NULL;

	assert_int_equal(
		words_command("/opt/a b/script", flavour_contract.login_words, arguments, &command), 0);
	assert_string_equal(command, "exec \\/opt\\/a\\ b\\/script --start --child-process "
				     "plain_Word-9 a\\ b '' \\$\\(x\\)\\'\\\"\\\\ \\\xc3\\\xa9");
}

static void test_a_newline_is_refused(void **state) /* US-21 */
{
	(void)state;
	char *const arguments[] = { "a", "b\nc", NULL };
	char *const none[] = { NULL };
	char *command = NULL;

	assert_int_equal(words_command("/s", "w", arguments, &command), -EINVAL);
	assert_int_equal(words_command("/s\n", "w", none, &command), -EINVAL);
	assert_null(command);
}

/* What a real shell makes of it. */
static char *by_shell(const char *shell, const char *command)
{
	const char *argv[] = { shell, "-c", command, NULL };
	struct spawn spawn = { .argv = argv };
	char *text = NULL;
	int fds[2], status;
	size_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	spawn_map(&spawn, fds[1], STDOUT_FILENO);
	pid = spawn_start(&spawn);
	assert_true(pid > 0);
	close(fds[1]);
	assert_int_equal(sys_read_fd(fds[0], 65536, &text, &n), 0);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return text;
}

static void test_shells_read_every_byte_back(void **state) /* US-21 */
{
	(void)state;
	static const char *const shells[] = { "sh", "bash" };
	char all[256] = "";
	char *const arguments[] = { "%s|%s|", all, "", NULL };
	CLEANUP(free) char *command = NULL;
	CLEANUP(free) char *wanted = NULL;
	size_t n = 0;

	for (unsigned c = 1; c < 256; c++) {
		if (c != '\n')
			all[n++] = (char)c;
	}
	assert_int_equal(words_command("/usr/bin/printf", "--", arguments, &command), 0);
	wanted = xprintf("%s||", all);
	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		CLEANUP(free) char *text = by_shell(shells[i], command);

		assert_string_equal(text, wanted);
	}
}

static void test_what_is_kept_of_the_environment_is_a_short_list(void **state) /* US-16 */
{
	(void)state;
	static const char *const contract[] = {
		"GOOGLE_CLIENT_ID_REMOTING",
		"GOOGLE_CLIENT_ID_REMOTING_HOST",
		"GOOGLE_CLIENT_SECRET_REMOTING",
		"GOOGLE_CLIENT_SECRET_REMOTING_HOST",
		"CHROME_REMOTE_DESKTOP_HOST_EXTRA_PARAMS",
	};

	for (size_t i = 0; i < ARRAY_SIZE(contract); i++)
		assert_string_equal(flavour_contract.login_variables[i], contract[i]);
	assert_null(flavour_contract.login_variables[ARRAY_SIZE(contract)]);
	assert_string_equal(flavour_afar.login_variables[0], "AFAR_HOST_EXTRA_PARAMS");
	assert_null(flavour_afar.login_variables[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_command_line_is_start_and_three_options),
		cmocka_unit_test(test_a_name_is_the_callers_own_or_passwds),
		cmocka_unit_test(test_every_word_has_its_backslashes),
		cmocka_unit_test(test_a_newline_is_refused),
		cmocka_unit_test(test_shells_read_every_byte_back),
		cmocka_unit_test(test_what_is_kept_of_the_environment_is_a_short_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
