/* SPDX-License-Identifier: BSD-3-Clause */
/* The guard's side and the supervisor's of what is kept. */
#include "guard/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "supervisor/keeper.h"
#include "unit/fds.h"
#include "unit/test.h"

struct fixture {
	struct keep keep;
	sd_event *event;
	struct keeper *keeper;
	unsigned n_fds;
	pid_t ended, signalled, known;
	int status;
};

static void handle_ended(void *data, pid_t pid, int status)
{
	struct fixture *f = data;

	f->ended = pid;
	f->status = status;
}

static void handle_signalled(void *data, pid_t pid)
{
	((struct fixture *)data)->signalled = pid;
}

static void handle_known(void *data, pid_t pid)
{
	((struct fixture *)data)->known = pid;
}

static const struct keeper_events events = {
	.handle_ended = handle_ended,
	.handle_signalled = handle_signalled,
	.handle_known = handle_known,
};

static void start_supervisor(struct fixture *f, int n_deaths)
{
	int fd = -1;

	assert_int_equal(keep_open(&f->keep, n_deaths, &fd), 0);
	assert_int_equal(keeper_open(&f->keeper, fd), 0);
}

static void end_supervisor(struct fixture *f)
{
	keeper_destroy(f->keeper);
	f->keeper = NULL;
	keep_close(&f->keep);
}

static void listen_both(struct fixture *f)
{
	keep_listen(&f->keep, 0);
	while (sd_event_run(f->event, 0) > 0)
		;
}

static int begin(void **state)
{
	struct fixture *f = xnew(struct fixture);

	signal(SIGIO, SIG_IGN);
	f->n_fds = fds_count();
	keep_init(&f->keep);
	assert_true(sd_event_new(&f->event) >= 0);
	start_supervisor(f, 0);
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	if (f->keeper)
		end_supervisor(f);
	keep_finish(&f->keep);
	sd_event_unref(f->event);
	assert_int_equal(fds_count(), f->n_fds);
	free(f);
	return 0;
}

static int make_file(const char *text)
{
	FILE *file = tmpfile();
	int fd;

	assert_non_null(file);
	fputs(text, file);
	fflush(file);
	fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, 0);
	fclose(file);
	return fd;
}

static void keep_file(struct fixture *f, const char *name, const char *text)
{
	int fd = make_file(text);

	keeper_keep(f->keeper, name, fd);
	close(fd);
}

static void check_file(struct fixture *f, const char *name, const char *text)
{
	CLEANUP(close) int fd = keeper_take(f->keeper, name);
	char read_text[64] = "";

	assert_true(fd >= 0);
	assert_true(pread(fd, read_text, sizeof(read_text) - 1, 0) >= 0);
	assert_string_equal(read_text, text);
}

static void test_a_successor_gets_what_was_kept_and_not_what_was_dropped(void **state)
{
	struct fixture *f = *state;

	assert_false(keep_is_worth(&f->keep));
	assert_int_equal(keeper_n_deaths(f->keeper), 0);
	keep_file(f, "one", "first");
	keep_file(f, "two", "second");
	keep_file(f, "one", "first again");
	keep_file(f, "three", "third");
	keeper_drop(f->keeper, "three");
	keeper_drop(f->keeper, "never kept");
	end_supervisor(f); /* nobody had listened: its last words count */
	assert_true(keep_is_worth(&f->keep));
	start_supervisor(f, 1);
	assert_int_equal(keeper_n_deaths(f->keeper), 1);
	check_file(f, "one", "first again");
	check_file(f, "two", "second");
	assert_int_equal(keeper_take(f->keeper, "two"), -1);
	assert_int_equal(keeper_take(f->keeper, "three"), -1);
	/* Again: the guard keeps its copies. */
	end_supervisor(f);
	start_supervisor(f, 2);
	check_file(f, "two", "second");
	/* What nobody takes is given up. */
	assert_int_equal(keeper_listen(f->keeper, f->event, &events, f), 0);
	end_supervisor(f);
	start_supervisor(f, 3);
	assert_int_equal(keeper_take(f->keeper, "one"), -1);
	check_file(f, "two", "second");
}

