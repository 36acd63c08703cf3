/* SPDX-License-Identifier: BSD-3-Clause */
#include "chooser/sessions.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/trusted.h"
#include "unit/test.h"

#define GOOD "[Desktop Entry]\nName=Good\nExec=good\n"

static char *directory; /* of this test; in it are "first" and "second" */

static char *path_of(const char *name)
{
	return xprintf("%s/%s", directory, name);
}

static int begin(void **state)
{
	(void)state;
	directory = xstrdup("/tmp/test-sessions-XXXXXX");
	assert_non_null(mkdtemp(directory));
	for (int i = 0; i < 2; i++) {
		CLEANUP(free) char *path = path_of(i ? "second" : "first");

		assert_int_equal(mkdir(path, 0700), 0);
	}
	setenv("LANGUAGE", "", 1);
	/* What never ends fails. */
	alarm(30);
	return 0;
}

static int end(void **state)
{
	(void)state;
	alarm(0);
	sys_remove_tree(directory);
	free(directory);
	return 0;
}

static void write_bytes(const char *name, const char *bytes, size_t n)
{
	CLEANUP(free) char *path = path_of(name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0644), 0);
}

static void write_file(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static void load(struct sessions *ret)
{
	CLEANUP(free) char *first = path_of("first");
	CLEANUP(free) char *second = path_of("second");
	CLEANUP(free) char *third = path_of("nonexistent");
	const char *const directories[] = { third, first, second, NULL };

	sessions_load(ret, directories);
}

/* The names in their order, "Default session" left out, with ',' between them. */
static void assert_names(const char *wanted)
{
	CLEANUP(strbuf) struct strbuf names = { 0 };
	struct sessions sessions;

	load(&sessions);
	assert_true(sessions.n >= 1);
	for (size_t i = 1; i < sessions.n; i++)
		strbuf_printf(
			&names, "%s%s", names.length ? "," : "", sessions.entries[i].name);
	assert_string_equal(names.text ? names.text : "", wanted);
	sessions_finish(&sessions);
}

/* CHOOSE-1 */
static void test_etc_comes_before_the_data_directories_in_their_order(void **state)
{
	(void)state;
	static const struct {
		const char *data_dirs;
		const char *wanted[4];
	} cases[] = {
		{ NULL, { "/usr/local/share/xsessions", "/usr/share/xsessions" } },
		{ "", { "/usr/local/share/xsessions", "/usr/share/xsessions" } },
		{ "/b:/a", { "/b/xsessions", "/a/xsessions" } },
		{ ":relative:/a::./b", { "/a/xsessions" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char **list = sessions_directories(cases[i].data_dirs);
		size_t n = 0;

		assert_string_equal(list[0], "/etc/X11/sessions");
		for (; list[n + 1]; n++)
			assert_string_equal(list[n + 1], cases[i].wanted[n]);
		assert_null(cases[i].wanted[n]);
		sessions_free_directories(list);
	}
}

/* CHOOSE-1 */
static void test_of_one_name_the_first_directory_wins(void **state)
{
	(void)state;
	write_file("first/a.desktop", "[Desktop Entry]\nName=First\nExec=x\n");
	write_file("second/a.desktop", "[Desktop Entry]\nName=Second\nExec=x\n");
	write_file("second/b.desktop", "[Desktop Entry]\nName=Third\nExec=x\n");
	write_file("second/no-session.txt", GOOD);
	write_file("second/.desktop", GOOD);
	assert_names("First,Third");
}

/* CHOOSE-1, CHOOSE-2 */
static void test_what_is_not_listed_still_hides_what_comes_later(void **state)
{
	(void)state;
	static const char *const hiding[] = { "", "# nothing\n", "not a key file",
		"[Desktop Entry]\nHidden=true\nName=x\nExec=x\n" };
	CLEANUP(free) char *path = path_of("first/a.desktop");

	write_file("second/a.desktop", GOOD);
	assert_names("Good");
	for (size_t i = 0; i < ARRAY_SIZE(hiding); i++) {
		write_file("first/a.desktop", hiding[i]);
		assert_names("");
	}
	unlink(path);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_names("");
	/* A directory is no entry at all. */
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_names("Good");
}

/* CHOOSE-2 */
static void test_entries_are_skipped_by_the_rules(void **state)
{
	(void)state;
	static const struct {
		const char *keys;
		bool listed;
	} cases[] = {
		{ "Name=N\nExec=x\n", true },
		{ "Name=N\nExec=x\nNoDisplay=false\nHidden=false\n", true },
		{ "Name=N\nExec=x\nNoDisplay=true\n", false },
		{ "Name=N\nExec=x\nHidden=true\n", false },
		{ "Name=N\nExec=x\nHidden=nonsense\n", true },
		{ "Exec=x\n", false },
		{ "Name=N\n", false },
		{ "Name=\nExec=x\n", false },
		{ "Name=N\nExec=\n", false },
		{ "Name=N\nExec=x\nTryExec=/bin/sh\n", true },
		{ "Name=N\nExec=x\nTryExec=sh\n", true },
		{ "Name=N\nExec=x\nTryExec=\n", true },
		{ "Name=N\nExec=x\nTryExec=/nonexistent/sh\n", false },
		{ "Name=N\nExec=x\nTryExec=no-such-program-here\n", false },
		{ "Name=N\nExec=x\nTryExec=/etc/passwd\n", false },
		{ "Name=N\nExec=x\nTryExec=/bin/sh -c true\n", false },
		{ "Name=N\nExec=x\n[Desktop Action y]\nName=A\nExec=a\nHidden=true\n", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(free) char *text = xprintf("[Desktop Entry]\n%s", cases[i].keys);

		write_file("first/a.desktop", text);
		assert_names(cases[i].listed ? "N" : "");
	}
	write_file("first/a.desktop", "[Another Group]\nName=N\nExec=x\n");
	assert_names("");
}

/* CHOOSE-3 */
static void test_texts_are_in_the_users_language_and_exec_is_verbatim(void **state)
{
	(void)state;
	static const struct {
		const char *language, *name, *comment;
	} cases[] = {
		{ "de", "Schreibtisch", "Ein Kommentar" },
		{ "de_AT:fr", "Schreibtisch", "Ein Kommentar" },
		{ "fr:de", "Bureau", "Ein Kommentar" },
		{ "pt_BR", "Mesa", "A comment" },
		{ "pt", "Desk", "A comment" },
		{ "C", "Desk", "A comment" },
	};

	write_file("first/a.desktop",
		"[Desktop Entry]\n"
		"Name=Desk\nName[de]=Schreibtisch\nName[fr]=Bureau\nName[pt_BR]=Mesa\n"
		"Comment=A comment\nComment[de]=Ein Kommentar\n"
		"Exec=env A=\"b c\" run %f '$HOME' ; \\\\s\n"
		"DesktopNames=One;Two;;Three;\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sessions sessions;
		const struct sessions_entry *entry;

		setenv("LANGUAGE", cases[i].language, 1);
		load(&sessions);
		entry = sessions_find(&sessions, "a.desktop");
		assert_non_null(entry);
		assert_string_equal(entry->name, cases[i].name);
		assert_string_equal(entry->comment, cases[i].comment);
		assert_string_equal(entry->exec, "env A=\"b c\" run %f '$HOME' ; \\s");
		assert_string_equal(entry->desktop_names, "One:Two:Three");
		sessions_finish(&sessions);
	}
}

/* CHOOSE-4 */
static void test_the_default_is_first_and_the_others_are_sorted_by_name(void **state)
{
	(void)state;
	struct sessions sessions;

	/* The order of files and that of names differ; "default" as a file is another thing. */
	write_file("first/a.desktop", "[Desktop Entry]\nName=Zebra\nExec=x\n");
	write_file("first/b.desktop", "[Desktop Entry]\nName=Apple\nExec=x\n");
	write_file("second/c.desktop", "[Desktop Entry]\nName=Mango\nExec=x\n");
	write_file("second/default.desktop", "[Desktop Entry]\nName=Other\nExec=x\n");
	assert_names("Apple,Mango,Other,Zebra");
	load(&sessions);
	assert_string_equal(sessions.entries[0].id, "default");
	assert_string_equal(sessions.entries[0].exec, "default");
	assert_null(sessions.entries[0].desktop_names);
	assert_ptr_equal(sessions_find(&sessions, "default"), &sessions.entries[0]);
	assert_string_equal(sessions_find(&sessions, "default.desktop")->name, "Other");
	assert_null(sessions_find(&sessions, "c"));
	sessions_finish(&sessions);
}

/* CHOOSE-4: also where nothing is installed. */
static void test_without_any_file_there_is_the_default(void **state)
{
	(void)state;
	assert_names("");
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static char *fill(const char *before, char c, size_t n, const char *after)
{
	CLEANUP(free) char *middle = xalloc(n + 1, 1);

	memset(middle, c, n);
	return xprintf("%s%s%s", before, middle, after);
}

/* FUZ-10: each alone beside a good one. */
static void test_hostile_files_are_skipped_and_the_rest_is_listed(void **state)
{
	(void)state;
	static const char nul[] = "[Desktop Entry]\nName=\0\nExec=\0\n\0\0\0";
	CLEANUP(free) char *huge = fill(GOOD "X=", 'x', SESSIONS_FILE_MAX, "\n");
	CLEANUP(free) char *long_exec =
		fill("[Desktop Entry]\nName=N\nExec=", 'x', SESSIONS_EXEC_MAX + 1, "\n");
	CLEANUP(free) char *brackets = fill("", '[', 200000, "");
	CLEANUP(free) char *lines = fill(GOOD, '\n', 200000, "[");
	const char *const texts[] = {
		huge,
		long_exec,
		brackets,
		lines,
		"\xff\xfe[\0Desktop",
		"[Desktop Entry",
		"[Desktop \xff]\nName=N\nExec=x\n",
		"[Desktop Entry]\nName=\xff\xff\nExec=x\n",
		"[Desktop Entry]\nName=N\nExec=\xc3\n",
		"[Desktop Entry]\nName[de\nExec=x\n",
		"[Desktop Entry]\n=\n=x\nName\n",
		"[Desktop Entry]\nName=N\nExec=\\",
		"\r\n\r\n",
	};
	int fds = count_fds();

	write_file("second/good.desktop", GOOD);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		write_file("first/a.desktop", texts[i]);
		assert_names("Good");
	}
	write_bytes("first/a.desktop", nul, sizeof(nul));
	assert_names("Good");
	assert_int_equal(count_fds(), fds);
}

/* FUZ-10 */
static void test_what_is_no_regular_file_neither_hangs_nor_is_listed(void **state)
{
	(void)state;
	static const char *const links[] = { "loop.desktop", "/nonexistent", "/dev/zero",
		"/dev/tty", "/proc/self/mem", "/" };
	CLEANUP(free) char *fifo = path_of("first/fifo.desktop");
	CLEANUP(free) char *loop = path_of("first/loop.desktop");
	CLEANUP(free) char *first = path_of("first");
	int fds = count_fds();

	write_file("second/good.desktop", GOOD);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		unlink(loop);
		assert_int_equal(symlink(links[i], loop), 0);
		assert_names("Good");
	}
	/* The directory itself may be anything too. */
	sys_remove_tree(first);
	assert_int_equal(mkfifo(first, 0600), 0);
	assert_names("Good");
	unlink(first);
	assert_int_equal(symlink("first", first), 0);
	assert_names("Good");
	assert_int_equal(count_fds(), fds);
}

/* T11 */
static void test_only_files_that_nobody_else_can_write_are_believed(void **state)
{
	(void)state;
	static const struct {
		mode_t mode;
		bool listed;
	} cases[] = { { 0644, true }, { 0600, true }, { 0755, true }, { 0664, false },
		{ 0646, false }, { 0666, false } };
	CLEANUP(free) char *path = path_of("first/a.desktop");

	write_file("first/a.desktop", GOOD);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(chmod(path, cases[i].mode), 0);
		assert_names(cases[i].listed ? "Good" : "");
	}
	if (geteuid() != 0)
		return;
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(chown(path, 65534, 0), 0);
	assert_names("");
}

/* FUZ-10: "no newline at the end" and other sloppiness is no fault. */
static void test_sloppy_files_are_listed(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"[Desktop Entry]\nName=N\nExec=x",
		"[Desktop Entry]\r\nName=N\r\nExec=x\r\n",
		"\n\n# comment\n[Desktop Entry]\nName = N  \nExec= x",
		"[Desktop Entry]\nName=A\nName=N\nExec=x\nExec=y",
		"[Desktop Entry]\nExec=x\nName=N\nName[de]=\xff\n",
		"[Desktop Entry]\nExec=x\nName=N\nComment=\xff\nDesktopNames=\xff;\n",
	};

	setenv("LANGUAGE", "de", 1);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		write_file("first/a.desktop", texts[i]);
		assert_names("N");
	}
}

