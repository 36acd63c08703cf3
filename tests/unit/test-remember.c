/* SPDX-License-Identifier: BSD-3-Clause */
#include "chooser/remember.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "unit/test.h"

static char *directory; /* of this test */
static char *file;	/* in a directory that is not there yet */

static int begin(void **state)
{
	(void)state;
	directory = xstrdup("/tmp/test-remember-XXXXXX");
	assert_non_null(mkdtemp(directory));
	file = xprintf("%s/.config/afar/session-choice", directory);
	alarm(20);
	return 0;
}

static int end(void **state)
{
	(void)state;
	alarm(0);
	sys_remove_tree(directory);
	free(directory);
	free(file);
	return 0;
}

static void assert_remembered(const char *wanted)
{
	CLEANUP(free) char *id = NULL;

	assert_int_equal(remember_load(file, &id), 0);
	assert_string_equal(id, wanted);
}

static void assert_refused(int error)
{
	char *id = NULL;

	assert_int_equal(remember_load(file, &id), error);
	assert_null(id);
}

static void test_a_choice_is_remembered_until_it_is_forgotten(void **state)
{
	(void)state;
	struct stat st;

	assert_refused(-ENOENT);
	assert_int_equal(remember_forget(file), 0);
	assert_int_equal(remember_save(file, "xfce.desktop"), 0);
	assert_remembered("xfce.desktop");
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(remember_save(file, "my own desk.desktop"), 0);
	assert_remembered("my own desk.desktop");
	assert_int_equal(remember_forget(file), 0);
	assert_refused(-ENOENT);
}

static void write_file(const char *bytes, size_t n)
{
	assert_int_equal(sys_save_file(file, bytes, n, SYS_SAVE_REPLACE), 0);
}

static void test_other_contents_are_no_choice(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = { { "", 0 }, { "\n", 1 }, { "a\nb\n", 4 }, { "a\n\n", 3 }, { "a\0b\n", 4 },
		{ "../a\n", 5 } };
	char huge[4096];

	assert_int_equal(remember_save(file, "x"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		write_file(bad[i].bytes, bad[i].n);
		assert_refused(-EBADMSG);
	}
	memset(huge, 'x', sizeof(huge));
	write_file(huge, sizeof(huge));
	assert_refused(-EFBIG);
	write_file("a.desktop", 9);
	assert_remembered("a.desktop");
}

/* T11 */
static void test_a_choice_that_others_can_write_is_refused(void **state)
{
	(void)state;
	assert_int_equal(remember_save(file, "a.desktop"), 0);
	assert_int_equal(chmod(file, 0620), 0);
	assert_refused(-EPERM);
	assert_int_equal(chmod(file, 0602), 0);
	assert_refused(-EPERM);
	assert_int_equal(chmod(file, 0644), 0);
	assert_remembered("a.desktop");
	if (geteuid() == 0) {
		assert_int_equal(chown(file, 65534, 0), 0);
		assert_refused(-EPERM);
	}
	unlink(file);
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_refused(-EINVAL);
}

static void test_a_choice_that_cannot_be_saved_is_an_error(void **state)
{
	(void)state;
	CLEANUP(free) char *config = xprintf("%s/.config", directory);

	assert_int_equal(symlink("/dev/null", config), 0);
	assert_int_equal(remember_save(file, "a.desktop"), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_choice_is_remembered_until_it_is_forgotten, begin, end),
		cmocka_unit_test_setup_teardown(test_other_contents_are_no_choice, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_choice_that_others_can_write_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_choice_that_cannot_be_saved_is_an_error, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
