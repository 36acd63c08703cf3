/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The floor of a start: X server and window manager, started directly.
 *
 *	floor-start AUTHORITY WINDOW-MANAGER X-SERVER OPTION…
 *
 * The options contain "-displayfd 3", and no number. Writes the microseconds from here to
 * _NET_SUPPORTING_WM_CHECK on the root window, then ends both.
 *
 *	floor-start --host AUTHORITY HOST X-SERVER OPTION…
 *
 * The same with a host in the window manager's place: until it says by SIGUSR1 that it is ready.
 *
 *	floor-start --check DISPLAY AUTHORITY
 *
 * Exits with 0 when that display has the property already.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/str.h"
#include "loop/xcb-connect.h"

#define READY_FD 3
/* In case that either hangs: nothing here waits for ever. */
#define LIMIT_SEC 20

static const char property_name[] = "_NET_SUPPORTING_WM_CHECK";

static pid_t start_server(const char *const *argv, int *ret_ready)
{
	struct spawn spawn = { .argv = argv, .death_signal = SIGKILL };
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	spawn_map(&spawn, fds[1], READY_FD);
	pid = spawn_start(&spawn);
	close(fds[1]);
	*ret_ready = fds[0];
	return pid;
}

/* Number and newline may come in two pieces. */
static bool read_display(int fd, char display[16])
{
	size_t n = 1;

	display[0] = ':';
	while (n < 15 && read(fd, display + n, 1) == 1) {
		if (display[n] == '\n') {
			display[n] = '\0';
			return n > 1;
		}
		n++;
	}
	return false;
}

/* The window manager, or the host. */
static pid_t start_client(
	const char *name, const char *option, const char *display, const char *authority)
{
	CLEANUP(spawn_env) struct spawn_env env = { 0 };
	struct spawn spawn = {
		.argv = (const char *const[]){ name, option, NULL },
		.death_signal = SIGKILL,
	};

	if (spawn_env_init(&env, environ) < 0 || spawn_env_set(&env, "DISPLAY", display) < 0
		|| spawn_env_set(&env, "XAUTHORITY", authority) < 0)
		return -1;
	spawn.envp = (const char *const *)env.vars;
	return spawn_start(&spawn);
}

static xcb_atom_t intern(xcb_connection_t *c, const char *name)
{
	xcb_intern_atom_reply_t *reply = xcb_intern_atom_reply(
		c, xcb_intern_atom(c, 0, (uint16_t)strlen(name), name), NULL);
	xcb_atom_t atom = reply ? reply->atom : XCB_NONE;

	free(reply);
	return atom;
}

/* Events of the root window were asked for before the window manager was started. */
static bool wait_for_property(xcb_connection_t *c, xcb_atom_t atom)
{
	xcb_generic_event_t *event;

	while ((event = xcb_wait_for_event(c))) {
		bool is_it = (event->response_type & 0x7f) == XCB_PROPERTY_NOTIFY
			     && ((xcb_property_notify_event_t *)event)->atom == atom;

		free(event);
		if (is_it)
			return true;
	}
	return false;
}

static void block_host_signal(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGUSR1);
	sigprocmask(SIG_BLOCK, ret, NULL);
}

static bool run_host(const char *name, const char *display, const char *authority,
	const sigset_t *signals, pid_t *ret)
{
	siginfo_t info;

	*ret = start_client(name, "--signal-parent", display, authority);
	return *ret > 0 && sigwaitinfo(signals, &info) == SIGUSR1 && info.si_pid == *ret;
}

static xcb_window_t root_of(xcb_connection_t *c)
{
	return xcb_setup_roots_iterator(xcb_get_setup(c)).data->root;
}

static bool watch_root(xcb_connection_t *c)
{
	const uint32_t mask = XCB_EVENT_MASK_PROPERTY_CHANGE;

	xcb_change_window_attributes(c, root_of(c), XCB_CW_EVENT_MASK, &mask);
	return xcb_flush(c) > 0;
}

static int check(const char *display, const char *authority)
{
	xcb_get_property_reply_t *reply = NULL;
	xcb_connection_t *c;
	bool is_set;

	if (xcb_connect_file(display, authority, &c, NULL) < 0)
		return 1;
	reply = xcb_get_property_reply(c,
		xcb_get_property(c, 0, root_of(c), intern(c, property_name), XCB_ATOM_WINDOW, 0, 1),
		NULL);
	is_set = reply && reply->value_len == 1;
	free(reply);
	xcb_disconnect(c);
	return is_set ? 0 : 1;
}

static void end(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	bool with_host = argc > 1 && str_equal(argv[1], "--host");
	pid_t server, client = 0;
	xcb_connection_t *c = NULL;
	char display[16];
	sigset_t signals;
	xcb_atom_t atom;
	usec_t start;
	bool ready = false;
	int ready_fd;

	argv += with_host;
	argc -= with_host;
	if (argc < 4) {
		fprintf(stderr, "usage: floor-start AUTHORITY WINDOW-MANAGER X-SERVER OPTION…\n");
		return 1;
	}
	alarm(LIMIT_SEC);
	if (str_equal(argv[1], "--check"))
		return check(argv[2], argv[3]);
	block_host_signal(&signals);
	start = clock_now();
	server = start_server((const char *const *)argv + 3, &ready_fd);
	if (server > 0 && read_display(ready_fd, display)
		&& xcb_connect_file(display, argv[1], &c, NULL) == 0) {
		if (with_host) {
			ready = run_host(argv[2], display, argv[1], &signals, &client);
		} else {
			atom = intern(c, property_name);
			ready = watch_root(c)
				&& (client = start_client(argv[2], NULL, display, argv[1])) > 0
				&& wait_for_property(c, atom);
		}
	}
	if (ready)
		printf("%" PRIu64 "\n", clock_now() - start);
	else
		fprintf(stderr, "floor-start: %s did not come up\n", server > 0 ? argv[2] : argv[3]);
	if (c)
		xcb_disconnect(c);
	end(client);
	end(server);
	return ready ? 0 : 1;
}
