/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/family.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/proc.h"
#include "base/spawn.h"
#include "supervisor/child.h"
#include "supervisor/strays.h"
#include "unit/test.h"

struct fixture {
	struct family family;
	struct child child;
	sd_event *event;
	char lock_file[64];
};

static void handle_ended(void *data, int code, int status)
{
	(void)data;
	(void)code;
	(void)status;
}

static int begin(void **state)
{
	struct fixture *f = xnew(struct fixture);

	assert_true(sd_event_new(&f->event) >= 0);
	/* Of a desktop that nobody else has. */
	snprintf(f->lock_file, sizeof(f->lock_file), "/nowhere/of %d/lock", (int)getpid());
	family_init(&f->family, f->event, NULL, f->lock_file);
	child_init(&f->child, &f->family, "a child", handle_ended, f);
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	child_finish(&f->child);
	assert_true(list_empty(&f->family.children));
	family_finish(&f->family);
	sd_event_unref(f->event);
	free(f);
	return 0;
}

/* cat(1), which lives until its input ends, with this in its environment and this number. */
static pid_t start_with(const char *mark, uint64_t number, int *ret_input)
{
	const char *argv[] = { "cat", NULL };
	CLEANUP(free) char *variable = mark ? xprintf(FAMILY_VARIABLE "=%s", mark) : NULL;
	const char *envp[] = { "A=1", variable, NULL };
	struct spawn spawn = { .argv = argv, .envp = envp, .new_session = true,
		.mark = number };
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	spawn_map(&spawn, fds[0], STDIN_FILENO);
	pid = spawn_start(&spawn);
	assert_true(pid > 0);
	close(fds[0]);
	*ret_input = fds[1];
	return pid;
}

static pid_t start(const char *mark, int *ret_input)
{
	return start_with(mark, 0, ret_input);
}

/* How it ended once its input has: 0 when it was left alone. */
static int end_of(pid_t pid, int input)
{
	int status;

	close(input);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_a_child_is_found_by_name_and_by_pid(void **state)
{
	struct fixture *f = *state;

	assert_ptr_equal(family_find_name(&f->family, "a child"), &f->child);
	assert_null(family_find_name(&f->family, "a chil"));
	f->child.pid = 1234;
	assert_ptr_equal(family_find(&f->family, 1234), &f->child);
	assert_null(family_find(&f->family, 1235));
	f->child.pid = 0;
}

/* SUP-12 */
static void test_runs_that_nobody_wrote_down_are_killed_and_no_others(void **state)
{
	struct fixture *f = *state;
	CLEANUP(free) char *known = family_mark(&f->family, "a child", 7);
	CLEANUP(free) char *unknown = family_mark(&f->family, "a child", 8);
	CLEANUP(free) char *others = xprintf("/elsewhere/lock 1.1 a child.9");
	CLEANUP(free) char *longer = xprintf("%s0 a child.9", f->family.desktop);
	const char *marks[] = { known, unknown, others, longer, NULL, "", "." };
	pid_t pids[ARRAY_SIZE(marks)];
	int inputs[ARRAY_SIZE(marks)];

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		pids[i] = start(marks[i], &inputs[i]);
	family_end_unknown(&f->family, 7);
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		assert_int_equal(end_of(pids[i], inputs[i]), i == 1 ? SIGKILL : 0);
}

/* SUP-12: an X server that is killed leaves its socket. */
static void test_who_would_leave_files_is_asked_to_end(void **state)
{
	struct fixture *f = *state;
	CLEANUP(free) char *child = family_mark(&f->family, "a child", 8);
	CLEANUP(free) char *other = family_mark(&f->family, "a child's child", 8);
	CLEANUP(free) char *strays = xprintf("%s 1.1 a child.8", f->lock_file);
	const char *marks[] = { child, other, strays, NULL };

	f->child.leaves_files = true;
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		int input;
		pid_t pid = start(marks[i], &input);

		family_end(&f->family, pid);
		assert_int_equal(end_of(pid, input), i == 0 ? SIGTERM : SIGKILL);
		pid = start(marks[i], &input);
		family_end_unknown(&f->family, 7);
		assert_int_equal(end_of(pid, input), i == 0 ? SIGTERM : i == 1 ? SIGKILL : 0);
	}
	f->child.leaves_files = false;
}

