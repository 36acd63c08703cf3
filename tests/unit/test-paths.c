/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/paths.h"
#include "base/flavour.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config-path.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "unit/test.h"

static char *directory; /* of this test */

static int begin(void **state)
{
	(void)state;
	directory = xstrdup("/tmp/test-paths-XXXXXX");
	assert_non_null(mkdtemp(directory));
	setenv("HOME", directory, 1);
	setenv("XDG_RUNTIME_DIR", directory, 1);
	unsetenv("XDG_STATE_HOME");
	return 0;
}

static int end(void **state)
{
	(void)state;
	sys_remove_tree(directory);
	free(directory);
	return 0;
}

static void find(struct paths *ret)
{
	char *why = NULL;

	assert_int_equal(paths_init(ret, &flavour_afar, NULL, &why), 0);
	assert_null(why);
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	return st.st_mode & 0777;
}

static void test_home_alone_decides_where_lock_and_configuration_are(void **state)
{
	(void)state;
	CLEANUP(free) char *lock = xprintf("%s/.config/afar/lock", directory);
	CLEANUP(free) char *log = xprintf("%s/.local/state/afar/afar.log", directory);
	struct paths paths;

	setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	find(&paths);
	assert_string_equal(paths.lock_file, lock);
	assert_string_equal(paths.log_file, log);
	paths_finish(&paths);
	setenv("XDG_STATE_HOME", "/elsewhere", 1);
	find(&paths);
	assert_string_equal(paths.lock_file, lock);
	assert_string_equal(paths.log_file, "/elsewhere/afar/afar.log");
	paths_finish(&paths);
	unsetenv("XDG_CONFIG_HOME");
}

static void test_a_home_that_is_unset_or_relative_is_the_accounts(void **state)
{
	(void)state;
	const struct passwd *entry = getpwuid(getuid());
	struct paths paths;

	if (!entry || entry->pw_dir[0] != '/')
		skip();
	unsetenv("HOME");
	find(&paths);
	assert_string_equal(paths.home, entry->pw_dir);
	paths_finish(&paths);
	setenv("HOME", "here", 1);
	find(&paths);
	assert_string_equal(paths.home, entry->pw_dir);
	paths_finish(&paths);
	setenv("HOME", "", 1);
	find(&paths);
	assert_string_equal(paths.home, entry->pw_dir);
	paths_finish(&paths);
}

static void test_a_runtime_directory_that_will_not_do_is_replaced(void **state)
{
	(void)state;
	static const char *const bad[] = { NULL, "", "relative/path", "/nonexistent/afar", "/dev/null" };
	struct paths paths;

	find(&paths);
	assert_string_equal(paths.runtime_base, directory);
	assert_false(paths.runtime_is_ours);
	paths_finish(&paths);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (bad[i])
			setenv("XDG_RUNTIME_DIR", bad[i], 1);
		else
			unsetenv("XDG_RUNTIME_DIR");
		find(&paths);
		assert_int_equal(paths.runtime_base[0], '/');
		assert_true(!bad[i] || !str_equal(paths.runtime_base, bad[i]));
		assert_true(paths.runtime_is_ours == str_starts(paths.runtime_base, "/tmp/afar-"));
		paths_finish(&paths);
	}
}

static void test_what_is_made_is_private(void **state)
{
	(void)state;
	struct paths paths;
	char *why = NULL;

	find(&paths);
	assert_int_equal(paths_make(&paths, &why), 0);
	assert_int_equal(mode_of(paths.config_dir), 0700);
	assert_int_equal(mode_of(paths.state_dir), 0700);
	assert_int_equal(mode_of(paths.runtime_dir), 0700);
	assert_int_equal(paths_make(&paths, &why), 0); /* again */
	assert_null(why);
	paths_finish(&paths);
}

/* ISO-03: as somebody else could plant it in /tmp. */
static void test_a_planted_link_or_a_wider_mode_is_refused(void **state)
{
	(void)state;
	CLEANUP(free) char *target = xprintf("%s/target", directory);
	CLEANUP(free) char *planted = xprintf("%s/afar-planted", directory);
	char *why = NULL;
	struct paths paths;

	find(&paths);
	assert_int_equal(mkdir(target, 0700), 0);
	free(paths.runtime_base);
	free(paths.runtime_dir);
	paths.runtime_base = xstrdup(planted);
	paths.runtime_dir = xprintf("%s/afar", planted);
	paths.runtime_is_ours = true;

	assert_int_equal(symlink(target, planted), 0);
	assert_int_equal(paths_make(&paths, &why), -EPERM);
	assert_non_null(strstr(why, planted));
	free(why);
	assert_int_equal(rmdir(target), 0); /* nothing was made behind it */

	assert_int_equal(unlink(planted), 0);
	assert_int_equal(mkdir(planted, 0700), 0);
	assert_int_equal(chmod(planted, 0755), 0);
	assert_int_equal(paths_make(&paths, &why), -EPERM);
	free(why);

	assert_int_equal(chmod(planted, 0700), 0);
	assert_int_equal(paths_make(&paths, &why), 0);
	paths_finish(&paths);
}

static void test_a_file_in_the_way_is_named(void **state)
{
	(void)state;
	CLEANUP(free) char *file = xprintf("%s/.config", directory);
	struct paths paths;
	char *why = NULL;

	find(&paths);
	assert_int_equal(sys_save_file(file, "", 0, SYS_SAVE_NEW), 0);
	assert_int_equal(paths_make(&paths, &why), -ENOTDIR);
	assert_non_null(strstr(why, paths.config_dir));
	free(why);
	paths_finish(&paths);
}

static void find_for(struct paths *ret, const char *config)
{
	char *why = NULL;

	assert_int_equal(paths_init(ret, &flavour_contract, config, &why), 0);
}

/* INST-5: one instance of each configuration, and the usual one has the plain names. */
static void test_each_configuration_of_the_contract_has_files_of_its_own(void **state)
{
	(void)state;
	CLEANUP(free) char *lock = xprintf("%s/.config/chrome-remote-desktop/lock", directory);
	CLEANUP(free) char *run = xprintf("%s/chrome-remote-desktop", directory);
	CLEANUP(free) char *other_lock = NULL, *other_run = NULL;
	CLEANUP(config_path) struct config_path usual = { 0 };
	char hash[CONFIG_PATH_HASH_MAX];
	struct paths paths;

	assert_int_equal(config_path_find(&flavour_contract, directory, NULL, &usual), 0);
	find_for(&paths, usual.path);
	assert_string_equal(paths.config_file, usual.path);
	assert_string_equal(paths.lock_file, lock);
	assert_string_equal(paths.runtime_dir, run);
	assert_null(paths.log_file); /* LOG-1 */
	assert_null(paths.state_dir);
	paths_finish(&paths);

	config_path_hash("/etc/other.json", hash);
	other_lock = xprintf("%s#%.10s", lock, hash);
	other_run = xprintf("%s#%.10s", run, hash);
	find_for(&paths, "/etc/other.json");
	assert_string_equal(paths.config_file, "/etc/other.json");
	assert_string_equal(paths.lock_file, other_lock);
	assert_string_equal(paths.runtime_dir, other_run);
	paths_finish(&paths);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_home_alone_decides_where_lock_and_configuration_are),
		TEST(test_a_home_that_is_unset_or_relative_is_the_accounts),
		TEST(test_a_runtime_directory_that_will_not_do_is_replaced),
		TEST(test_what_is_made_is_private),
		TEST(test_a_planted_link_or_a_wider_mode_is_refused),
		TEST(test_a_file_in_the_way_is_named),
		TEST(test_each_configuration_of_the_contract_has_files_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
