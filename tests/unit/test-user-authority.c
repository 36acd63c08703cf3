/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/display/user-authority.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "unit/fds.h"
#include "unit/test.h"

static char directory[64];
static char *path, *lock_made, *lock_held; /* as Xau's own are called */
static unsigned n_fds;
static time_t later; /* seconds by which libXau's clock is ahead */

/* libXau finds this one in the place of the C library's. */
time_t time(time_t *ret)
{
	struct timespec now;

	syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec + later;
	return now.tv_sec + later;
}

static int begin(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/test-user-authority-XXXXXX");
	assert_non_null(mkdtemp(directory));
	path = xprintf("%s/.Xauthority", directory);
	lock_made = xprintf("%s-c", path);
	lock_held = xprintf("%s-l", path);
	later = 0;
	umask(022);
	n_fds = fds_count();
	return 0;
}

static int end(void **state)
{
	(void)state;
	assert_int_equal(fds_count(), n_fds);
	sys_remove_tree(directory);
	free(path);
	free(lock_made);
	free(lock_held);
	return 0;
}

static char *content(size_t *ret_n)
{
	char *bytes;

	assert_int_equal(sys_read_file(path, 1 << 20, &bytes, ret_n), 0);
	return bytes;
}

/* Nothing but the file lies there: no lock, no half a file. */
static void check_tidy(void)
{
	assert_int_equal(access(lock_made, F_OK), -1);
	assert_int_equal(access(lock_held, F_OK), -1);
	unlink(path);
	assert_int_equal(rmdir(directory), 0);
	assert_int_equal(mkdir(directory, 0700), 0);
}

/* The output of a command of sh's, in which $FILE is the authority file. */
static char *shell(const char *command)
{
	CLEANUP(strbuf) struct strbuf text = { 0 };
	char chunk[4096];
	size_t n;
	FILE *from;

	setenv("FILE", path, 1);
	from = popen(command, "re");
	assert_non_null(from);
	while ((n = fread(chunk, 1, sizeof(chunk), from)) > 0)
		strbuf_append(&text, chunk, n);
	assert_int_equal(pclose(from), 0);
	strbuf_append(&text, "", 0);
	return TAKE_PTR(text.text);
}

/* FamilyInternet, 192.0.2.7, display 3, a made-up protocol with all kinds of bytes. */
static const char foreign_one[] = "\0\0\0\4\300\0\2\7\0\0013\0\5odd-1\0\4\0\n\377'";
/* FamilyLocal, another machine's name, display 20. */
static const char foreign_two[] = "\1\0\0\5other\0\00220\0\022MIT-MAGIC-COOKIE-1\0\3abc";
/* FamilyWild, no address, no number, no data. */
static const char foreign_three[] = "\377\377\0\0\0\0\0\4name\0\0";

#define BYTES(text) text, sizeof(text) - 1

static size_t put_foreign(char *to)
{
	size_t n = 0;

	memcpy(to + n, BYTES(foreign_one));
	n += sizeof(foreign_one) - 1;
	memcpy(to + n, BYTES(foreign_two));
	n += sizeof(foreign_two) - 1;
	memcpy(to + n, BYTES(foreign_three));
	n += sizeof(foreign_three) - 1;
	assert_int_equal(sys_save_file(path, to, n, SYS_SAVE_NEW), 0);
	return n;
}

