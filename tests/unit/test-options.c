/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/options.h"

#include <errno.h>
#include <getopt.h>

#include "base/mem.h"
#include "unit/test.h"

#define ARGS_MAX 200

static struct options options;
static char *why;

static int begin(void **state)
{
	(void)state;
	options = (struct options){ 0 };
	why = NULL;
	return 0;
}

static int end(void **state)
{
	(void)state;
	options_finish(&options);
	free(why);
	return 0;
}

/* NULL-terminated, without the program's name. */
static int parse(const char *const *args)
{
	static char *argv[ARGS_MAX + 2];
	int argc = 1;

	argv[0] = "afar-supervisor";
	for (; args[argc - 1]; argc++)
		argv[argc] = (char *)args[argc - 1];
	argv[argc] = NULL;
	optind = 0; /* getopt(3) starts anew */
	return options_parse(&options, argc, argv, &why);
}

#define PARSE(...) parse((const char *const[]){ __VA_ARGS__, NULL })

static void check_refused(const char *const *args, const char *about)
{
	assert_int_equal(parse(args), -EINVAL);
	assert_non_null(why);
	assert_non_null(strstr(why, about));
	assert_null(strchr(why, '\n'));
	free(why);
	why = NULL;
	options_finish(&options);
	options = (struct options){ 0 };
}

static void test_nothing_said_is_our_own_flavour_and_no_setting(void **state)
{
	(void)state;
	assert_int_equal(parse((const char *const[]){ NULL }), 0);
	assert_ptr_equal(options.flavour, &flavour_afar);
	assert_null(options.script);
	assert_null(options.config);
	assert_false(options.foreground || options.new_pin);
	assert_int_equal(options.n_set, 0);
	assert_int_equal(options.first_argument, 1);
}

/* CLI-5, CONST-7 */
static void test_the_hidden_options_say_flavour_command_and_configuration(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--flavour=chrome-remote-desktop", "--script",
				 "/opt/google/chrome-remote-desktop/chrome-remote-desktop",
				 "--config=/home/u/a b#c.json", "-f", "--new-pin"),
		0);
	assert_ptr_equal(options.flavour, &flavour_contract);
	assert_string_equal(
		options.script, "/opt/google/chrome-remote-desktop/chrome-remote-desktop");
	assert_string_equal(options.config, "/home/u/a b#c.json");
	assert_true(options.foreground && options.new_pin);
}

/* CLI-1, CLI-2, SIZE-1 */
static void test_values_lie_over_the_settings(void **state)
{
	(void)state;
	struct settings settings;

	assert_int_equal(PARSE("-s640x480", "--size=800x600", "--size", "1024x768", "-s",
				 "1280x720", "--display=xvfb", "--session", "exec openbox",
				 "--listen=127.0.0.1:4000", "--listen=[::1]:4000"),
		0);
	settings_init(&settings, &flavour_afar);
	assert_int_equal(options_apply(&options, &settings, &why), 0);
	assert_int_equal(settings.n_sizes, 4);
	assert_int_equal(settings.sizes[0].width, 640);
	assert_int_equal(settings.sizes[3].height, 720);
	assert_int_equal(settings.display, SETTINGS_DISPLAY_XVFB);
	assert_string_equal(settings.session, "exec openbox");
	assert_int_equal(settings.n_listen, 2);
	assert_string_equal(settings.listen[1].host, "::1");
}

static void test_of_two_values_the_last_counts_however_many_there_are(void **state)
{
	(void)state;
	const char *args[ARGS_MAX + 1] = { NULL };
	struct settings settings;

	for (int i = 0; i < ARGS_MAX - 1; i++)
		args[i] = "--display=xorg";
	args[ARGS_MAX - 1] = "--display=xvfb";
	assert_int_equal(parse(args), 0);
	settings_init(&settings, &flavour_afar);
	assert_int_equal(options_apply(&options, &settings, &why), 0);
	assert_int_equal(settings.display, SETTINGS_DISPLAY_XVFB);
}

/* CLI-1 */
static void test_what_follows_the_dashes_is_the_x_servers(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--size=640x480", "--", "-extension", "RANDR", "--size", "x"), 0);
	assert_int_equal(options.first_argument, 3);
	assert_string_equal(options.sizes.text, "640x480");
	assert_int_equal(PARSE("--"), 0);
	assert_int_equal(options.first_argument, 2);
}

/* CLI-2, SIZE-2 */
static void test_what_is_wrong_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *args[4], *about;
	} cases[] = {
		{ { "--nonsense" }, "'--nonsense'" },
		{ { "--nonsense=7" }, "'--nonsense=7'" },
		{ { "-x" }, "'-x'" },
		{ { "-fx" }, "'-fx'" },
		{ { "-xf" }, "'-xf'" },
		{ { "-f", "-xf" }, "'-xf'" },
		{ { "--size" }, "'--size'" },
		{ { "--size=" }, "''" }, /* SIZE-2 */
		{ { "-s", "640x480,800x600" }, "'640x480,800x600'" },
		{ { "-s" }, "'-s'" },
		{ { "-fs" }, "'-fs'" },
		{ { "--foreground=yes" }, "'--foreground=yes'" },
		{ { "--s=640x480" }, "'--s=640x480'" }, /* size, session or script? */
		{ { "stray" }, "'stray'" },
		{ { "-f", "stray", "--" }, "'stray'" },
		{ { "" }, "''" },
		{ { "--flavour=other" }, "'other'" },
		{ { "--flavour=" }, "''" },
	};
	struct settings settings;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_refused(cases[i].args, cases[i].about);
	assert_int_equal(PARSE("--size=640x480", "--size=99x99"), 0);
	settings_init(&settings, &flavour_afar);
	assert_int_equal(options_apply(&options, &settings, &why), -EINVAL);
	assert_non_null(why);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_said_is_our_own_flavour_and_no_setting),
		TEST(test_the_hidden_options_say_flavour_command_and_configuration),
		TEST(test_values_lie_over_the_settings),
		TEST(test_of_two_values_the_last_counts_however_many_there_are),
		TEST(test_what_follows_the_dashes_is_the_x_servers),
		TEST(test_what_is_wrong_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
