/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/contract/command-line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "unit/test.h"

#define WORDS_MAX 12
#define LONG_BYTES (64 * 1024)

/* What was read, in one line: "start child-process size=1x1 x=-a". */
static char *describe(const struct command_line *line)
{
	static const char *const names[OPTION_N] = {
		[OPTION_FOREGROUND] = "foreground",
		[OPTION_START] = "start",
		[OPTION_STOP] = "stop",
		[OPTION_GET_STATUS] = "get-status",
		[OPTION_CHECK_RUNNING] = "check-running",
		[OPTION_RELOAD] = "reload",
		[OPTION_ENABLE_AND_START] = "enable-and-start",
		[OPTION_HELP] = "help",
		[OPTION_CHILD_PROCESS] = "child-process",
		[OPTION_NEW_SESSION] = "new-session",
	};
	struct strbuf text = { 0 };

	for (int i = 0; i < OPTION_N; i++) {
		if (line->given[i] && names[i])
			strbuf_printf(&text, "%s ", names[i]);
	}
	if (line->config)
		strbuf_printf(&text, "config=%s ", line->config);
	if (line->add_user_as_root)
		strbuf_printf(&text, "user=%s ", line->add_user_as_root);
	if (line->given[OPTION_WATCH_RESOLUTION])
		strbuf_printf(&text, "watch=%ld,%ld ", line->watch_px[0], line->watch_px[1]);
	for (size_t i = 0; i < line->n_sizes; i++)
		strbuf_printf(&text, "size=%s ", line->sizes[i]);
	for (size_t i = 0; i < line->n_x_options; i++)
		strbuf_printf(&text, "x=%s ", line->x_options[i]);
	if (text.length)
		text.text[text.length - 1] = '\0';
	return text.text ? text.text : xstrdup("");
}

/* As a description, or "error: " and why. */
static char *read_as_text(size_t n, const char *const *words)
{
	CLEANUP(command_line) struct command_line line = { 0 };
	CLEANUP(free) char *why = NULL;

	if (command_line_parse(&line, n, words, &why) < 0) {
		assert_int_equal(line.n_words, 0);
		return xprintf("error: %s", why);
	}
	return describe(&line);
}

static size_t count(const char *const *words)
{
	size_t n = 0;

	while (words[n])
		n++;
	return n;
}