/* XCH-4 */
static void test_xauth_finds_the_entry_as_it_would_have_made_it(void **state)
{
	(void)state;
	CLEANUP(free) char *entry = NULL;
	CLEANUP(free) char *same = NULL;
	unsigned char cookie[COOKIE_BYTES];
	const char *hex;
	struct stat st;

	umask(0);
	assert_int_equal(user_authority_add(path, 20), 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	entry = shell("xauth -f \"$FILE\" list :20");
	hex = strstr(entry, "/unix:20  MIT-MAGIC-COOKIE-1  ");
	assert_non_null(hex);
	hex = strrchr(entry, ' ') + 1;
	assert_int_equal(strlen(hex), 2 * COOKIE_BYTES + 1);
	for (size_t i = 0; i < COOKIE_BYTES; i++)
		assert_int_equal(sscanf(hex + 2 * i, "%2hhx", &cookie[i]), 1);
	/* The very same bytes as xauth's own. */
	same = shell("xauth -f \"$FILE.2\" add :20 . "
		     "$(xauth -f \"$FILE\" list :20 | sed 's/.* //') 2>/dev/null; "
		     "cmp \"$FILE\" \"$FILE.2\" && rm \"$FILE.2\"");
	assert_string_equal(same, "");
	check_tidy();
}

/* XCH-4, D-18 */
static void test_others_entries_are_kept_byte_for_byte(void **state)
{
	(void)state;
	CLEANUP(free) char *with = NULL;
	CLEANUP(free) char *without = NULL;
	char foreign[256];
	size_t n_foreign = put_foreign(foreign), n;

	assert_int_equal(user_authority_add(path, 20), 0);
	with = content(&n);
	assert_true(n > n_foreign);
	assert_memory_equal(with, foreign, n_foreign);
	user_authority_remove(path, 20);
	without = content(&n);
	assert_int_equal(n, n_foreign);
	assert_memory_equal(without, foreign, n_foreign);
	check_tidy();
}

/* XCH-4 */
static void test_an_older_entry_of_the_same_display_is_replaced_and_only_that(void **state)
{
	(void)state;
	CLEANUP(free) char *before = NULL;
	CLEANUP(free) char *after = NULL;
	size_t n_before, n_after;

	assert_int_equal(user_authority_add(path, 20), 0);
	assert_int_equal(user_authority_add(path, 2), 0);
	assert_int_equal(user_authority_add(path, 200), 0);
	before = content(&n_before);
	assert_int_equal(user_authority_add(path, 20), 0);
	after = content(&n_after);
	assert_int_equal(n_after, n_before);
	assert_memory_not_equal(after, before, n_before); /* a fresh cookie */
	user_authority_remove(path, 20);
	free(after);
	after = shell("xauth -f \"$FILE\" list | sed 's/.*unix\\(:[0-9]*\\).*/\\1/'");
	assert_string_equal(after, ":2\n:200\n");
	check_tidy();
}

/* A home may be shared: the display of that number on another machine is not ours. */
static void test_another_machines_entry_for_that_number_is_kept(void **state)
{
	(void)state;
	CLEANUP(strbuf) struct strbuf entry = { 0 };
	CLEANUP(free) char *after = NULL;
	char host[256];
	size_t n;

	assert_int_equal(gethostname(host, sizeof(host)), 0);
	host[strlen(host) - 1] ^= 1;
	strbuf_append(&entry, BYTES("\1\0\0"));
	strbuf_printf(&entry, "%c%s", (int)strlen(host), host);
	strbuf_append(&entry, BYTES("\0\00220\0\4name\0\0"));
	assert_int_equal(sys_save_file(path, entry.text, entry.length, SYS_SAVE_NEW), 0);
	assert_int_equal(user_authority_add(path, 20), 0);
	user_authority_remove(path, 20);
	after = content(&n);
	assert_int_equal(n, entry.length);
	assert_memory_equal(after, entry.text, n);
	check_tidy();
}

/* D-18 */
static void test_with_the_last_entry_the_file_goes_too(void **state)
{
	(void)state;
	assert_int_equal(user_authority_add(path, 20), 0);
	assert_int_equal(user_authority_add(path, 21), 0);
	user_authority_remove(path, 20);
	assert_int_equal(access(path, F_OK), 0);
	user_authority_remove(path, 21);
	assert_int_equal(access(path, F_OK), -1);
	user_authority_remove(path, 21); /* no file, nothing to do */
	assert_int_equal(access(path, F_OK), -1);
	check_tidy();
}

/* XCH-4 */
static void test_a_lock_that_another_holds_is_respected(void **state)
{
	(void)state;
	CLEANUP(free) char *before = NULL;
	CLEANUP(free) char *after = NULL;
	size_t n_before, n_after;

	assert_int_equal(user_authority_add(path, 20), 0);
	before = content(&n_before);
	assert_int_equal(sys_save_file(lock_made, "", 0, SYS_SAVE_NEW), 0);
	assert_int_equal(link(lock_made, lock_held), 0);
	assert_int_equal(user_authority_add(path, 21), -EBUSY);
	user_authority_remove(path, 20);
	after = content(&n_after);
	assert_int_equal(n_after, n_before);
	assert_memory_equal(after, before, n_before);
	assert_int_equal(access(lock_made, F_OK), 0);
	assert_int_equal(access(lock_held, F_OK), 0);
	later = 9;
	assert_int_equal(user_authority_add(path, 21), -EBUSY);
}

static void test_the_lock_of_a_dead_program_is_broken(void **state)
{
	(void)state;
	assert_int_equal(sys_save_file(lock_made, "", 0, SYS_SAVE_NEW), 0);
	assert_int_equal(link(lock_made, lock_held), 0);
	later = 12;
	assert_int_equal(user_authority_add(path, 20), 0);
	check_tidy();
}

/* ISO-03 */
static void test_what_is_no_file_is_refused_and_never_waited_for(void **state)
{
	(void)state;
	CLEANUP(free) char *other = xprintf("%s/other", directory);
	CLEANUP(free) char *untouched = NULL;
	struct stat st;
	size_t n;

	assert_int_equal(sys_save_file(other, "keep", 4, SYS_SAVE_NEW), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(user_authority_add(path, 20), -EINVAL);
	user_authority_remove(path, 20);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(sys_read_file(other, 100, &untouched, &n), 0);
	assert_string_equal(untouched, "keep");
	assert_int_equal(unlink(other), 0);

	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(user_authority_add(path, 20), -EINVAL);
	user_authority_remove(path, 20);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(user_authority_add(path, 20), -EINVAL);
	assert_int_equal(rmdir(path), 0);
	check_tidy();
}

/* CFG-01: xauth's temporary file, and whatever lies there, is none of ours. */
static void test_half_a_file_of_somebody_that_died_is_no_hindrance(void **state)
{
	(void)state;
	CLEANUP(free) char *half = xprintf("%s-n", path);
	CLEANUP(free) char *elsewhere = xprintf("%s/elsewhere", directory);

	assert_int_equal(symlink(elsewhere, half), 0);
	assert_int_equal(user_authority_add(path, 20), 0);
	assert_int_equal(access(elsewhere, F_OK), -1);
	assert_int_equal(unlink(half), 0);
	check_tidy();
}

/* CFG-04 */
static void test_on_a_full_disk_the_others_entries_stay(void **state)
{
	(void)state;
	const struct rlimit nothing = { 0, RLIM_INFINITY };
	CLEANUP(free) char *after = NULL;
	struct rlimit limit;
	char foreign[256];
	size_t n_foreign = put_foreign(foreign), n;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &nothing), 0);
	assert_int_equal(user_authority_add(path, 20), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	signal(SIGXFSZ, SIG_DFL);
	after = content(&n);
	assert_int_equal(n, n_foreign);
	assert_memory_equal(after, foreign, n);
	check_tidy();
}

/* What is there but cannot be read through is lost by xauth, too; it is never a crash. */
static void test_a_file_that_is_cut_or_no_authority_file_gets_an_entry(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t n;
	} cases[] = {
		{ BYTES("") },
		{ BYTES("\1") },
		{ BYTES("\1\0\377\377short") },
		{ BYTES("# a text\nof somebody\n") },
		{ foreign_two, sizeof(foreign_two) - 3 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(free) char *list = NULL;

		assert_int_equal(
			sys_save_file(path, cases[i].bytes, cases[i].n, SYS_SAVE_NEW), 0);
		assert_int_equal(user_authority_add(path, 20), 0);
		list = shell("xauth -f \"$FILE\" list | wc -l");
		assert_string_equal(list, "1\n");
		user_authority_remove(path, 20);
		check_tidy();
	}
}

static void test_more_entries_than_anybody_has_are_not_thrown_away(void **state)
{
	(void)state;
	const size_t one = sizeof(foreign_three) - 1, n = 10001 * one;
	CLEANUP(free) char *bytes = xalloc(n, 1);
	CLEANUP(free) char *after = NULL;
	size_t n_after;

	for (size_t i = 0; i < n; i += one)
		memcpy(bytes + i, foreign_three, one);
	assert_int_equal(sys_save_file(path, bytes, n, SYS_SAVE_NEW), 0);
	assert_int_equal(user_authority_add(path, 20), -EFBIG);
	after = content(&n_after);
	assert_int_equal(n_after, n);
	check_tidy();
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_xauth_finds_the_entry_as_it_would_have_made_it),
		TEST(test_others_entries_are_kept_byte_for_byte),
		TEST(test_an_older_entry_of_the_same_display_is_replaced_and_only_that),
		TEST(test_another_machines_entry_for_that_number_is_kept),
		TEST(test_with_the_last_entry_the_file_goes_too),
		TEST(test_a_lock_that_another_holds_is_respected),
		TEST(test_the_lock_of_a_dead_program_is_broken),
		TEST(test_what_is_no_file_is_refused_and_never_waited_for),
		TEST(test_half_a_file_of_somebody_that_died_is_no_hindrance),
		TEST(test_on_a_full_disk_the_others_entries_stay),
		TEST(test_a_file_that_is_cut_or_no_authority_file_gets_an_entry),
		TEST(test_more_entries_than_anybody_has_are_not_thrown_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
