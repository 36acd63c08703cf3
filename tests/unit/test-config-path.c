/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/config-path.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "unit/test.h"

static char *directory, *config_dir; /* of this test */

static int begin(void **state)
{
	(void)state;
	directory = xstrdup("/tmp/test-config-path-XXXXXX");
	assert_non_null(mkdtemp(directory));
	config_dir = xprintf("%s/.config/chrome-remote-desktop", directory);
	assert_int_equal(sys_make_dirs(config_dir), 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	sys_remove_tree(directory);
	free(config_dir);
	free(directory);
	return 0;
}

static char *make_file(const char *name)
{
	char *path = xprintf("%s/%s", config_dir, name);

	assert_int_equal(sys_save_file(path, "{}", 2, SYS_SAVE_REPLACE), 0);
	return path;
}

static char *usual(void)
{
	char hostname[HOST_NAME_MAX + 1] = "", hash[CONFIG_PATH_HASH_MAX];

	gethostname(hostname, sizeof(hostname) - 1);
	return xprintf("%s/host#%s.json", config_dir, config_path_hash(hostname, hash));
}

/* PIN-3's vector. */
static void test_CLI_5_the_hash_is_md5_of_the_hosts_name(void **state)
{
	(void)state;
	char hash[CONFIG_PATH_HASH_MAX];

	assert_string_equal(
		config_path_hash("crd-test-host", hash), "871582ee4982c424cbc2cc5dd8830ddd");
	assert_string_equal(config_path_hash("", hash), "d41d8cd98f00b204e9800998ecf8427e");
}

static void test_CLI_5_without_an_option_the_file_is_named_by_the_host(void **state)
{
	(void)state;
	CLEANUP(free) char *expected = usual();
	CLEANUP(config_path) struct config_path path = { 0 };

	assert_int_equal(config_path_find(&flavour_contract, directory, NULL, &path), 0);
	assert_string_equal(path.path, expected);
	assert_null(path.expected);
}

static void test_CLI_5_a_given_path_is_made_canonical_though_nothing_is_there(void **state)
{
	(void)state;
	CLEANUP(free) char *file = make_file("a");
	CLEANUP(free) char *link = xprintf("%s/link", directory);
	CLEANUP(free) char *dangling = xprintf("%s/dangling", directory);
	CLEANUP(free) char *loop = xprintf("%s/loop", directory);
	const struct {
		const char *given, *expected;
	} cases[] = {
		{ "%s/link/a", ".config/chrome-remote-desktop/a" },
		{ "%s//link/./a", ".config/chrome-remote-desktop/a" },
		{ "%s/link/../b", ".config/b" },
		{ "%s/nothing/../x/y", "x/y" },
		{ "%s/dangling", "gone/away" },
		{ "%s/dangling/more", "gone/away/more" },
		{ "%s/loop", "loop" },
		{ "%s/link/a/", ".config/chrome-remote-desktop/a" },
	};

	assert_int_equal(symlink(config_dir, link), 0);
	assert_int_equal(symlink("gone/away", dangling), 0);
	assert_int_equal(symlink("loop", loop), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(config_path) struct config_path path = { 0 };
		CLEANUP(free) char *given = xprintf("%s%s", directory, cases[i].given + 2);
		CLEANUP(free) char *expected = xprintf("%s/%s", directory, cases[i].expected);

		assert_int_equal(config_path_find(&flavour_contract, directory, given, &path), 0);
		assert_string_equal(path.path, expected);
	}
}

static void test_relative_and_odd_paths_are_resolved_too(void **state)
{
	(void)state;
	CLEANUP(free) char *giant = xalloc(65537, 1);
	CLEANUP(free) char *old = getcwd(NULL, 0);
	const struct {
		const char *given, *expected;
	} cases[] = {
		{ "/", "/" }, { "/..", "/" }, { "/../a", "/a" }, { "//", "/" }, { "/nowhere/./", "/nowhere" },
	};
	char *path;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(config_path_resolve(cases[i].given, &path), 0);
		assert_string_equal(path, cases[i].expected);
		free(path);
	}
	assert_int_equal(chdir(config_dir), 0);
	assert_int_equal(config_path_resolve("../x", &path), 0);
	assert_true(str_starts(path, directory) && strstr(path, "/.config/x"));
	free(path);
	assert_int_equal(config_path_resolve("", &path), 0);
	assert_string_equal(path, config_dir);
	free(path);
	memset(giant, 'a', 65536);
	giant[0] = '/';
	assert_int_equal(config_path_resolve(giant, &path), 0);
	assert_string_equal(path, giant);
	free(path);
	assert_int_equal(sys_remove_tree(config_dir), 0);
	assert_int_equal(config_path_resolve("x", &path), -ENOENT);
	assert_int_equal(chdir(old), 0);
}

/* CONST-7: SCRIPT's directory is where it was called, not where a link leads. */
static void test_CONST_7_an_absolute_path_keeps_its_links(void **state)
{
	(void)state;
	CLEANUP(free) char *link = xprintf("%s/link", directory);
	CLEANUP(free) char *given = xprintf("%s/./x/../link/afar", directory);
	CLEANUP(free) char *expected = xprintf("%s/link/afar", directory);
	CLEANUP(free) char *path = NULL;

	assert_int_equal(symlink(config_dir, link), 0);
	assert_int_equal(config_path_absolute(given, &path), 0);
	assert_string_equal(path, expected);
}

static void test_D_20_the_only_file_there_is_stands_in_after_a_new_name(void **state)
{
	(void)state;
	CLEANUP(free) char *expected = usual();
	CLEANUP(free) char *old = make_file("host#00000000000000000000000000000000.json");
	CLEANUP(free) char *settings = make_file("host#00000000000000000000000000000000.settings.json");
	CLEANUP(free) char *backup = make_file("host#00000000000000000000000000000000.json~");
	CLEANUP(free) char *second = NULL, *own = NULL;
	struct config_path path;

	assert_int_equal(config_path_find(&flavour_contract, directory, NULL, &path), 0);
	assert_string_equal(path.path, old);
	assert_string_equal(path.expected, expected);
	config_path_finish(&path);

	second = make_file("host#11111111111111111111111111111111.json");
	assert_int_equal(config_path_find(&flavour_contract, directory, NULL, &path), 0);
	assert_string_equal(path.path, expected); /* which of two cannot be known */
	assert_null(path.expected);
	config_path_finish(&path);

	assert_int_equal(unlink(second), 0);
	own = make_file(strrchr(expected, '/') + 1);
	assert_int_equal(config_path_find(&flavour_contract, directory, NULL, &path), 0);
	assert_string_equal(path.path, expected);
	assert_null(path.expected);
	config_path_finish(&path);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_CLI_5_the_hash_is_md5_of_the_hosts_name),
		TEST(test_CLI_5_without_an_option_the_file_is_named_by_the_host),
		TEST(test_CLI_5_a_given_path_is_made_canonical_though_nothing_is_there),
		TEST(test_relative_and_odd_paths_are_resolved_too),
		TEST(test_CONST_7_an_absolute_path_keeps_its_links),
		TEST(test_D_20_the_only_file_there_is_stands_in_after_a_new_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
