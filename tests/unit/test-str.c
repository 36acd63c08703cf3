/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/spawn.h"
#include "base/sys.h"
#include "unit/random.h"
#include "unit/test.h"

static void test_a_number_is_digits_within_bounds_and_nothing_else(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int r;
		unsigned long value;
	} cases[] = {
		{ "0", -ERANGE, 0 },
		{ "1", 0, 1 },
		{ "007", 0, 7 },
		{ "1000", 0, 1000 },
		{ "1001", -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "1.0", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned long value = 4711;

		assert_int_equal(str_to_uint(cases[i].text, 1, 1000, &value), cases[i].r);
		assert_int_equal(value, cases[i].r ? 4711 : cases[i].value);
	}
}

static void test_the_whole_range_of_the_type_can_be_read(void **state)
{
	(void)state;
	unsigned long value = 0;
	CLEANUP(free) char *text = xprintf("%lu", ULONG_MAX);

	assert_int_equal(str_to_uint(text, 0, ULONG_MAX, &value), 0);
	assert_true(value == ULONG_MAX);
}

static void test_the_last_part_of_a_path_is_its_basename(void **state)
{
	(void)state;
	assert_string_equal(str_basename("/usr/bin/afar"), "afar");
	assert_string_equal(str_basename("afar"), "afar");
	assert_string_equal(str_basename("/tmp/"), "");
	assert_string_equal(str_basename(""), "");
}

static void test_prefixes_and_emptiness_are_what_they_say(void **state)
{
	(void)state;
	assert_true(str_starts("MSG:text", "MSG:"));
	assert_true(str_starts("x", ""));
	assert_false(str_starts("MS", "MSG:"));
	assert_true(str_empty(NULL));
	assert_true(str_empty(""));
	assert_false(str_empty(" "));
}

static void test_text_grows_by_any_pieces_and_is_taken_away_from_the_front(void **state)
{
	(void)state;
	CLEANUP(strbuf) struct strbuf text = { 0 };

	strbuf_append(&text, "", 0);
	assert_string_equal(text.text, "");
	for (int i = 0; i < 1000; i++)
		strbuf_printf(&text, "%03d,", i);
	assert_false(text.failed);
	assert_int_equal(text.length, 4000);
	assert_memory_equal(text.text + 3996, "999,", 5);
	strbuf_consume(&text, 0);
	strbuf_consume(&text, 3996);
	assert_string_equal(text.text, "999,");
	strbuf_consume(&text, 4);
	assert_int_equal(text.length, 0);
	assert_string_equal(text.text, "");
	strbuf_append(&text, "a\0b", 3);
	assert_int_equal(text.length, 3);
	assert_memory_equal(text.text, "a\0b", 4);
}

static void test_a_word_for_the_shell_is_quoted_only_when_it_must_be(void **state)
{
	(void)state;
	static const struct {
		const char *text, *quoted;
	} cases[] = {
		{ "/usr/bin/openbox-session", "/usr/bin/openbox-session" },
		{ "a@b%c+d=e:f,g.h/i-j_k", "a@b%c+d=e:f,g.h/i-j_k" },
		{ "", "''" },
		{ "a b", "'a b'" },
		{ "it's", "'it'\"'\"'s'" },
		{ "$(rm)", "'$(rm)'" },
		{ "~", "'~'" },
		{ "\n", "'\n'" },
		{ "\xc3\xa4", "'\xc3\xa4'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(strbuf) struct strbuf text = { 0 };

		str_quote(&text, cases[i].text);
		assert_string_equal(text.text, cases[i].quoted);
	}
}

/* What sh(1) prints. */
static char *run_shell(const char *script, size_t *ret_n)
{
	struct spawn spawn = { .argv = (const char *const[]){ "sh", "-c", script, NULL } };
	int fds[2], status;
	char *said;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	spawn_map(&spawn, fds[1], STDOUT_FILENO);
	pid = spawn_start(&spawn);
	assert_true(pid > 0);
	close(fds[1]);
	assert_int_equal(sys_read_fd(fds[0], 1 << 20, &said, ret_n), 0);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return said;
}

/* Few kinds, so that what means something stands beside what does, too. */
static size_t random_text(struct random *random, char *to, int n_max)
{
	static const char special[] = "'\"\\$`!*?[]{}()<>|&;~# \t\n\r=-%@^a";
	bool any = random_below(random, 2);
	int n = random_below(random, n_max);

	for (int i = 0; i < n; i++)
		to[i] = any ? (char)(1 + random_below(random, 255))
			    : special[random_below(random, sizeof(special) - 1)];
	to[n] = '\0';
	return (size_t)n + 1;
}

static void test_the_shell_gives_every_text_back_as_it_was(void **state)
{
	(void)state;
	enum { RUNS = 20, WORDS = 100, LENGTH = 60 };
	struct random random = { .state = 2327 };

	for (int run = 0; run < RUNS; run++) {
		CLEANUP(strbuf) struct strbuf script = { 0 };
		CLEANUP(strbuf) struct strbuf expected = { 0 };
		CLEANUP(free) char *said = NULL;
		size_t n;

		strbuf_printf(&script, "printf '%%s\\0'");
		for (int i = 0; i < WORDS; i++) {
			char text[LENGTH];

			strbuf_append(&expected, text, random_text(&random, text, LENGTH));
			strbuf_append(&script, " ", 1);
			str_quote(&script, text);
		}
		assert_false(script.failed || expected.failed);
		said = run_shell(script.text, &n);
		assert_int_equal(n, expected.length);
		assert_memory_equal(said, expected.text, n);
	}
}

/* As the D-Bus specification has it, "Server Addresses". */
static void test_an_address_has_plain_bytes_only(void **state)
{
	(void)state;
	CLEANUP(strbuf) struct strbuf text = { 0 };

	str_escape_address(&text, "/run/user/7/a-b_c.d");
	assert_string_equal(text.text, "/run/user/7/a-b_c.d");
	str_escape_address(&text, " #,;=%:\n\xc3\xbc");
	assert_string_equal(text.text, "/run/user/7/a-b_c.d%20%23%2c%3b%3d%25%3a%0a%c3%bc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_number_is_digits_within_bounds_and_nothing_else),
		cmocka_unit_test(test_the_whole_range_of_the_type_can_be_read),
		cmocka_unit_test(test_the_last_part_of_a_path_is_its_basename),
		cmocka_unit_test(test_prefixes_and_emptiness_are_what_they_say),
		cmocka_unit_test(test_text_grows_by_any_pieces_and_is_taken_away_from_the_front),
		cmocka_unit_test(test_a_word_for_the_shell_is_quoted_only_when_it_must_be),
		cmocka_unit_test(test_the_shell_gives_every_text_back_as_it_was),
		cmocka_unit_test(test_an_address_has_plain_bytes_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