static const struct {
	const char *words[WORDS_MAX];
	const char *expected;
} cases[] = {
	{ { NULL }, "" },
	/* CLI-1: each of them. */
	{ { "-s", "1x2", "--size", "3x4", NULL }, "size=1x2 size=3x4" },
	{ { "-f", NULL }, "foreground" },
	{ { "--foreground", NULL }, "foreground" },
	{ { "--start", NULL }, "start" },
	{ { "-k", NULL }, "stop" },
	{ { "--stop", NULL }, "stop" },
	{ { "--get-status", NULL }, "get-status" },
	{ { "--check-running", NULL }, "check-running" },
	{ { "--config", "/a b", NULL }, "config=/a b" },
	{ { "--reload", NULL }, "reload" },
	{ { "--enable-and-start", NULL }, "enable-and-start" },
	{ { "--add-user-as-root", "me", NULL }, "user=me" },
	{ { "-h", NULL }, "help" },
	{ { "--help", NULL }, "help" },
	{ { "--start", "--child-process", NULL }, "start child-process" },
	{ { "--start", "--new-session", NULL }, "start new-session" },
	{ { "--watch-resolution", "1600", "1200", NULL }, "watch=1600,1200" },
	{ { "--start", "--", "-nocursor", "--stop", NULL }, "start x=-nocursor x=--stop" },
	{ { "x", "--start", NULL }, "start x=x" },
	/* CLI-2: forms. */
	{ { "-s1x2", NULL }, "size=1x2" },
	{ { "-s=1x2", NULL }, "size=1x2" },
	{ { "-s1=2", NULL }, "size=1=2" },
	{ { "--size=1x2", NULL }, "size=1x2" },
	{ { "--size=", NULL }, "size=" },
	{ { "--config=a=b", NULL }, "config=a=b" },
	{ { "--config", "", NULL }, "config=" },
	{ { "--config", "-", NULL }, "config=-" },
	{ { "--config", "-1", NULL }, "config=-1" },
	{ { "--config", "-1.5", NULL }, "config=-1.5" },
	{ { "--config", "-a b", NULL }, "config=-a b" },
	{ { "--config=a", "--config", "b", NULL }, "config=b" },
	{ { "--config=--start", NULL }, "config=--start" },
	{ { "--watch-resolution", "-5", "+7", NULL }, "watch=-5,7" },
	{ { "-fk", NULL }, "foreground stop" },
	{ { "-fs1x2", NULL }, "foreground size=1x2" },
	{ { "-fks", "1x2", NULL }, "foreground stop size=1x2" },
	{ { "--star", NULL }, "start" },
	{ { "--g", NULL }, "get-status" },
	{ { "--si=1x2", NULL }, "size=1x2" },
	{ { "--con", "a", NULL }, "config=a" },
	{ { "--he", "--nonsense", NULL }, "help" },
	{ { "--start", "a", "--", "b", "--", "c", NULL }, "start x=a x=b x=-- x=c" },
	{ { "--", NULL }, "" },
	/* CLI-2: errors. */
	{ { "--nonsense", NULL }, "error: unrecognized arguments: --nonsense" },
	{ { "-x", "-y=1", NULL }, "error: unrecognized arguments: -x -y=1" },
	{ { "a", "--start", "b", NULL }, "error: unrecognized arguments: b" },
	{ { "-5", NULL }, "x=-5" },
	{ { "--st", NULL }, "error: ambiguous option: --st could match --start, --stop" },
	{ { "--c=a", NULL },
		"error: ambiguous option: --c=a could match --check-running, --config, "
		"--child-process" },
	{ { "--start=1", NULL }, "error: argument --start: ignored explicit argument '1'" },
	{ { "-fx", NULL }, "error: argument -f/--foreground: ignored explicit argument 'x'" },
	{ { "-f=", NULL }, "error: argument -f/--foreground: ignored explicit argument ''" },
	{ { "--config", NULL }, "error: argument --config: expected one argument" },
	{ { "--config", "--start", NULL }, "error: argument --config: expected one argument" },
	{ { "--config", "--", "a", NULL }, "error: argument --config: expected one argument" },
	{ { "-s", NULL }, "error: argument -s/--size: expected one argument" },
	{ { "--add-user-as-root", NULL },
		"error: argument --add-user-as-root: expected one argument" },
	{ { "--watch-resolution", "1", NULL },
		"error: argument --watch-resolution: expected 2 arguments" },
	{ { "--watch-resolution=1", "2", NULL },
		"error: argument --watch-resolution: expected 2 arguments" },
	{ { "--watch-resolution", "1", "x", NULL },
		"error: argument --watch-resolution: invalid int value: 'x'" },
	{ { "--watch-resolution", "99999999999999999999", "1", NULL },
		"error: argument --watch-resolution: invalid int value: '99999999999999999999'" },
};

static void test_CLI_1_CLI_2_every_form_is_read_as_argparse_reads_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(free) char *text = read_as_text(count(cases[i].words), cases[i].words);

		if (!str_equal(text, cases[i].expected))
			fail_msg("case %zu: '%s', not '%s'", i, text, cases[i].expected);
	}
}

/* START-2: what was read, printed and read again is the same. */
static void test_what_is_printed_reads_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(command_line) struct command_line line = { 0 };
		CLEANUP(free) char *why = NULL, *text = NULL;
		CLEANUP(free) const char **printed = NULL;
		size_t n;

		if (command_line_parse(&line, count(cases[i].words), cases[i].words, &why) < 0)
			continue;
		printed = command_line_print(&line, &n);
		assert_null(printed[n]);
		assert_int_equal(n, count(cases[i].words));
		for (size_t w = 0; w < n; w++)
			assert_string_equal(printed[w], cases[i].words[w]);
		text = read_as_text(n, printed);
		assert_string_equal(text, cases[i].expected);
	}
}

static char *print_joined(const struct command_line *line)
{
	CLEANUP(free) const char **words = NULL;
	struct strbuf text = { 0 };
	size_t n;

	words = command_line_print(line, &n);
	for (size_t i = 0; i < n; i++)
		strbuf_printf(&text, "%s%s", i ? " " : "", words[i]);
	return text.text ? text.text : xstrdup("");
}

static void read_line(struct command_line *ret, const char *const *words)
{
	char *why = NULL;

	assert_int_equal(command_line_parse(ret, count(words), words, &why), 0);
}

/* START-2, LSH-1, CLI-13. */
static void test_edits_leave_all_other_words_as_they_were(void **state)
{
	(void)state;
	static const char *const words[] = { "-fs", "1x2", "--conf", "a", "--enable-and-start",
		"--new-session", "--config=b", "--", "--config", "c", NULL };
	CLEANUP(command_line) struct command_line line = { 0 };
	CLEANUP(free) char *text = NULL;

	read_line(&line, words);
	command_line_drop(&line, OPTION_CONFIG);
	command_line_drop(&line, OPTION_NEW_SESSION);
	command_line_replace(&line, OPTION_ENABLE_AND_START, OPTION_START);
	command_line_put(&line, OPTION_CONFIG, "/d");
	text = print_joined(&line);
	assert_string_equal(text, "--config=/d -fs 1x2 --start -- --config c");
}