static void test_an_end_is_told_until_it_is_forgotten(void **state)
{
	struct fixture *f = *state;

	keeper_child(f->keeper, 1234);
	keeper_child(f->keeper, 1235);
	end_supervisor(f);
	assert_true(keep_has_child(&f->keep, 1234));
	assert_false(keep_has_child(&f->keep, 4321));
	assert_false(keep_has_child(&f->keep, 0));
	keep_note_end(&f->keep, 1234, 9);
	keep_note_end(&f->keep, 4321, 9); /* nobody asked about it */
	/* SUP-11: the number has come up again, and is not the one that was asked about. */
	assert_false(keep_has_child(&f->keep, 1234));
	keep_note_end(&f->keep, 1234, 11);
	for (int i = 0; i < 2; i++) {
		start_supervisor(f, 1);
		assert_true(keeper_has_end(f->keeper, 1234));
		assert_false(keeper_has_end(f->keeper, 1235));
		assert_false(keeper_has_end(f->keeper, 4321));
		f->ended = f->known = 0;
		assert_int_equal(keeper_listen(f->keeper, f->event, &events, f), 0);
		assert_int_equal(f->ended, 1234);
		assert_int_equal(f->status, 9);
		assert_int_equal(f->known, 1235);
		if (i == 1)
			keeper_forget(f->keeper, 1234);
		end_supervisor(f);
	}
	start_supervisor(f, 1);
	assert_false(keeper_has_end(f->keeper, 1234));
	/* And at once, while one listens. */
	assert_int_equal(keeper_listen(f->keeper, f->event, &events, f), 0);
	f->ended = 0;
	keep_note_end(&f->keep, 1235, 256);
	listen_both(f);
	assert_int_equal(f->ended, 1235);
	assert_int_equal(f->status, 256);
}

static void test_a_signal_waits_for_a_supervisor_that_is_up(void **state)
{
	struct fixture *f = *state;

	end_supervisor(f);
	keep_note_signal(&f->keep, 77);
	start_supervisor(f, 1);
	keep_note_signal(&f->keep, 78);
	assert_false(f->keep.is_up);
	assert_int_equal(keeper_listen(f->keeper, f->event, &events, f), 0);
	assert_int_equal(f->signalled, 0);
	listen_both(f);
	assert_true(f->keep.is_up);
	assert_int_equal(f->signalled, 78);
	keep_note_signal(&f->keep, 79);
	listen_both(f);
	assert_int_equal(f->signalled, 79);
}

static void test_all_is_told_again_before_it_becomes_another_program(void **state)
{
	struct fixture *f = *state;
	int socket = f->keep.socket;

	assert_int_equal(keeper_listen(f->keeper, f->event, &events, f), 0);
	keep_file(f, "one", "first");
	assert_int_equal(keeper_repeat(f->keeper), 0);
	keep_listen(&f->keep, 5);
	assert_int_equal(f->keep.socket, socket);
	assert_false(f->keep.is_up);
	/* It stayed what it was: what comes is not for it, and no descriptor stays open. */
	listen_both(f);
	keeper_up(f->keeper);
	listen_both(f);
	assert_true(f->keep.is_up);
}

static void test_too_much_is_told_and_costs_nothing_else(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < KEEP_N_FDS + 5; i++) {
		char name[KEEPER_NAME_MAX];

		snprintf(name, sizeof(name), "file-%d", i);
		keep_file(f, name, name);
		keep_listen(&f->keep, 0);
	}
	for (int i = 1; i <= KEEP_N_CHILDREN + 5; i++) {
		keeper_child(f->keeper, i);
		keep_listen(&f->keep, 0);
	}
	end_supervisor(f);
	start_supervisor(f, 1);
	check_file(f, "file-0", "file-0");
	check_file(f, "file-63", "file-63");
	assert_int_equal(keeper_take(f->keeper, "file-64"), -1);
}

static void test_garbage_is_passed_over(void **state)
{
	struct fixture *f = *state;
	struct keeper_message message = { .type = 99 };
	int pair[2], fd = -1;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(send(pair[0], "short", 5, 0), 5);
	assert_int_equal(keeper_socket_receive(pair[1], &message, &fd), -EBADMSG);
	message.type = 99;
	memset(message.name, 'x', sizeof(message.name));
	assert_int_equal(keeper_socket_send(pair[0], &message, pair[0]), 0);
	assert_int_equal(keeper_socket_receive(pair[1], &message, &fd), 0);
	assert_int_equal(strlen(message.name), KEEPER_NAME_MAX - 1);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(keeper_socket_receive(pair[1], &message, &fd), -EAGAIN);
	close(pair[0]);
	assert_int_equal(keeper_socket_receive(pair[1], &message, &fd), -EPIPE);
	close(pair[1]);
	keep_note_end(&f->keep, 0, 0);
	keeper_child(f->keeper, -5);
	keeper_forget(f->keeper, 0);
	keep_listen(&f->keep, 0);
	assert_int_equal(f->keep.children[0].pid, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_successor_gets_what_was_kept_and_not_what_was_dropped, begin, end),
		cmocka_unit_test_setup_teardown(
			test_an_end_is_told_until_it_is_forgotten, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_signal_waits_for_a_supervisor_that_is_up, begin, end),
		cmocka_unit_test_setup_teardown(
			test_all_is_told_again_before_it_becomes_another_program, begin, end),
		cmocka_unit_test_setup_teardown(
			test_too_much_is_told_and_costs_nothing_else, begin, end),
		cmocka_unit_test_setup_teardown(test_garbage_is_passed_over, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
