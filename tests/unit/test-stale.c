/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/stale.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "unit/test.h"

static const char mark[] = "/tmp/test-stale"; /* with the pid: nobody else's */

static const char *const none[] = { "none", NULL };

struct fixture {
	sd_event *event;
	char *path, *other_path;
	const char *argv[4], *other_argv[4], *longer_argv[5];
	const char *const *argvs[2];
	unsigned n_gone;
};

static void handle_gone(void *data)
{
	struct fixture *f = data;

	f->n_gone++;
	sd_event_exit(f->event, 0);
}

static int begin(void **state)
{
	struct fixture *f = xnew(struct fixture);

	assert_true(sd_event_new(&f->event) >= 0);
	f->path = xprintf("%s-%d/pipewire.conf", mark, (int)getpid());
	f->other_path = xprintf("%s-%d/pipewire.confx", mark, (int)getpid());
	memcpy(f->argv, (const char *[]){ "pipewire", "-c", f->path, NULL }, sizeof(f->argv));
	memcpy(f->other_argv, (const char *[]){ "pipewire", "-c", f->other_path, NULL },
		sizeof(f->other_argv));
	memcpy(f->longer_argv, (const char *[]){ "pipewire", "-c", f->path, "-v", NULL },
		sizeof(f->longer_argv));
	f->argvs[0] = none;
	f->argvs[1] = f->argv;
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	sd_event_unref(f->event);
	free(f->path);
	free(f->other_path);
	free(f);
	return 0;
}

/* This program itself, with other arguments: see main(). */
static pid_t pretend(const char *const *argv, bool is_deaf)
{
	CLEANUP(spawn_env) struct spawn_env env = { 0 };
	int fds[2];
	struct spawn spawn = { .argv = argv, .path = "/proc/self/exe" };
	pid_t pid;
	char byte;

	assert_int_equal(spawn_env_init(&env, environ), 0);
	assert_int_equal(spawn_env_set(&env, "PRETEND", is_deaf ? "deaf" : "well"), 0);
	assert_int_equal(pipe(fds), 0);
	spawn.envp = (const char *const *)env.vars;
	spawn_map(&spawn, fds[1], STDOUT_FILENO);
	pid = spawn_start(&spawn);
	assert_true(pid > 0);
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1); /* it is ready */
	close(fds[0]);
	return pid;
}

static void check_ended_by(pid_t pid, int signo)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), signo);
}

/* AUDIO-8 */
static void test_exactly_these_are_ended(void **state)
{
	struct fixture *f = *state;
	pid_t one = pretend(f->argv, false), two = pretend(f->argv, false);
	pid_t other = pretend(f->other_argv, false), longer = pretend(f->longer_argv, false);
	struct stale *stale = NULL;

	assert_int_equal(stale_end(&stale, f->event, f->argvs, 2, handle_gone, f), 0);
	assert_non_null(stale);
	assert_true(sd_event_loop(f->event) >= 0);
	assert_int_equal(f->n_gone, 1);
	stale_destroy(stale);
	check_ended_by(one, SIGTERM);
	check_ended_by(two, SIGTERM);
	assert_int_equal(waitpid(other, NULL, WNOHANG), 0);
	assert_int_equal(waitpid(longer, NULL, WNOHANG), 0);
	kill(other, SIGKILL);
	kill(longer, SIGKILL);
	check_ended_by(other, SIGKILL);
	check_ended_by(longer, SIGKILL);
}

static void test_none_is_no_wait(void **state)
{
	struct fixture *f = *state;
	struct stale *stale = (struct stale *)f;

	assert_int_equal(stale_end(&stale, f->event, f->argvs, 2, handle_gone, f), 0);
	assert_null(stale);
	stale_destroy(NULL);
}

/* AUDIO-8: 10 s */
static void test_who_does_not_listen_is_killed(void **state)
{
	struct fixture *f = *state;
	pid_t deaf = pretend(f->argv, true);
	struct stale *stale = NULL;
	usec_t began = clock_now();

	assert_int_equal(stale_end(&stale, f->event, f->argvs, 2, handle_gone, f), 0);
	assert_non_null(stale);
	assert_true(sd_event_loop(f->event) >= 0);
	assert_true(clock_now() - began >= 10 * USEC_PER_SEC);
	stale_destroy(stale);
	check_ended_by(deaf, SIGKILL);
}

static void test_they_can_be_forgotten(void **state)
{
	struct fixture *f = *state;
	pid_t deaf = pretend(f->argv, true);
	struct stale *stale = NULL;

	assert_int_equal(stale_end(&stale, f->event, f->argvs, 2, handle_gone, f), 0);
	stale_destroy(stale);
	kill(deaf, SIGKILL);
	check_ended_by(deaf, SIGKILL);
	assert_true(sd_event_run(f->event, 0) >= 0);
	assert_int_equal(f->n_gone, 0);
}

static int pretend_main(const char *how)
{
	if (strcmp(how, "deaf") == 0)
		signal(SIGTERM, SIG_IGN);
	if (write(STDOUT_FILENO, "", 1) != 1)
		return 1;
	alarm(120);
	for (;;)
		pause();
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_exactly_these_are_ended),
		TEST(test_none_is_no_wait),
		TEST(test_who_does_not_listen_is_killed),
		TEST(test_they_can_be_forgotten),
	};

	if (getenv("PRETEND"))
		return pretend_main(getenv("PRETEND"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
