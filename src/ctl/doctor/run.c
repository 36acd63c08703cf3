/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/str.h"
#include "ctl/doctor/doctor.h"

#define OUTPUT_MAX (64 * 1024)

void doctor_say(struct doctor_result *self, enum doctor_state state, const char *advice,
	const char *format, ...)
{
	va_list args;

	if (self->text[0] && state <= self->state)
		return;
	self->state = state;
	va_start(args, format);
	vsnprintf(self->text, sizeof(self->text), format, args);
	va_end(args);
	snprintf(self->advice, sizeof(self->advice), "%s", advice ? advice : "");
}

/* Both the end of its output and its own end have to come before @deadline. */
static int wait_for(int pidfd, int fd, usec_t deadline, struct strbuf *output)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };
	char chunk[4096];

	for (;;) {
		usec_t now = clock_now();
		ssize_t n;

		if (now >= deadline)
			return -ETIMEDOUT;
		if (poll(fds, 2, (int)((deadline - now) / USEC_PER_MSEC) + 1) < 0 && errno != EINTR)
			return -errno;
		if (fds[0].revents) {
			n = read(fd, chunk, sizeof(chunk));
			if (n <= 0)
				fds[0].fd = -1;
			else if (output->length + (size_t)n <= OUTPUT_MAX)
				strbuf_append(output, chunk, (size_t)n);
			fds[0].revents = 0;
			continue;
		}
		/* What it left running may hold the pipe open. */
		if (fds[1].revents)
			return 0;
	}
}

int doctor_run(const char *const *argv, char **ret)
{
	CLEANUP(strbuf) struct strbuf output = { 0 };
	struct spawn spawn = { .argv = argv, .directory = "/", .new_session = true };
	CLEANUP(close) int pidfd = -1;
	CLEANUP(close) int fd = -1;
	int fds[2], status, r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	fd = fds[0];
	spawn_map(&spawn, fds[1], STDOUT_FILENO);
	spawn_map(&spawn, fds[1], STDERR_FILENO);
	pid = spawn_start(&spawn);
	close(fds[1]);
	if (pid < 0)
		return (int)pid;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	r = pidfd < 0 ? -errno : wait_for(pidfd, fd, clock_now() + DOCTOR_WAIT_USEC, &output);
	kill(-pid, SIGKILL);
	if (waitpid(pid, &status, 0) < 0 && r == 0)
		r = -errno;
	strbuf_append(&output, "", 0);
	if (r == 0 && output.failed)
		r = -ENOMEM;
	if (r < 0)
		return r;
	*ret = TAKE_PTR(output.text);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
