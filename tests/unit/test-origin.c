/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/access/origin.h"

#include "base/mem.h"
#include "unit/test.h"

static char desk[] = "desk.example";
static char *const names[] = { desk };
static const struct origin_names configured = { names, 1 };
static const struct origin_names none = { NULL, 0 };

static void test_hosts_are_ours_by_name_with_any_port(void **state)
{
	(void)state;
	static const char *const hosts[] = {
		"127.0.0.1",
		"127.0.0.1:1",
		"127.0.0.1:65535",
		"localhost",
		"localhost:2327",
		"LocalHost:2327",
		"[::1]",
		"[::1]:2327",
		"desk.example",
		"DESK.example:80",
	};

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		assert_true(origin_host_is_ours(hosts[i], &configured));
	assert_false(origin_host_is_ours("desk.example", &none));
}

static void test_other_names_and_other_spellings_are_not(void **state)
{
	(void)state;
	static const char *const hosts[] = {
		"",
		":",
		":80",
		"evil.test",
		"localhost.",
		"localhost.evil.test",
		"evil.localhost",
		"127.0.0.1.evil.test",
		"127.0.0.2",
		"127.1",
		"0x7f000001",
		"2130706433",
		"::1",
		"::1:80",
		"[::1",
		"[::2]",
		"[::1]x",
		"[0:0:0:0:0:0:0:1]",
		"[::ffff:127.0.0.1]",
		"127.0.0.1:",
		"127.0.0.1:0",
		"127.0.0.1:65536",
		"127.0.0.1:-1",
		"127.0.0.1:+1",
		"127.0.0.1:80x",
		"127.0.0.1:80:80",
		"127.0.0.1 ",
		" 127.0.0.1",
		"127.0.0.1,evil.test",
		"user@127.0.0.1",
		"127.0.0.1/",
		"desk.example.",
		"a.desk.example",
		"desk",
		"desk.example.evil.test",
	};

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		assert_false(origin_host_is_ours(hosts[i], &configured));
}

static void test_an_origin_is_the_scheme_and_the_host_to_the_byte(void **state)
{
	(void)state;
	static const struct {
		const char *origin;
		const char *host;
		bool same;
	} cases[] = {
		{ "http://127.0.0.1:2327", "127.0.0.1:2327", true },
		{ "http://[::1]:2327", "[::1]:2327", true },
		{ "http://localhost", "localhost", true },
		{ "", "localhost", false },
		{ "null", "localhost", false },
		{ "http://", "localhost", false },
		{ "https://localhost", "localhost", false },
		{ "HTTP://localhost", "localhost", false },
		{ "http://LOCALHOST", "localhost", false },
		{ "http://localhost.", "localhost", false },
		{ "http://localhost/", "localhost", false },
		{ "http://localhost:80", "localhost", false },
		{ "http://localhost", "localhost:80", false },
		{ "http://localhost:2328", "localhost:2327", false },
		{ "http://localhost:2327.evil.test", "localhost:2327", false },
		{ "http://evil.test", "localhost:2327", false },
		{ "http://localhost http://evil.test", "localhost", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(origin_is_same(cases[i].origin, cases[i].host), cases[i].same);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts_are_ours_by_name_with_any_port),
		cmocka_unit_test(test_other_names_and_other_spellings_are_not),
		cmocka_unit_test(test_an_origin_is_the_scheme_and_the_host_to_the_byte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