/* FUZ-10 */
static void test_texts_are_one_line_of_bounded_length(void **state)
{
	(void)state;
	CLEANUP(free) char *text =
		fill("[Desktop Entry]\nExec=x\nName= A\\tb\\nc\x01\nComment=", 'x', 100000, "\n");
	struct sessions sessions;

	write_file("first/a.desktop", text);
	write_file("first/b\n.desktop", GOOD);
	load(&sessions);
	assert_int_equal(sessions.n, 2);
	assert_string_equal(sessions.entries[1].name, "A b c");
	assert_int_equal(strlen(sessions.entries[1].comment), SESSIONS_TEXT_MAX);
	sessions_finish(&sessions);
}

/* FUZ-10 */
static void test_of_very_many_files_a_bounded_number_is_listed(void **state)
{
	(void)state;
	struct sessions sessions;

	for (int i = 0; i < SESSIONS_MAX + 10; i++) {
		CLEANUP(free) char *name = xprintf("first/%d.desktop", i);

		write_file(name, GOOD);
	}
	load(&sessions);
	assert_int_equal(sessions.n, SESSIONS_MAX + 1);
	sessions_finish(&sessions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_etc_comes_before_the_data_directories_in_their_order, begin, end),
		cmocka_unit_test_setup_teardown(
			test_of_one_name_the_first_directory_wins, begin, end),
		cmocka_unit_test_setup_teardown(
			test_what_is_not_listed_still_hides_what_comes_later, begin, end),
		cmocka_unit_test_setup_teardown(test_entries_are_skipped_by_the_rules, begin, end),
		cmocka_unit_test_setup_teardown(
			test_texts_are_in_the_users_language_and_exec_is_verbatim, begin, end),
		cmocka_unit_test_setup_teardown(
			test_the_default_is_first_and_the_others_are_sorted_by_name, begin, end),
		cmocka_unit_test_setup_teardown(
			test_without_any_file_there_is_the_default, begin, end),
		cmocka_unit_test_setup_teardown(
			test_hostile_files_are_skipped_and_the_rest_is_listed, begin, end),
		cmocka_unit_test_setup_teardown(
			test_what_is_no_regular_file_neither_hangs_nor_is_listed, begin, end),
		cmocka_unit_test_setup_teardown(
			test_only_files_that_nobody_else_can_write_are_believed, begin, end),
		cmocka_unit_test_setup_teardown(test_sloppy_files_are_listed, begin, end),
		cmocka_unit_test_setup_teardown(
			test_texts_are_one_line_of_bounded_length, begin, end),
		cmocka_unit_test_setup_teardown(
			test_of_very_many_files_a_bounded_number_is_listed, begin, end),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
