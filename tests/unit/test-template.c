/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/audio/template.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "unit/random.h"
#include "unit/test.h"

static const struct template_variable variables[] = {
	{ "name", "VALUE" },
	{ "name_2", "$name" },
	{ "empty", "" },
	{ NULL, NULL },
};

static void check_fill(const char *text, size_t n, const char *expected)
{
	CLEANUP(strbuf) struct strbuf filled = { 0 };

	assert_int_equal(template_fill(text, n, variables, &filled), 0);
	assert_string_equal(filled.text ? filled.text : "", expected);
}

/* AUDIO-6 */
static void test_variables_are_filled_in_and_all_else_stays(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "a $name b", "a VALUE b" },
		{ "$name$name", "VALUEVALUE" },
		{ "\"$name/x\"", "\"VALUE/x\"" },
		{ "${name}s", "VALUEs" },
		{ "$names", "$names" },
		{ "[$empty]", "[]" },
		/* What is filled in is not looked at again. */
		{ "$name_2", "$name" },
		{ "$$", "$" },
		{ "$$name", "$name" },
		{ "$$$name", "$VALUE" },
		{ "$$$$", "$$" },
		/* Hostile ones. */
		{ "$", "$" },
		{ "a$", "a$" },
		{ "$ name", "$ name" },
		{ "$1", "$1" },
		{ "${", "${" },
		{ "${name", "${name" },
		{ "${}", "${}" },
		{ "${name }", "${name }" },
		{ "${$name}", "${VALUE}" },
		{ "$\xc3\xa4$name", "$\xc3\xa4VALUE" },
		{ "%s%n$name", "%s%nVALUE" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_fill(cases[i][0], strlen(cases[i][0]), cases[i][1]);
	/* Nothing behind the end counts. */
	check_fill("$name", 3, "$na");
	check_fill("${name}", 6, "${name");
	check_fill("$$", 1, "$");
}

static void test_a_text_that_grows_without_end_is_refused(void **state)
{
	(void)state;
	CLEANUP(strbuf) struct strbuf filled = { 0 };
	CLEANUP(free) char *value = xalloc(1, 4097);
	CLEANUP(free) char *text = xalloc(1, TEMPLATE_MAX);
	const struct template_variable big[] = { { "a", value }, { NULL, NULL } };

	memset(value, 'x', 4096);
	for (size_t i = 0; i < TEMPLATE_MAX; i++)
		text[i] = i % 2 ? 'a' : '$';
	for (size_t i = 2; i < TEMPLATE_MAX; i += 3)
		text[i] = ' ';
	assert_int_equal(template_fill(text, TEMPLATE_MAX, big, &filled), -EFBIG);
	assert_true(filled.length < TEMPLATE_FILLED_MAX + 8192);
}

static void test_any_bytes_do_no_harm(void **state)
{
	(void)state;
	static const char alphabet[] = "$${}name_2 \0x";
	struct random random = { 1 };

	for (int i = 0; i < 20000; i++) {
		CLEANUP(strbuf) struct strbuf filled = { 0 };
		char text[32];
		size_t n = (size_t)random_below(&random, sizeof(text));

		for (size_t j = 0; j < n; j++)
			text[j] = alphabet[random_below(&random, sizeof(alphabet))];
		assert_int_equal(template_fill(text, n, variables, &filled), 0);
	}
}

/* AUDIO-6, CONST-7: the first directory that has it */
static void test_a_template_is_looked_for_in_order_and_bounded(void **state)
{
	(void)state;
	char directory[] = "/tmp/test-template-XXXXXX";
	CLEANUP(free) char *second = NULL;
	CLEANUP(free) char *big = xalloc(1, TEMPLATE_MAX + 1);
	const char *directories[3] = { directory, NULL, NULL };
	char path[128], *text;
	size_t n;

	assert_non_null(mkdtemp(directory));
	second = xprintf("%s/second", directory);
	assert_int_equal(mkdir(second, 0700), 0);
	directories[1] = second;
	assert_int_equal(template_read(directories, "x.conf", &text, &n), -ENOENT);
	snprintf(path, sizeof(path), "%s/x.conf.template", second);
	assert_int_equal(sys_save_file(path, "two", 3, SYS_SAVE_NEW), 0);
	assert_int_equal(template_read(directories, "x.conf", &text, &n), 0);
	assert_string_equal(text, "two");
	free(text);
	snprintf(path, sizeof(path), "%s/x.conf.template", directory);
	assert_int_equal(sys_save_file(path, "one", 3, SYS_SAVE_NEW), 0);
	assert_int_equal(template_read(directories, "x.conf", &text, &n), 0);
	assert_string_equal(text, "one");
	free(text);
	/* One that is too big, or no file, is an error: another in its place would surprise. */
	assert_int_equal(sys_save_file(path, big, TEMPLATE_MAX + 1, SYS_SAVE_REPLACE), 0);
	assert_int_equal(template_read(directories, "x.conf", &text, &n), -EFBIG);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(template_read(directories, "x.conf", &text, &n), -EINVAL);
	sys_remove_tree(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_variables_are_filled_in_and_all_else_stays),
		cmocka_unit_test(test_a_text_that_grows_without_end_is_refused),
		cmocka_unit_test(test_any_bytes_do_no_harm),
		cmocka_unit_test(test_a_template_is_looked_for_in_order_and_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
