/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/audio/release.h"

#include <errno.h>

#include "base/mem.h"
#include "unit/test.h"

/* AUDIO-5: ordered as PEP 440 orders them, each before the next. */
static void test_versions_are_in_order(void **state)
{
	(void)state;
	static const char *const versions[] = {
		"0.3.9",
		"0.3.53.dev1",
		"0.3.53a1.dev2",
		"0.3.53a1",
		"0.3.53b1",
		"0.3.53rc1",
		"0.3.53rc10",
		"0.3.53",
		"0.3.53.post1.dev3",
		"0.3.53.post1",
		"0.3.53.1",
		"0.3.65",
		"0.3.100",
		"0.4",
		"1.0.5",
		"10",
		"1!0.1",
	};
	struct release a, b;

	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		assert_int_equal(release_parse(versions[i], &a), 0);
		assert_int_equal(release_compare(&a, &a), 0);
		for (size_t j = 0; j < i; j++) {
			assert_int_equal(release_parse(versions[j], &b), 0);
			assert_true(release_compare(&b, &a) < 0);
			assert_true(release_compare(&a, &b) > 0);
		}
	}
}

static void test_spellings_of_one_version_are_equal(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {
		{ "1.2", "1.2.0.0" },
		{ "v1.2", "1.2" },
		{ "1.2rc1", "1.2.RC-1" },
		{ "1.2rc1", "1.2pre1" },
		{ "1.2a", "1.2.alpha0" },
		{ "1.2-3", "1.2.post3" },
		{ "1.2.r3", "1.2_rev3" },
		{ "1.2+debian.1", "1.2" },
		{ "01.002", "1.2" },
		{ "0!1.2", "1.2" },
	};
	struct release a, b;

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		assert_int_equal(release_parse(pairs[i][0], &a), 0);
		assert_int_equal(release_parse(pairs[i][1], &b), 0);
		assert_int_equal(release_compare(&a, &b), 0);
	}
}

static void test_what_is_no_version_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = { "", "v", "x", "1.", "1..2", ".1", "1.2x", "1.2 ",
		" 1.2", "1.2+", "1.2+.", "1.2-", "1.2alphabet", "-1", "1!", "1.2.3.4.5.6.7.8.9",
		"1234567890", "1.2post1post2", "0.3.65\xff",
		"99999999999999999999999999999999" };
	struct release release;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(release_parse(texts[i], &release), -EINVAL);
}

/* AUDIO-5: a line of --version that ends so. */
static void test_it_is_found_in_what_programs_print(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int r;
		unsigned last; /* of three parts */
	} cases[] = {
		{ "pipewire\nCompiled with libpipewire 0.3.65\nLinked with libpipewire "
		  "0.3.66\n",
			0, 65 },
		{ "pipewire 0.3.1", 0, 1 },
		{ "pipewire pipewire 0.3.2\n", 0, 2 },
		{ "pipewire 0.3.3 or so\npipewire 0.3.4\n", 0, 4 },
		{ "\n\n\npipewire 0.3.5", 0, 5 },
		{ "pipewire 0.3.6\r\n", -ENOENT, 0 },
		{ "pipewire ", -ENOENT, 0 },
		{ "pipewire", -ENOENT, 0 },
		{ "", -ENOENT, 0 },
		{ "Pipewire 0.3.7\n", -ENOENT, 0 },
		{ "pipewire\t0.3.8\n", -ENOENT, 0 },
		{ "pipewire new\npipewire 0.3.9\n", -EINVAL, 0 },
	};
	struct release release;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(release_find(cases[i].text, "pipewire", &release), cases[i].r);
		if (cases[i].r == 0)
			assert_int_equal(release.parts[2], cases[i].last);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions_are_in_order),
		cmocka_unit_test(test_spellings_of_one_version_are_equal),
		cmocka_unit_test(test_what_is_no_version_is_refused),
		cmocka_unit_test(test_it_is_found_in_what_programs_print),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
