/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/contract/run.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int run_exit_status(int wait_status)
{
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 256 - WTERMSIG(wait_status);
}

static sigset_t mask_before; /* run_start() */

pid_t run_start(const struct spawn *spawn)
{
	sigset_t set;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, &mask_before);
	pid = spawn_start(spawn);
	if (pid < 0)
		sigprocmask(SIG_SETMASK, &mask_before, NULL);
	return pid;
}

int run_await(pid_t pid)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
	int status = 0, r;

	sigaction(SIGINT, &ignore, &old); /* the one that was held is void, too */
	sigprocmask(SIG_SETMASK, &mask_before, NULL);
	do {
		r = waitpid(pid, &status, 0) < 0 ? -errno : run_exit_status(status);
	} while (r == -EINTR);
	sigaction(SIGINT, &old, NULL);
	return r;
}

int run_program(const char *const *argv)
{
	/* A path is executed as it is: what is no program must not be read by a shell. */
	struct spawn spawn = { .argv = argv, .path = strchr(argv[0], '/') ? argv[0] : NULL };
	pid_t pid;

	for (int fd = 0; fd < 3; fd++)
		spawn_map(&spawn, fd, fd);
	pid = run_start(&spawn);
	return pid < 0 ? (int)pid : run_await(pid);
}
