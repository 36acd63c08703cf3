/* SPDX-License-Identifier: BSD-3-Clause */
#include "chooser/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "unit/test.h"

static char *directory; /* of this test, and its whole PATH */

static int begin(void **state)
{
	(void)state;
	directory = xstrdup("/tmp/test-launch-XXXXXX");
	assert_non_null(mkdtemp(directory));
	setenv("PATH", directory, 1);
	return 0;
}

static int end(void **state)
{
	(void)state;
	sys_remove_tree(directory);
	free(directory);
	return 0;
}

static void install(const char *program)
{
	CLEANUP(free) char *path = xprintf("%s/%s", directory, program);
	int fd = sys_open(path, O_WRONLY | O_CREAT, 0755);

	assert_true(fd >= 0);
	close(fd);
}

/* The arguments with '|' between them. */
static char *join(char *const *argv)
{
	struct strbuf text = { 0 };

	for (char *const *arg = argv; *arg; arg++)
		strbuf_printf(&text, "%s%s", arg == argv ? "" : "|", *arg);
	return text.text;
}

/* T11: as the Desktop Entry Specification says, "The Exec key". */
static void test_exec_is_split_as_the_specification_says(void **state)
{
	(void)state;
	static const struct {
		const char *exec, *wanted;
	} cases[] = {
		{ "x", "x" },
		{ "  x\ty  z ", "x|y|z" },
		{ "\"/opt/a b/run\" --now", "/opt/a b/run|--now" },
		{ "x \"a\\\"b\\`c\\$d\\\\e\"", "x|a\"b`c$d\\e" },
		{ "x \"a\\b\"", "x|a\\b" },
		{ "x \"\"", "x|" },
		{ "x a\"b c\"d", "x|ab cd" },
		{ "x 'a \"b\\'", "x|a \"b\\" },
		{ "x a\\ b", "x|a b" },
		/* Field codes: nothing is opened, and its name is known. */
		{ "x %f %F %u %U %i %k %d %D %n %N %v %m y", "x|y" },
		{ "x --at=%u", "x|--at=" },
		{ "x 100%% %c", "x|100%|My Desk" },
		{ "x \"%c\" \"%f\"", "x|%c|%f" },
		/* Whatever a shell would make of it is just text. */
		{ "x ; rm -rf $HOME `id` $(id) && y > /tmp/z | * ~ #",
			"x|;|rm|-rf|$HOME|`id`|$(id)|&&|y|>|/tmp/z|||*|~|#" },
		{ "A=b x", "A=b|x" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char **argv = NULL;
		CLEANUP(free) char *joined = NULL;

		assert_int_equal(launch_split(cases[i].exec, "My Desk", &argv), 0);
		joined = join(argv);
		assert_string_equal(joined, cases[i].wanted);
		launch_free_argv(argv);
	}
}

/* T11 */
static void test_what_is_no_command_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "   ", "%f", "\"\"", "\"\" x", "x \"open",
		"x 'open", "x \"open\\\"", "x %", "x %z", "x %\xff", "x \\" };
	char **argv = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(launch_split(bad[i], NULL, &argv), -EINVAL);
		assert_null(argv);
	}
}

static struct sessions_entry entries[] = {
	{ .id = "default", .name = "Default", .exec = "default" },
	{ .id = "a.desktop", .name = "A", .exec = "broken \"", .desktop_names = "BAD" },
	{ .id = "b.desktop", .name = "B", .exec = "missing", .desktop_names = "NONE" },
	{ .id = "c.desktop", .name = "C d", .exec = "there \"a b\" %c", .desktop_names = "X:Y" },
};
static const struct sessions sessions = { entries, ARRAY_SIZE(entries) };

static void assert_launch(
	size_t i, const char *wrapper, const char *wanted, const char *desktop_names)
{
	struct launch launch;
	CLEANUP(free) char *joined = NULL;

	assert_int_equal(launch_init(&launch, &sessions, &entries[i], wrapper), 0);
	joined = join(launch.argv);
	assert_string_equal(joined, wanted);
	if (desktop_names)
		assert_string_equal(launch.desktop_names, desktop_names);
	else
		assert_null(launch.desktop_names);
	launch_finish(&launch);
}

/* CHOOSE-6 */
static void test_a_wrapper_gets_the_command_verbatim_as_one_argument(void **state)
{
	(void)state;
	assert_launch(0, "/w", "/w|default", NULL);
	assert_launch(1, "/w", "/w|broken \"", "BAD");
	assert_launch(3, "/w", "/w|there \"a b\" %c", "X:Y");
}

/* CHOOSE-6: the contract's is DIR/Xsession, come what may. D-3: else only what is there. */
static void test_the_wrapper_is_beside_us_in_the_contracts_place_only(void **state)
{
	(void)state;
	CLEANUP(free) char *contract = launch_find_wrapper(&flavour_contract, "/some/where");
	CLEANUP(free) char *own = launch_find_wrapper(&flavour_afar, "/some/where");

	assert_string_equal(contract, "/some/where/Xsession");
	if (access("/etc/X11/Xsession", X_OK) == 0)
		assert_string_equal(own, "/etc/X11/Xsession");
	else
		assert_null(own);
}

/* D-3 */
static void test_without_a_wrapper_the_command_itself_is_started(void **state)
{
	(void)state;
	struct launch launch;

	assert_launch(3, NULL, "there|a b|C d", "X:Y");
	assert_launch(2, NULL, "missing", "NONE");
	assert_int_equal(launch_init(&launch, &sessions, &entries[1], NULL), -EINVAL);
}

/* D-3 */
static void test_without_a_wrapper_the_default_is_what_is_installed(void **state)
{
	(void)state;
	struct launch launch;

	assert_int_equal(launch_init(&launch, &sessions, &entries[0], NULL), -ENOENT);
	install("there");
	assert_launch(0, NULL, "there|a b|C d", "X:Y");
	install("x-session-manager");
	assert_launch(0, NULL, "x-session-manager", NULL);
}

/* CHOOSE-6 */
static void test_a_program_that_cannot_be_started_is_an_error(void **state)
{
	(void)state;
	CLEANUP(spawn_env) struct spawn_env env = { 0 };
	struct launch launch;

	assert_int_equal(spawn_env_init(&env, NULL), 0);
	assert_int_equal(
		launch_init(&launch, &sessions, &entries[3], "/nonexistent/Xsession"), 0);
	assert_int_equal(launch_exec(&launch, &env), -ENOENT);
	assert_string_equal(spawn_env_get(&env, "XDG_CURRENT_DESKTOP"), "X:Y");
	launch_finish(&launch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exec_is_split_as_the_specification_says),
		cmocka_unit_test(test_what_is_no_command_is_refused),
		cmocka_unit_test(test_a_wrapper_gets_the_command_verbatim_as_one_argument),
		cmocka_unit_test(test_the_wrapper_is_beside_us_in_the_contracts_place_only),
		cmocka_unit_test_setup_teardown(
			test_without_a_wrapper_the_command_itself_is_started, begin, end),
		cmocka_unit_test_setup_teardown(
			test_without_a_wrapper_the_default_is_what_is_installed, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_program_that_cannot_be_started_is_an_error, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
