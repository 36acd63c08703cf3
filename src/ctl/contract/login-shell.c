/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/contract/login-shell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/str.h"
#include "base/sys.h"

#define MARK "CRD_SHELL_TEST_OUTPUT"
#define PROBE_LIMIT_USEC (15 * USEC_PER_SEC)

/* A pipe that holds @text and then ends: its reading end, or negative errno. */
static int make_input(const char *text, size_t n)
{
	CLEANUP(close) int read_end = -1;
	CLEANUP(close) int write_end = -1;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	read_end = fds[0];
	write_end = fds[1];
	r = fd_set_nonblock(write_end); /* nobody reads yet: what does not fit is an error */
	if (r == 0)
		r = sys_write_all(write_end, text, n);
	return r < 0 ? r : TAKE_FD(read_end);
}

/* Looks for the mark in output of any length. */
struct scan {
	char tail[sizeof(MARK)]; /* what may be the mark's beginning */
	size_t n_tail;
	bool found;
};

/* False at the end of the output. */
static bool scan_read(struct scan *self, int fd)
{
	char text[sizeof(self->tail) + 4096];
	ssize_t n = read(fd, text + self->n_tail, sizeof(text) - self->n_tail);
	size_t all;

	if (n <= 0)
		return n < 0 && (errno == EINTR || errno == EAGAIN);
	memcpy(text, self->tail, self->n_tail);
	all = self->n_tail + (size_t)n;
	self->found |= memmem(text, all, MARK, strlen(MARK)) != NULL;
	self->n_tail = all < strlen(MARK) ? all : strlen(MARK) - 1;
	memcpy(self->tail, text + all - self->n_tail, self->n_tail);
	return true;
}

/* Reads until the process has ended: others may keep its output open. False: it took too long. */
static bool read_output(int fd, int pidfd, struct scan *scan)
{
	usec_t end = clock_now() + PROBE_LIMIT_USEC;
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };

	for (;;) {
		usec_t now = clock_now();

		if (now >= end)
			return false;
		if (poll(fds, 2, (int)((end - now) / USEC_PER_MSEC) + 1) < 0 && errno != EINTR)
			return false;
		if (fds[0].revents && !scan_read(scan, fd))
			fds[0].fd = -1;
		else if (!fds[0].revents && fds[1].revents)
			return true;
		if (fds[0].fd < 0 && fds[1].revents)
			return true;
	}
}

static pid_t start_probe(const char *shell, const char *argv0, int write_end)
{
	static const char text[] = "exec echo " MARK;
	CLEANUP(close) int input = make_input(text, strlen(text));
	const char *const argv[] = { argv0, NULL };
	struct spawn spawn = { .argv = argv, .path = shell, .new_session = true };

	if (input < 0)
		return input;
	spawn_map(&spawn, input, STDIN_FILENO);
	spawn_map(&spawn, write_end, STDOUT_FILENO);
	spawn_map(&spawn, STDERR_FILENO, STDERR_FILENO);
	return spawn_start(&spawn);
}

/* Does the shell run what it reads, or does the profile lead elsewhere? 0 or negative errno. */
static int probe(const char *shell, const char *argv0)
{
	CLEANUP(close) int read_end = -1;
	CLEANUP(close) int write_end = -1;
	CLEANUP(close) int pidfd = -1;
	struct scan scan = { .n_tail = 0 };
	int fds[2], status = 0;
	bool in_time;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	read_end = fds[0];
	write_end = fds[1];
	pid = start_probe(shell, argv0, write_end);
	if (pid < 0)
		return (int)pid;
	write_end = fd_close(write_end);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	in_time = read_output(read_end, pidfd, &scan);
	if (!in_time)
		kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (!in_time)
		return -ETIMEDOUT;
	return scan.found && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPROTO;
}

/* Returns only on failure, with stdin as it was. */
static int become_shell(const char *shell, const char *argv0, const char *const *argv)
{
	CLEANUP(strbuf) struct strbuf text = { 0 };
	CLEANUP(close) int input = -1;
	CLEANUP(close) int old = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	const char *const shell_argv[] = { argv0, NULL };
	int r;

	strbuf_printf(&text, "exec ");
	str_quote_words(&text, argv);
	if (text.failed)
		return -ENOMEM;
	input = make_input(text.text, text.length);
	if (input < 0)
		return input;
	dup2(input, STDIN_FILENO);
	execv(shell, (char *const *)shell_argv);
	r = -errno;
	if (old >= 0)
		dup2(old, STDIN_FILENO);
	return r;
}

static int through_shell(const char *const *argv)
{
	const char *shell = getenv("SHELL");
	CLEANUP(free) char *argv0 = NULL;
	int r;

	if (!shell) {
		log_warning("SHELL environment variable not set.");
		return -ENOENT;
	}
	argv0 = xprintf("-%s", str_basename(shell));
	r = probe(shell, argv0);
	if (r == -EPROTO)
		log_warning("The login shell %s does not run commands from its standard input.", shell);
	else if (r < 0)
		log_warning("The login shell %s cannot be used: %s", shell, strerror(-r));
	if (r < 0)
		return r;
	r = become_shell(shell, argv0, argv);
	log_warning("The login shell %s cannot be executed: %s", shell, strerror(-r));
	return r;
}

int login_shell_exec(const char *script, const char *const *argv)
{
	signal(SIGPIPE, SIG_DFL); /* a shell that starts with it ignored cannot undo that */
	through_shell(argv);
	log_warning("Continuing without a login shell: profile variables won't be processed.");
	execv(script, (char *const *)argv);
	return -errno;
}
