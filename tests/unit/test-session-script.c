/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/session-script.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/str.h"
#include "base/sys.h"
#include "unit/fds.h"
#include "unit/test.h"

/* The working directory of all that is run: what a shell made of a name would lie there. */
static char directory[64];
static unsigned n_fds;

static int begin(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/test-session-script-XXXXXX");
	assert_non_null(mkdtemp(directory));
	assert_int_equal(chdir(directory), 0);
	n_fds = fds_count();
	return 0;
}

static int end(void **state)
{
	(void)state;
	assert_int_equal(fds_count(), n_fds);
	assert_int_equal(chdir("/"), 0);
	sys_remove_tree(directory);
	return 0;
}

/* Names as people, and people who mean harm, could give. */
static const char *const names[] = {
	"session",
	"with space",
	"  ",
	"it's",
	"\"double\"",
	"'\"'\"'",
	"'; touch canary; '",
	"$(touch canary)",
	"`touch canary`",
	"${HOME}",
	"$0",
	"a;touch canary",
	"a&touch canary&",
	"a|touch canary",
	"a>canary",
	"line\nbreak",
	"\ntouch canary\n",
	"tab\there",
	"back\\slash",
	"\\",
	"-rf",
	"-c touch canary",
	"--help",
	"*",
	"?[a-z]*{a,b}",
	"~",
	"#comment",
	"!history",
	"=",
	"a=b",
	"\xc3\xa4\xe2\x82\xac",
	"\xff\xfe",
	"\x01\x7f",
	"%s%n",
};

static char *make(const char *name, const char *text, mode_t mode)
{
	char *path = xprintf("%s/%s", directory, name);

	assert_int_equal(sys_save_file(path, text, strlen(text), SYS_SAVE_NEW), 0);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

/* Runs it as session.c does; its exit status. */
static int run(const struct session_script *script)
{
	struct spawn spawn = { .argv = script->argv, .directory = directory };
	int status;
	pid_t pid = spawn_start(&spawn);

	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* That alone ran, and nothing lies there but the script and what it says that it makes. */
static void check_ran(const char *path, const char *text, mode_t mode)
{
	CLEANUP(free) char *said = NULL;
	struct session_script script;
	struct dirent *entry;
	unsigned n_files = 0;
	DIR *files;
	size_t n;

	assert_int_equal(session_script_init(&script, path), 0);
	assert_string_equal(script.argv[0], "/bin/sh");
	assert_int_equal(script.argv[2] != NULL, (mode & 0111) != 0);
	assert_int_equal(run(&script), 7);
	session_script_finish(&script);
	assert_int_equal(sys_read_file("ran", 4096, &said, &n), 0);
	assert_string_equal(said, text);
	files = opendir(".");
	while ((entry = readdir(files)))
		n_files += entry->d_name[0] != '.';
	closedir(files);
	assert_int_equal(n_files, 2);
	assert_int_equal(access("canary", F_OK), -1);
	assert_int_equal(unlink("ran"), 0);
}

/* SESS-2, SUP-13 */
static void test_exactly_the_file_runs_whatever_its_name(void **state)
{
	(void)state;
	/* Both kinds say by which name they were run. */
	static const char text[] = "#!/bin/sh\nprintf '%s' \"$0\" >ran\nexit 7\n";
	static const mode_t modes[] = { 0755, 0644 };

	for (size_t i = 0; i < ARRAY_SIZE(names) * ARRAY_SIZE(modes); i++) {
		mode_t mode = modes[i % ARRAY_SIZE(modes)];
		CLEANUP(free) char *path = make(names[i / ARRAY_SIZE(modes)], text, mode);

		check_ran(path, path, mode);
		assert_int_equal(unlink(path), 0);
	}
}

/* SESS-2 */
static void test_the_first_line_of_an_executable_file_is_heeded(void **state)
{
	(void)state;
	static const char text[] = "#!/bin/cat\nno shell would run this\n";
	CLEANUP(free) char *path = make("session", text, 0755);
	struct session_script script;
	struct spawn spawn = { .argv = script.argv, .directory = directory };
	CLEANUP(free) char *said = NULL;
	int fds[2], status;
	size_t n;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(session_script_init(&script, path), 0);
	spawn_map(&spawn, fds[1], STDOUT_FILENO);
	pid = spawn_start(&spawn);
	assert_true(pid > 0);
	close(fds[1]);
	assert_int_equal(sys_read_fd(fds[0], 4096, &said, &n), 0);
	close(fds[0]);
	assert_string_equal(said, text);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	session_script_finish(&script);
}

static void test_a_file_that_is_gone_is_the_shells_error(void **state)
{
	(void)state;
	CLEANUP(free) char *path = xprintf("%s/$(touch canary)", directory);
	struct session_script script;

	assert_int_equal(session_script_init(&script, path), 0);
	assert_true(run(&script) != 0);
	session_script_finish(&script);
	assert_int_equal(access("canary", F_OK), -1);
}

/* LOG-2, LOG-3: as Python writes a list of strings. */
static void test_the_log_has_the_arguments_as_the_script_showed_them(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		const char *const argv[4];
		const char *line;
	} cases[] = {
		{ "Launching X session", { "/bin/sh", "-c", "/home/u/.session" },
			"info: Launching X session: ['/bin/sh', '-c', '/home/u/.session']\n" },
		{ NULL, { "/host", "--a=b" }, "info: ['/host', '--a=b']\n" },
		{ NULL, { "it's" }, "info: [\"it's\"]\n" },
		{ NULL, { "\"" }, "info: ['\"']\n" },
		{ NULL, { "'\"" }, "info: ['\\'\"']\n" },
		{ NULL, { "a\\b", "" }, "info: ['a\\\\b', '']\n" },
		{ NULL, { NULL }, "info: []\n" },
	};
	char line[256];
	int fds[2];

	setenv("AFAR_LOG_BARE", "1", 1);
	log_init("test");
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	log_set_fd(fds[1]);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ssize_t n;

		session_script_log(cases[i].what, cases[i].argv);
		n = read(fds[0], line, sizeof(line) - 1);
		assert_true(n > 0);
		line[n] = '\0';
		assert_string_equal(line, cases[i].line);
	}
	log_set_fd(STDERR_FILENO);
	close(fds[0]);
	close(fds[1]);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_exactly_the_file_runs_whatever_its_name),
		TEST(test_the_first_line_of_an_executable_file_is_heeded),
		TEST(test_a_file_that_is_gone_is_the_shells_error),
		TEST(test_the_log_has_the_arguments_as_the_script_showed_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