/* SUP-10 */
static void test_strays_have_our_lock_file_and_another_guard(void **state)
{
	struct fixture *f = *state;
	CLEANUP(free) char *ours = family_mark(&f->family, "a child", 1);
	CLEANUP(free) char *stray = xprintf("%s 1.1 a child.1", f->lock_file);
	CLEANUP(free) char *others = xprintf("/elsewhere%s 1.1 a child.1", f->lock_file);
	const char *marks[] = { ours, stray, others, NULL };
	pid_t pids[ARRAY_SIZE(marks)];
	int inputs[ARRAY_SIZE(marks)];

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		pids[i] = start(marks[i], &inputs[i]);
		assert_int_equal(family_is_stray(&f->family, pids[i]), i == 1);
	}
	assert_int_equal(strays_end(&f->family), 0);
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		assert_int_equal(end_of(pids[i], inputs[i]), i == 1 ? SIGTERM : 0);
	assert_int_equal(strays_end(&f->family), 0);
}

/* SUP-10: ssh-agent(1) shows its environment to nobody, and env(1) starts programs without. */
static void test_strays_that_hide_their_environment_are_known_by_their_number(void **state)
{
	struct fixture *f = *state;
	CLEANUP(free) char *stray = xprintf("%s 1.1", f->lock_file);
	CLEANUP(free) char *others = xprintf("/elsewhere%s 1.1", f->lock_file);
	CLEANUP(free) char *ours = family_mark(&f->family, "a child", 1);
	const struct {
		const char *mark;
		uint64_t number;
		bool is_stray;
	} cases[] = {
		{ NULL, family_number(stray), true },
		{ NULL, f->family.mark, false },
		{ NULL, family_number(others), false },
		{ NULL, 0, false },
		{ ours, family_number(stray), false }, /* what is known better */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int input;
		pid_t pid = start_with(cases[i].mark, cases[i].number, &input);

		assert_int_equal(family_is_stray(&f->family, pid), cases[i].is_stray);
		assert_int_equal(strays_end(&f->family), 0);
		assert_int_equal(end_of(pid, input), cases[i].is_stray ? SIGTERM : 0);
	}
}

/* SUP-11: the pid alone says nothing. */
static void test_a_pid_that_is_anothers_by_now_is_not_adopted(void **state)
{
	struct fixture *f = *state;
	int input;
	pid_t pid = start(NULL, &input);
	uint64_t start_time = proc_start_time(pid);

	assert_int_equal(child_adopt(&f->child, pid, start_time + 1, 1, false), -ESRCH);
	assert_int_equal(f->child.pid, 0);
	child_stop(&f->child);
	assert_int_equal(end_of(pid, input), 0);
	assert_int_equal(child_adopt(&f->child, pid, start_time, 1, false), -ESRCH);
	assert_int_equal(f->child.pid, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_child_is_found_by_name_and_by_pid, begin, end),
		cmocka_unit_test_setup_teardown(
			test_runs_that_nobody_wrote_down_are_killed_and_no_others, begin, end),
		cmocka_unit_test_setup_teardown(
			test_who_would_leave_files_is_asked_to_end, begin, end),
		cmocka_unit_test_setup_teardown(
			test_strays_have_our_lock_file_and_another_guard, begin, end),
		cmocka_unit_test_setup_teardown(
			test_strays_that_hide_their_environment_are_known_by_their_number, begin,
			end),
		cmocka_unit_test_setup_teardown(
			test_a_pid_that_is_anothers_by_now_is_not_adopted, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
