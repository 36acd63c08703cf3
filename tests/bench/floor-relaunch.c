/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The floor of a relaunch: a parent that does nothing else.
 *
 *	floor-relaunch TIMES STAMP
 *
 * Starts STAMP (stamp.c), kills it, and starts it anew as soon as it hears of its end; TIMES times.
 * Writes the microseconds from each kill to the stamp of the next.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/str.h"

#define STAMPS_FD 3
/* In case that it says nothing. */
#define LIMIT_SEC 20

extern char **environ;

/* Starts it and waits for its stamp. */
static pid_t start(const char *path, const struct spawn_env *env, int fds[2], usec_t *ret_stamp)
{
	struct spawn spawn = {
		.argv = (const char *const[]){ "child", NULL },
		.path = path,
		.envp = (const char *const *)env->vars,
		.death_signal = SIGKILL,
	};
	char line[256];
	ssize_t n;
	pid_t pid;

	spawn_map(&spawn, fds[1], STAMPS_FD);
	pid = spawn_start(&spawn);
	if (pid < 0)
		return pid;
	n = read(fds[0], line, sizeof(line) - 1);
	line[n > 0 ? n : 0] = '\0';
	return sscanf(line, "child %*d %" SCNu64, ret_stamp) == 1 ? pid : -1;
}

int main(int argc, char **argv)
{
	CLEANUP(spawn_env) struct spawn_env env = { 0 };
	unsigned long times;
	usec_t stamp, killed;
	int fds[2];
	pid_t pid;

	if (argc != 3 || str_to_uint(argv[1], 1, 1000, &times) < 0) {
		fprintf(stderr, "usage: floor-relaunch TIMES STAMP\n");
		return 2;
	}
	alarm(LIMIT_SEC);
	if (pipe2(fds, O_CLOEXEC) < 0 || spawn_env_init(&env, environ) < 0
		|| spawn_env_set(&env, "AFAR_BENCH_STAMPS", "/proc/self/fd/3") < 0)
		return 1;
	pid = start(argv[2], &env, fds, &stamp);
	for (unsigned long i = 0; i < times && pid > 0; i++) {
		killed = clock_now();
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		pid = start(argv[2], &env, fds, &stamp);
		if (pid > 0)
			printf("%" PRIu64 "\n", stamp - killed);
	}
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return pid > 0 ? 0 : 1;
}
