/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/audio/query.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "unit/test.h"

struct fixture {
	char directory[64], program[80];
	sd_event *event;
	unsigned n_done;
	char *output; /* NULL: none */
};

static void handle_done(void *data, const char *output)
{
	struct fixture *f = data;

	f->n_done++;
	f->output = output ? xstrdup(output) : NULL;
	sd_event_exit(f->event, 0);
}

static int begin(void **state)
{
	struct fixture *f = xnew(struct fixture);
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	snprintf(f->directory, sizeof(f->directory), "/tmp/test-query-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->program, sizeof(f->program), "%s/program", f->directory);
	assert_true(sd_event_new(&f->event) >= 0);
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	sys_remove_tree(f->directory);
	sd_event_unref(f->event);
	free(f->output);
	free(f);
	return 0;
}

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Asks a program with this script, and waits for the answer. */
static void ask(struct fixture *f, const char *script, usec_t limit)
{
	CLEANUP(free) char *text = xprintf("#!/bin/sh\n%s\n", script);
	struct query *query;
	unsigned before;

	assert_int_equal(sys_save_file(f->program, text, strlen(text), SYS_SAVE_REPLACE), 0);
	assert_int_equal(chmod(f->program, 0700), 0);
	before = count_fds();
	assert_int_equal(
		query_create(&query, f->event, f->program, "--version", limit, handle_done, f),
		0);
	assert_true(sd_event_loop(f->event) >= 0);
	query_destroy(query);
	assert_int_equal(f->n_done, 1);
	/* The loop keeps its own for signals. */
	assert_in_range(count_fds(), before, before + 2);
}

static void test_what_is_printed_is_the_answer(void **state)
{
	struct fixture *f = *state;

	ask(f, "echo \"[$1]\"; echo not this >&2", 10 * USEC_PER_SEC);
	assert_string_equal(f->output, "[--version]\n");
}

static void test_the_answer_of_one_that_fails_does_not_count(void **state)
{
	struct fixture *f = *state;

	ask(f, "echo 1.0; exit 1", 10 * USEC_PER_SEC);
	assert_null(f->output);
}

static void test_one_that_is_killed_does_not_count(void **state)
{
	struct fixture *f = *state;

	ask(f, "echo 1.0; kill -9 $$", 10 * USEC_PER_SEC);
	assert_null(f->output);
}

static void test_of_much_only_the_beginning_is_taken(void **state)
{
	struct fixture *f = *state;

	ask(f, "head -c 50000 /dev/zero | tr '\\0' x", 10 * USEC_PER_SEC);
	assert_int_equal(strlen(f->output), 4095);
}

static void test_who_never_ends_is_not_waited_for(void **state)
{
	struct fixture *f = *state;
	CLEANUP(free) char *script = xprintf("echo $$ >%s/pid; sleep 600 & wait", f->directory);
	CLEANUP(free) char *path = xprintf("%s/pid", f->directory);
	CLEANUP(free) char *pid = NULL;
	usec_t began = clock_now();
	size_t n;

	ask(f, script, USEC_PER_SEC / 2);
	assert_null(f->output);
	assert_true(clock_now() - began < 5 * USEC_PER_SEC);
	assert_int_equal(sys_read_file(path, 64, &pid, &n), 0);
	assert_int_equal(kill(atoi(pid), 0), -1);
}

static void test_who_prints_without_end_is_not_waited_for(void **state)
{
	struct fixture *f = *state;

	ask(f, "while :; do echo 1.0; done", USEC_PER_SEC / 2);
	assert_null(f->output);
}

static void test_what_cannot_be_executed_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct query *query = NULL;

	assert_int_equal(
		query_create(&query, f->event, f->program, "-v", USEC_PER_SEC, handle_done, f),
		-ENOENT);
	assert_null(query);
	assert_int_equal(f->n_done, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_printed_is_the_answer),
		TEST(test_the_answer_of_one_that_fails_does_not_count),
		TEST(test_one_that_is_killed_does_not_count),
		TEST(test_of_much_only_the_beginning_is_taken),
		TEST(test_who_never_ends_is_not_waited_for),
		TEST(test_who_prints_without_end_is_not_waited_for),
		TEST(test_what_cannot_be_executed_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
