/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/display/authority.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "unit/test.h"

/* Before the cookie: FamilyWild, no address, number "20", the name. Xau(3). */
static const char head[] = "\xff\xff\0\0\0\00220\0\022MIT-MAGIC-COOKIE-1\0\020";
#define HEAD_BYTES (sizeof(head) - 1)
#define COOKIE_BYTES 16

static char directory[64];
static char *path;

static int begin(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/test-authority-XXXXXX");
	assert_non_null(mkdtemp(directory));
	path = xprintf("%s/xauthority", directory);
	return 0;
}

static int end(void **state)
{
	(void)state;
	sys_remove_tree(directory);
	free(path);
	return 0;
}

static char *written(void)
{
	char *bytes;
	size_t n;

	assert_int_equal(authority_write(path, 20), 0);
	assert_int_equal(sys_read_file(path, 4096, &bytes, &n), 0);
	assert_int_equal(n, HEAD_BYTES + COOKIE_BYTES);
	return bytes;
}

static void test_one_entry_for_any_host_name_with_a_fresh_cookie(void **state)
{
	(void)state;
	CLEANUP(free) char *one = written();
	CLEANUP(free) char *two = written();

	assert_memory_equal(one, head, HEAD_BYTES);
	assert_memory_equal(two, head, HEAD_BYTES);
	assert_memory_not_equal(one + HEAD_BYTES, two + HEAD_BYTES, COOKIE_BYTES);
}

/* ISO-02, ISO-03 */
static void test_the_file_is_new_and_private_whatever_was_there(void **state)
{
	(void)state;
	CLEANUP(free) char *other = xprintf("%s/other", directory);
	CLEANUP(free) char *one = NULL;
	CLEANUP(free) char *untouched = NULL;
	struct stat st;
	size_t n;

	assert_int_equal(sys_save_file(other, "keep", 4, SYS_SAVE_NEW), 0);
	assert_int_equal(symlink(other, path), 0);
	umask(0);
	one = written();
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(sys_read_file(other, 4096, &untouched, &n), 0);
	assert_string_equal(untouched, "keep");
}

static void test_a_place_that_cannot_be_written_is_an_error(void **state)
{
	(void)state;
	CLEANUP(free) char *nowhere = xprintf("%s/none/xauthority", directory);

	assert_int_equal(authority_write(nowhere, 20), -ENOENT);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(authority_write(path, 20) < 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_entry_for_any_host_name_with_a_fresh_cookie),
		TEST(test_the_file_is_new_and_private_whatever_was_there),
		TEST(test_a_place_that_cannot_be_written_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
