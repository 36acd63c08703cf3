/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/display/candidates.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <X11/X.h>
#include <X11/Xauth.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "loop/x-authority.h"
#include "unit/test.h"

#define NUMBER 7

static char top[64];
static struct candidate_places places;
static struct candidates found;

static char *below(const char *name)
{
	return xprintf("%s/%s", top, name);
}

static void make_parent(const char *path)
{
	CLEANUP(free) char *directory = xstrdup(path);

	*strrchr(directory, '/') = '\0';
	assert_int_equal(sys_make_dirs(directory), 0);
}

static void write_file(const char *name, const void *bytes, size_t n)
{
	CLEANUP(free) char *path = below(name);

	make_parent(path);
	assert_int_equal(sys_save_file(path, bytes, n, SYS_SAVE_REPLACE), 0);
}

static char own_name[HOST_NAME_MAX + 1];

/* An entry whose cookie is @data. */
struct entry {
	unsigned short family;
	const char *host;
	const char *number;
	const char *name;
	const char *data;
};

static void write_entries(const char *name, const struct entry *entries, size_t n_entries)
{
	CLEANUP(free) char *bytes = NULL;
	size_t n = 0;
	FILE *file = open_memstream(&bytes, &n);

	assert_non_null(file);
	for (size_t i = 0; i < n_entries; i++) {
		const struct entry *e = &entries[i];
		Xauth auth = {
			.family = e->family,
			.address = (char *)e->host,
			.address_length = (unsigned short)strlen(e->host),
			.number = (char *)e->number,
			.number_length = (unsigned short)strlen(e->number),
			.name = (char *)e->name,
			.name_length = (unsigned short)strlen(e->name),
			.data = (char *)e->data,
			.data_length = (unsigned short)strlen(e->data),
		};

		assert_int_equal(XauWriteAuth(file, &auth), 1);
	}
	fclose(file);
	write_file(name, bytes, n);
}

/* One that fits. */
static void write_authority(const char *name)
{
	static const struct entry entry = { FamilyWild, "", "7", "MIT-MAGIC-COOKIE-1", "cookie" };

	write_entries(name, &entry, 1);
}

static int begin(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/test-candidates-XXXXXX");
	assert_non_null(mkdtemp(top));
	gethostname(own_name, sizeof(own_name) - 1);
	places = (struct candidate_places){
		.home = below("home"),
		.user = "me",
		.runtime = below("run/user/1"),
		.proc = below("proc"),
		.run = below("run"),
		.tmp = below("tmp"),
	};
	return 0;
}

static int end(void **state)
{
	(void)state;
	free((char *)places.home);
	free((char *)places.runtime);
	free((char *)places.proc);
	free((char *)places.run);
	free((char *)places.tmp);
	free((char *)places.xauthority);
	sys_remove_tree(top);
	return 0;
}

/* The names below the top that were found, in order. */
static void assert_found(const char *const *names)
{
	size_t n = 0;

	for (; names[n]; n++) {
		CLEANUP(free) char *path = below(names[n]);

		assert_true(n < found.n);
		assert_string_equal(found.paths[n], path);
	}
	assert_int_equal(found.n, n);
}

static void find(pid_t server)
{
	candidates_find(&found, &places, NUMBER, server);
}

static void write_strings(const char *name, const char *const *strings)
{
	CLEANUP(strbuf) struct strbuf text = { 0 };

	for (; *strings; strings++)
		strbuf_append(&text, *strings, strlen(*strings) + 1);
	write_file(name, text.text, text.length);
}

static void test_nowhere_there_is_none(void **state)
{
	(void)state;
	find(0);
	assert_int_equal(found.n, 0);
	find(123);
	assert_int_equal(found.n, 0);
}

/* D-1 */
static void test_every_place_is_looked_at_the_likeliest_first(void **state)
{
	(void)state;
	CLEANUP(free) char *client = below("client");
	CLEANUP(free) char *variable = xprintf("XAUTHORITY=%s", client);
	CLEANUP(free) char *of_server = below("server");

	write_authority("given");
	places.xauthority = below("given");
	write_authority("home/.Xauthority");
	write_authority("client");
	write_authority("server");
	write_strings("proc/100/environ", (const char *[]){ "A=B", "DISPLAY=:7.0", variable, NULL });
	write_strings("proc/101/cmdline",
		(const char *[]){ "/usr/lib/xorg/Xorg", ":7", "-auth", of_server, "vt2", NULL });
	write_authority("run/user/1/gdm/Xauthority");
	write_authority("run/lightdm/me/xauthority");
	write_authority("run/user/1/xauth_abc");
	write_authority("run/user/1/.mutter-Xwaylandauth.XYZ");
	write_authority("tmp/xauth_def");
	find(101);
	assert_found((const char *[]){ "given", "home/.Xauthority", "server", "client",
		"run/user/1/gdm/Xauthority", "run/lightdm/me/xauthority", "run/user/1/xauth_abc",
		"run/user/1/.mutter-Xwaylandauth.XYZ", "tmp/xauth_def", NULL });
}

static void test_files_without_an_entry_for_the_display_do_not_count(void **state)
{
	(void)state;
	static const struct entry entries[] = {
		{ FamilyWild, "", "8", "MIT-MAGIC-COOKIE-1", "another display" },
		{ FamilyWild, "", "77", "MIT-MAGIC-COOKIE-1", "yet another" },
		{ FamilyWild, "", "7", "XDM-AUTHORIZATION-1", "another kind" },
		{ FamilyInternet, "\1\2\3\4", "7", "MIT-MAGIC-COOKIE-1", "another machine" },
	};

	write_entries("home/.Xauthority", entries, ARRAY_SIZE(entries));
	write_file("run/user/1/gdm/Xauthority", "\0", 1);
	write_file("run/lightdm/me/xauthority", "", 0);
	write_file("run/user/1/xauth_abc", "\xff\xff\xff\xff\xff\xff", 6);
	find(0);
	assert_int_equal(found.n, 0);
}

