/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/contract/run.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/spawn.h"

int run_exit_status(int wait_status)
{
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 256 - WTERMSIG(wait_status);
}

int run_await(pid_t pid)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
	int status = 0, r;

	sigaction(SIGINT, &ignore, &old);
	do {
		r = waitpid(pid, &status, 0) < 0 ? -errno : run_exit_status(status);
	} while (r == -EINTR);
	sigaction(SIGINT, &old, NULL);
	return r;
}

int run_program(const char *const *argv)
{
	struct spawn spawn = { .argv = argv };
	pid_t pid;

	for (int fd = 0; fd < 3; fd++)
		spawn_map(&spawn, fd, fd);
	pid = spawn_start(&spawn);
	return pid < 0 ? (int)pid : run_await(pid);
}