/* START-4, D-19. */
static void test_saved_options_are_laid_under_those_that_are_given(void **state)
{
	(void)state;
	static const struct {
		const char *own[8], *saved[8], *expected;
	} table[] = {
		{ { "--start", NULL }, { "--size=1x2", "--", "-a", NULL }, "--start --size=1x2 -- -a" },
		{ { "--start", NULL }, { "--config=/c", NULL }, "--config=/c --start" },
		{ { "--start", "--config", "/own", NULL }, { "--config=/c", NULL },
			"--start --config /own" },
		{ { "-s3x4", "--", "-b", NULL }, { "--size=1x2", "--", "-a", NULL },
			"-s3x4 --size=1x2 -- -b -a" },
		{ { "b", "--start", NULL }, { "--", "--size", NULL }, "--start -- b --size" },
		{ { "--start", NULL }, { "--stop", "--child-process", NULL }, "--start" },
		{ { "--start", NULL }, { NULL }, "--start" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		CLEANUP(command_line) struct command_line own = { 0 }, saved = { 0 };
		CLEANUP(free) char *text = NULL;

		read_line(&own, table[i].own);
		read_line(&saved, table[i].saved);
		command_line_join(&own, &saved);
		text = print_joined(&own);
		assert_string_equal(text, table[i].expected);
	}
}

/* INST-3. */
static void test_INST_3_the_configuration_of_another_process_is_found_among_anything(void **state)
{
	(void)state;
	static const struct {
		const char *words[WORDS_MAX], *expected;
	} table[] = {
		{ { "--start", NULL }, NULL },
		{ { "--start", "--config", "/a", NULL }, "/a" },
		{ { "--config=/a", "--start", NULL }, "/a" },
		{ { "--start", "--config", NULL }, NULL },
		{ { "--config", "--start", NULL }, NULL },
		{ { "--option-of-tomorrow", "x", "--conf", "/a", "-q", NULL }, "/a" },
		{ { "--start", "--", "--config", "/a", NULL }, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		CLEANUP(free) char *found
			= command_line_find_config(count(table[i].words), table[i].words);

		if (table[i].expected)
			assert_string_equal(found, table[i].expected);
		else
			assert_null(found);
	}
}

/* FUZ-07: every option with what nobody means. */
static void test_FUZ_07_hostile_arguments_are_read_or_refused(void **state)
{
	(void)state;
	static const char *const names[] = { "--size", "-s", "--foreground", "-f", "--start", "--stop",
		"-k", "--get-status", "--check-running", "--config", "--reload", "--enable-and-start",
		"--add-user-as-root", "--help", "-h", "--child-process", "--new-session",
		"--watch-resolution", "--", "-", "--=", "-=", "---", "" };
	CLEANUP(free) char *giant = xalloc(LONG_BYTES + 1, 1);
	const char *const values[] = { NULL, "", giant, "--", "1x1", "99999999999x1", "-1x-1", "0x10",
		"1e3x5", "\xc3\x97", "\xff\xfe", "%s%n", "--size", "-s", "-fk", "1", "-1" };

	memset(giant, 'a', LONG_BYTES);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
			CLEANUP(free) char *attached
				= xprintf("%s=%s", names[i], values[v] ? values[v] : "");
			CLEANUP(free) char *glued
				= xprintf("%s%s", names[i], values[v] ? values[v] : "");
			const char *const forms[][6] = {
				{ names[i], values[v], NULL },
				{ names[i], values[v] ? values[v] : names[i], names[i], NULL },
				{ attached, attached, NULL },
				{ glued, values[v], values[v], NULL },
			};

			for (size_t f = 0; f < ARRAY_SIZE(forms); f++) {
				CLEANUP(free) char *text = read_as_text(count(forms[f]), forms[f]);

				assert_non_null(text);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_CLI_1_CLI_2_every_form_is_read_as_argparse_reads_it),
		cmocka_unit_test(test_what_is_printed_reads_the_same),
		cmocka_unit_test(test_edits_leave_all_other_words_as_they_were),
		cmocka_unit_test(test_saved_options_are_laid_under_those_that_are_given),
		cmocka_unit_test(test_INST_3_the_configuration_of_another_process_is_found_among_anything),
		cmocka_unit_test(test_FUZ_07_hostile_arguments_are_read_or_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