static void test_processes_of_other_displays_and_programs_say_nothing(void **state)
{
	(void)state;
	CLEANUP(free) char *other = below("other");
	CLEANUP(free) char *variable = xprintf("XAUTHORITY=%s", other);

	write_authority("other");
	write_strings("proc/1/environ", (const char *[]){ "DISPLAY=:70", variable, NULL });
	write_strings("proc/2/environ", (const char *[]){ "DISPLAY=host:7", variable, NULL });
	write_strings("proc/3/environ", (const char *[]){ "XDISPLAY=:7", variable, NULL });
	write_strings("proc/4/environ", (const char *[]){ variable, NULL });
	write_strings("proc/5/cmdline", (const char *[]){ "vi", ":7", "-auth", other, NULL });
	write_strings("proc/6/cmdline", (const char *[]){ "Xorg", ":70", "-auth", other, NULL });
	write_strings("proc/7/cmdline", (const char *[]){ "Xorg", ":7", "-auth", NULL });
	write_strings("proc/8/cmdline", (const char *[]){ "Xorg", ":7", "-auth", "other", NULL });
	write_file("proc/9/environ", "DISPLAY", 7);
	write_file("proc/10/cmdline", "", 0);
	write_strings("proc/self/environ", (const char *[]){ "DISPLAY=:7", variable, NULL });
	find(9);
	assert_int_equal(found.n, 0);
	/* Whoever listens there is the server, whatever its name. */
	find(5);
	assert_found((const char *[]){ "other", NULL });
}

static void test_no_path_comes_twice_and_no_more_than_there_is_room_for(void **state)
{
	(void)state;
	CLEANUP(free) char *path = below("home/.Xauthority");
	CLEANUP(free) char *variable = xprintf("XAUTHORITY=%s", path);
	char name[64];

	write_authority("home/.Xauthority");
	places.xauthority = below("home/.Xauthority");
	write_strings("proc/100/environ", (const char *[]){ "DISPLAY=:7", variable, NULL });
	find(0);
	assert_found((const char *[]){ "home/.Xauthority", NULL });
	for (int i = 0; i < 2 * CANDIDATES_MAX; i++) {
		snprintf(name, sizeof(name), "tmp/xauth_%d", i);
		write_authority(name);
	}
	find(0);
	assert_int_equal(found.n, CANDIDATES_MAX);
}

/* ISO-02: everybody writes to /tmp. */
static void test_links_and_others_files_in_tmp_are_left_alone(void **state)
{
	(void)state;
	CLEANUP(free) char *path = below("tmp/xauth_1");
	CLEANUP(free) char *fifo = below("tmp/xauth_2");
	CLEANUP(free) char *others = below("tmp/xauth_3");

	write_authority("secret");
	write_authority("tmp/xauth_3");
	assert_int_equal(symlink("../secret", path), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(others, 12345, 12345), 0);
	else
		unlink(others);
	find(0);
	assert_int_equal(found.n, 0);
}

static void test_a_process_is_asked_for_variables_by_their_whole_names(void **state)
{
	(void)state;
	static const char *const names[] = { "NONE", "MARK", NULL };

	write_strings("proc/1/environ", (const char *[]){ "A=1", "MARK=1", NULL });
	write_strings("proc/2/environ", (const char *[]){ "A=MARK=1", "MARKED=1", "MARK", NULL });
	assert_true(candidates_has_variable(&places, 1, names));
	assert_false(candidates_has_variable(&places, 2, names));
	assert_false(candidates_has_variable(&places, 3, names));
}

static void test_of_several_entries_that_of_this_machine_is_taken(void **state)
{
	(void)state;
	const struct entry entries[] = {
		{ FamilyLocal, "elsewhere", "7", "MIT-MAGIC-COOKIE-1", "3" },
		{ FamilyWild, "", "", "MIT-MAGIC-COOKIE-1", "2" },
		{ FamilyLocal, own_name, "7", "MIT-MAGIC-COOKIE-1", "1" },
	};
	CLEANUP(free) char *path = below("file");

	for (size_t first = ARRAY_SIZE(entries); first > 0; first--) {
		struct x_authority entry = { 0 };

		write_entries("file", entries, first);
		assert_int_equal(x_authority_read(path, NUMBER, &entry), 0);
		assert_string_equal(entry.name, "MIT-MAGIC-COOKIE-1");
		assert_int_equal(entry.n, 1);
		assert_int_equal(entry.data[0], entries[first - 1].data[0]);
	}
	unlink(path);
	assert_int_equal(x_authority_read(path, NUMBER, &(struct x_authority){ 0 }), -ENOENT);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nowhere_there_is_none),
		TEST(test_every_place_is_looked_at_the_likeliest_first),
		TEST(test_files_without_an_entry_for_the_display_do_not_count),
		TEST(test_processes_of_other_displays_and_programs_say_nothing),
		TEST(test_no_path_comes_twice_and_no_more_than_there_is_room_for),
		TEST(test_links_and_others_files_in_tmp_are_left_alone),
		TEST(test_a_process_is_asked_for_variables_by_their_whole_names),
		TEST(test_of_several_entries_that_of_this_machine_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
