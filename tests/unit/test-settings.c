/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/settings.h"

#include <errno.h>

#include "base/flavour.h"
#include "base/mem.h"
#include "unit/test.h"

static void test_sizes_are_100_to_16384_each_way_and_nothing_else(void **state)
{
	(void)state;
	static const char *const good[] = { "100x100", "1920x1080", "16384x16384", "0100x0200" };
	static const char *const bad[] = { "", "x", "1920", "1920x", "x1080", "99x100", "100x99",
		"16385x100", "-1x-1", "+100x100", "0x10", "1e3x5", "99999999999x1", "100x100x100",
		"100 x100", "100\303\227100", "100x100 " };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct settings_size size;
		char why[SETTINGS_WHY_MAX];

		assert_int_equal(settings_parse_size(good[i], &size, why), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct settings_size size = { 1, 2 };
		char why[SETTINGS_WHY_MAX] = "";

		assert_int_equal(settings_parse_size(bad[i], &size, why), -EINVAL);
		assert_int_equal(size.width, 1);
		assert_true(why[0]);
	}
}

/* SIZE-2, N-3 */
static void test_a_list_with_a_size_that_is_none_changes_nothing(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "x", "800x600,x", "x,800x600", "800x600,,640x480" };
	struct settings settings;
	char why[SETTINGS_WHY_MAX];

	settings_init(&settings, &flavour_contract);
	assert_int_equal(settings.n_sizes, 2);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(settings_set(&settings, "display", "sizes", bad[i], why), -EINVAL);
		assert_int_equal(settings.n_sizes, 2);
		assert_int_equal(settings.sizes[0].width, 1600);
	}
}

static void test_only_loopback_addresses_are_listened_on(void **state)
{
	(void)state;
	static const struct {
		const char *text, *host;
		unsigned port;
	} good[] = {
		{ "127.0.0.1:2327", "127.0.0.1", 2327 },
		{ "127.0.0.1", "127.0.0.1", 0 },
		{ "127.1.2.3:65535", "127.1.2.3", 65535 },
		{ "[::1]:80", "::1", 80 },
		{ "[::1]", "::1", 0 },
		{ "::1", "::1", 0 },
		{ "localhost:1", "127.0.0.1", 1 },
	};
	static const char *const bad[] = { "", ":80", "0.0.0.0:80", "192.168.0.1:80", "[::]:80",
		"127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:", "127.0.0.1:x", "[::1", "[::1]80",
		"example.org:80", "128.0.0.1", "127.0.0.1:80:80" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct settings_address address;
		char why[SETTINGS_WHY_MAX];

		assert_int_equal(settings_parse_address(good[i].text, &address, why), 0);
		assert_string_equal(address.host, good[i].host);
		assert_int_equal(address.port, good[i].port);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct settings_address address;
		char why[SETTINGS_WHY_MAX] = "";

		assert_int_equal(settings_parse_address(bad[i], &address, why), -EINVAL);
		assert_true(why[0]);
	}
}

static void test_a_file_is_laid_over_what_there_was(void **state)
{
	(void)state;
	static const char text[] =
		"# a comment\n[display]\ntype = xvfb\nsizes = 800x600 , 1024x768\n"
		"[server]\nnames = desk, desk.example.org\n"
		"[relaunch]\nfast_delay = 0.25\nslow_after = 7\n[session]\ncommand = exec startxfce4 --x\n";
	struct settings settings;
	char why[SETTINGS_WHY_MAX];
	unsigned line;

	settings_init(&settings, &flavour_afar);
	assert_int_equal(settings_read(&settings, text, NULL, NULL, &line, why), 0);
	assert_int_equal(settings.display, SETTINGS_DISPLAY_XVFB);
	assert_int_equal(settings.n_sizes, 2);
	assert_int_equal(settings.sizes[1].width, 1024);
	assert_int_equal(settings.n_names, 2);
	assert_string_equal(settings.names[1], "desk.example.org");
	assert_int_equal(settings.fast_delay, USEC_PER_SEC / 4);
	assert_int_equal(settings.slow_after, 7);
	assert_int_equal(settings.slow_delay, 60 * USEC_PER_SEC);
	assert_string_equal(settings.session, "exec startxfce4 --x");
}

