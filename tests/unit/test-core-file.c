/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/core-file.h"

#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "unit/fds.h"
#include "unit/test.h"

#define UID 1000
#define PID 4711
/* 2026-01-31T12:00:00.250Z */
#define WALL ((usec_t)1769860800250000)
#define BOOT "0123456789abcdef0123456789abcdef"
#define SYSTEMD "|/lib/systemd/systemd-coredump %P %u %g %s %t %c %h\n"

static char directory[64], pattern[96], cores[96];
static struct core_place place;
static unsigned n_fds;

static void write_file(const char *path, const char *text)
{
	assert_int_equal(sys_save_file(path, text, strlen(text), SYS_SAVE_REPLACE), 0);
}

static void add(const char *name)
{
	CLEANUP(free) char *path = xprintf("%s/%s", cores, name);

	write_file(path, "");
}

static int begin(void **state)
{
	(void)state;
	n_fds = fds_count();
	snprintf(directory, sizeof(directory), "/tmp/test-core-file-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(pattern, sizeof(pattern), "%s/core_pattern", directory);
	snprintf(cores, sizeof(cores), "%s/coredump", directory);
	place = (struct core_place){ .pattern = pattern, .directory = cores };
	assert_int_equal(sys_make_dirs(cores), 0);
	write_file(pattern, SYSTEMD);
	return 0;
}

static int end(void **state)
{
	(void)state;
	sys_remove_tree(directory);
	assert_int_equal(fds_count(), n_fds);
	return 0;
}

/* @name: NULL: none. */
static void check_found(const char *name)
{
	CLEANUP(free) char *found = core_file_find(&place, UID, PID, WALL);
	CLEANUP(free) char *expected = name ? xprintf("%s/%s", cores, name) : NULL;

	if (!name)
		assert_null(found);
	else if (!found)
		fail_msg("%s is not found", name);
	else
		assert_string_equal(found, expected);
}

static void test_it_is_found_by_user_process_and_time(void **state)
{
	(void)state;
	static const char *const others[] = {
		"core.afar-host.1001." BOOT ".4711.1769860800000000.zst", /* another user's */
		"core.afar-host.1000." BOOT ".4712.1769860800000000.zst", /* another process's */
		"core.afar-host.1000." BOOT ".4711.1769850000000000.zst", /* of three hours before */
		"core.afar-host.1000." BOOT ".4711.1769860803000000.zst", /* after the end */
		"core.afar-host.1000.4711.1769860800000000.zst",
		".#core.afar-host.1000." BOOT ".4711.1769860800000000.zst0123",
		"vmcore.afar-host.1000." BOOT ".4711.1769860800000000",
		"core",
	};
	static const char *const rights[] = {
		"core.openbox.1000." BOOT ".4711.1769860700000000", /* it took its time */
		"core.a\\x2eb.1000." BOOT ".4711.1769860750000000.lz4",
		"core.afar-host.1000." BOOT ".4711.1769860800000000.zst", /* the last one counts */
	};

	check_found(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		add(others[i]);
	check_found(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
		add(rights[i]);
		check_found(rights[i]);
	}
}

static void test_where_others_get_the_cores_nothing_is_said(void **state)
{
	(void)state;
	static const char *const patterns[] = {
		"core\n", "", "|/usr/share/apport/apport -p%p\n", "/tmp/systemd-coredump/core\n",
	};

	add("core.afar-host.1000." BOOT ".4711.1769860800000000.zst");
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		write_file(pattern, patterns[i]);
		check_found(NULL);
	}
	unlink(pattern);
	check_found(NULL);
	write_file(pattern, SYSTEMD);
	sys_remove_tree(cores);
	check_found(NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_it_is_found_by_user_process_and_time),
		TEST(test_where_others_get_the_cores_nothing_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
