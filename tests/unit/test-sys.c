/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "unit/test.h"

static char directory[64];

static int make_directory(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/test-sys-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	return sys_remove_tree(directory);
}

static char *path_of(const char *name)
{
	return xprintf("%s/%s", directory, name);
}

static unsigned count_entries(void)
{
	DIR *dir = opendir(directory);
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

static void assert_content(const char *path, const char *expected)
{
	CLEANUP(free) char *text = NULL;
	size_t n;

	assert_int_equal(sys_read_file(path, 100, &text, &n), 0);
	assert_string_equal(text, expected);
}

static void test_a_saved_file_is_private_whole_and_alone(void **state)
{
	(void)state;
	CLEANUP(free) char *path = path_of("saved");
	struct stat st;

	assert_int_equal(sys_save_file(path, "one", 3, SYS_SAVE_NEW), 0);
	assert_int_equal(sys_save_file(path, "two", 3, SYS_SAVE_NEW), -EEXIST);
	assert_content(path, "one");
	assert_int_equal(sys_save_file(path, "three", 5, SYS_SAVE_REPLACE), 0);
	assert_content(path, "three");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(count_entries(), 1);
}

static void test_a_failed_save_leaves_the_old_file_and_no_other(void **state)
{
	(void)state;
	CLEANUP(free) char *nowhere = path_of("missing/file");
	CLEANUP(free) char *taken = path_of("taken");

	assert_int_equal(sys_save_file(nowhere, "x", 1, SYS_SAVE_REPLACE), -ENOENT);
	assert_int_equal(mkdir(taken, 0700), 0);
	assert_int_equal(sys_save_file(taken, "x", 1, SYS_SAVE_REPLACE), -EISDIR);
	assert_int_equal(count_entries(), 1);
}

/* CFG-04: what a link stands for is replaced, and the link stays one. */
static void test_a_save_goes_where_links_lead(void **state)
{
	(void)state;
	CLEANUP(free) char *away = path_of("away");
	CLEANUP(free) char *kept = path_of("away/kept");
	CLEANUP(free) char *second = path_of("away/second");
	CLEANUP(free) char *link = path_of("link");
	CLEANUP(free) char *none = path_of("none");
	struct stat st;

	assert_int_equal(mkdir(away, 0700), 0);
	assert_int_equal(sys_save_file(kept, "old", 3, SYS_SAVE_NEW), 0);
	assert_int_equal(symlink("kept", second), 0); /* of the link's directory, not of ours */
	assert_int_equal(symlink(second, link), 0);
	assert_int_equal(sys_save_file(link, "new", 3, SYS_SAVE_NEW), -EEXIST);
	assert_content(kept, "old");
	assert_int_equal(sys_save_file(link, "new", 3, SYS_SAVE_REPLACE), 0);
	assert_content(kept, "new");
	assert_content(link, "new");
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(lstat(second, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	/* To a file that is not there yet. */
	assert_int_equal(symlink("away/made", none), 0);
	assert_int_equal(sys_save_file(none, "made", 4, SYS_SAVE_NEW), 0);
	assert_content(none, "made");
	assert_int_equal(lstat(none, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(count_entries(), 3);
}

static void test_a_save_goes_nowhere_else(void **state)
{
	(void)state;
	CLEANUP(free) char *path = path_of("path");
	CLEANUP(free) char *file = path_of("file");
	struct stat st, null;

	assert_int_equal(symlink("path", path), 0);
	assert_int_equal(sys_save_file(path, "x", 1, SYS_SAVE_REPLACE), -ELOOP);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("missing/file", path), 0);
	assert_int_equal(sys_save_file(path, "x", 1, SYS_SAVE_NEW), -ENOENT);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(".", path), 0);
	assert_int_equal(sys_save_file(path, "x", 1, SYS_SAVE_REPLACE), -EISDIR);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(stat("/dev/null", &null), 0);
	assert_int_equal(sys_save_file(path, "x", 1, SYS_SAVE_REPLACE), -EINVAL);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_int_equal(st.st_ino, null.st_ino);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(sys_save_file(path, "x", 1, SYS_SAVE_REPLACE), -EINVAL);
	assert_int_equal(unlink(path), 0);
	if (geteuid() == 0) {
		assert_int_equal(sys_save_file(file, "kept", 4, SYS_SAVE_NEW), 0);
		assert_int_equal(symlink("file", path), 0);
		assert_int_equal(lchown(path, 65534, 65534), 0);
		assert_int_equal(sys_save_file(path, "x", 1, SYS_SAVE_REPLACE), -EPERM);
		assert_content(file, "kept");
		assert_int_equal(unlink(path), 0);
		assert_int_equal(unlink(file), 0);
	}
	assert_int_equal(count_entries(), 0);
}

static void test_only_regular_files_within_bounds_are_read(void **state)
{
	(void)state;
	CLEANUP(free) char *fifo = path_of("fifo");
	CLEANUP(free) char *large = path_of("large");
	char *text = NULL;
	size_t n;

	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(sys_read_file(fifo, 100, &text, &n), -EINVAL);
	assert_int_equal(sys_read_file(directory, 100, &text, &n), -EISDIR);
	assert_int_equal(sys_save_file(large, "12345", 5, SYS_SAVE_NEW), 0);
	assert_int_equal(sys_read_file(large, 4, &text, &n), -EFBIG);
	assert_null(text);
	assert_int_equal(sys_read_file(large, 5, &text, &n), 0);
	assert_int_equal(n, 5);
	free(text);
}

static void test_removing_a_tree_follows_no_link(void **state)
{
	(void)state;
	CLEANUP(free) char *outside = path_of("outside");
	CLEANUP(free) char *kept = path_of("outside/kept");
	CLEANUP(free) char *deep = path_of("tree/a/b/c");
	CLEANUP(free) char *tree = path_of("tree");
	CLEANUP(free) char *link = path_of("tree/a/link");

	assert_int_equal(sys_make_dirs(outside), 0);
	assert_int_equal(sys_make_dirs(deep), 0);
	assert_int_equal(sys_save_file(kept, "", 0, SYS_SAVE_NEW), 0);
	assert_int_equal(symlink(outside, link), 0);
	assert_int_equal(sys_remove_tree(tree), 0);
	assert_int_equal(access(tree, F_OK), -1);
	assert_int_equal(access(kept, F_OK), 0);
	assert_int_equal(sys_remove_tree(tree), 0);
}

static void test_a_log_is_new_and_the_latest(void **state) /* US-6 */
{
	(void)state;
	CLEANUP(free) char *prefix = path_of("log");
	CLEANUP(free) char *latest = path_of("log.latest");
	CLEANUP(free) char *first = NULL;
	CLEANUP(free) char *second = NULL;
	char target[128] = "";
	struct stat st;
	int linked, fd;

	fd = sys_new_log(prefix, &first, &linked);
	assert_true(fd >= 0);
	assert_int_equal(linked, 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	close(fd);
	/* The link goes from one to the other. */
	fd = sys_new_log(prefix, &second, &linked);
	assert_true(fd >= 0);
	close(fd);
	assert_string_not_equal(first, second);
	assert_int_equal(readlink(latest, target, sizeof(target) - 1), (int)strlen(second));
	assert_string_equal(target, second);
	assert_int_equal(count_entries(), 3);
	/* What cannot be replaced stays, and is told. */
	unlink(latest);
	assert_int_equal(mkdir(latest, 0700), 0);
	free(second);
	fd = sys_new_log(prefix, &second, &linked);
	assert_true(fd >= 0);
	close(fd);
	assert_true(linked < 0);
	assert_int_equal(count_entries(), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_saved_file_is_private_whole_and_alone,
			make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			test_a_failed_save_leaves_the_old_file_and_no_other, make_directory,
			remove_directory),
		cmocka_unit_test_setup_teardown(
			test_a_save_goes_where_links_lead, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			test_a_save_goes_nowhere_else, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(test_only_regular_files_within_bounds_are_read,
			make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(test_removing_a_tree_follows_no_link,
			make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			test_a_log_is_new_and_the_latest, make_directory, remove_directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