/* D-1 */
static void test_a_display_to_attach_to_is_named_or_found(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int r;
		unsigned number;
	} cases[] = {
		{ "attach", 0, SETTINGS_DISPLAY_ANY },
		{ "attach:0", 0, 0 },
		{ "attach:65535", 0, 65535 },
		{ "attach:65536", -EINVAL, 0 },
		{ "attach:", -EINVAL, 0 },
		{ "attach:-1", -EINVAL, 0 },
		{ "attach:0.0", -EINVAL, 0 },
		{ "attach::0", -EINVAL, 0 },
		{ "attach0", -EINVAL, 0 },
		{ "attached", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct settings settings;
		char why[SETTINGS_WHY_MAX] = "";

		settings_init(&settings, &flavour_afar);
		assert_int_equal(
			settings_set(&settings, "display", "type", cases[i].text, why), cases[i].r);
		assert_int_equal(!why[0], cases[i].r == 0);
		assert_int_equal(settings.display == SETTINGS_DISPLAY_ATTACH, cases[i].r == 0);
		if (cases[i].r == 0)
			assert_int_equal(settings.attach_display, cases[i].number);
	}
}

/* CURT-2 */
static void test_locking_is_off_or_by_what_there_is_or_by_a_command(void **state)
{
	(void)state;
	struct settings settings;
	char why[SETTINGS_WHY_MAX], longest[600];

	settings_init(&settings, &flavour_afar);
	assert_string_equal(settings.lock_on_leave, "");
	assert_int_equal(
		settings_set(&settings, "display", "lock_on_leave", "i3lock -n -c 000000", why), 0);
	assert_string_equal(settings.lock_on_leave, "i3lock -n -c 000000");
	assert_int_equal(settings_set(&settings, "display", "lock_on_leave", "yes", why), 0);
	assert_string_equal(settings.lock_on_leave, "yes");
	assert_int_equal(settings_set(&settings, "display", "lock_on_leave", "no", why), 0);
	assert_string_equal(settings.lock_on_leave, "");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(
		settings_set(&settings, "display", "lock_on_leave", longest, why), -EINVAL);
}

static void count_warning(void *data, const char *section, const char *key)
{
	(void)section;
	(void)key;
	++*(unsigned *)data;
}

static void test_an_unknown_key_is_a_warning(void **state)
{
	(void)state;
	unsigned line, n = 0;
	struct settings settings;
	char why[SETTINGS_WHY_MAX];

	settings_init(&settings, &flavour_afar);
	assert_int_equal(settings_read(&settings, "[display]\ncolour = blue\n[moon]\nphase = full\n",
				 count_warning, &n, &line, why),
		0);
	assert_int_equal(n, 2);
}

static void test_a_bad_value_names_its_line_and_changes_nothing(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned line;
	} cases[] = {
		{ "[display]\nsizes = 800x600\ntype = wayland\n", 3 },
		{ "[display]\nsizes = 640x480,1x1\n", 2 },
		{ "[display]\nsizes =\n", 2 },
		{ "\n\n[relaunch]\nfast_delay = soon\n", 4 },
		{ "[relaunch]\nfast_delay = -1\n", 2 },
		{ "[relaunch]\nslow_after = 99999999999999999999\n", 2 },
		{ "[server]\nlisten = 8.8.8.8:53\n", 2 },
		{ "[server]\nnames = a b\n", 2 },
		{ "no equals sign\n", 1 },
		{ "[display]\nsizes = 100x100,100x100,100x100,100x100,100x100,100x100,100x100,100x100,"
		  "100x100,100x100,100x100,100x100,100x100,100x100,100x100,100x100,100x100\n",
			2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct settings settings, before;
		char why[SETTINGS_WHY_MAX] = "";
		unsigned line = 0;

		settings_init(&settings, &flavour_afar);
		before = settings;
		assert_int_equal(
			settings_read(&settings, cases[i].text, NULL, NULL, &line, why), -EINVAL);
		assert_int_equal(line, cases[i].line);
		assert_true(why[0]);
		assert_memory_equal(&settings, &before, sizeof(settings));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_are_100_to_16384_each_way_and_nothing_else),
		cmocka_unit_test(test_a_list_with_a_size_that_is_none_changes_nothing),
		cmocka_unit_test(test_only_loopback_addresses_are_listened_on),
		cmocka_unit_test(test_a_file_is_laid_over_what_there_was),
		cmocka_unit_test(test_a_display_to_attach_to_is_named_or_found),
		cmocka_unit_test(test_locking_is_off_or_by_what_there_is_or_by_a_command),
		cmocka_unit_test(test_an_unknown_key_is_a_warning),
		cmocka_unit_test(test_a_bad_value_names_its_line_and_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
