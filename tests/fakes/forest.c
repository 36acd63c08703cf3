/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session of many processes:
 *
 *	fake-forest N obey|ignore FILE
 *
 * N of them, each tenth a daemon of its own (setsid, and its parent is gone), which act on SIGTERM
 * or not. When all are there FILE is made, and everybody waits.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"

#define DAEMON_EVERY 10

__attribute__((noreturn)) static void wait_for_ever(void)
{
	for (;;)
		pause();
}

static int plant(bool is_daemon)
{
	pid_t pid = fork();

	if (pid != 0) {
		if (pid > 0 && is_daemon)
			waitpid(pid, NULL, 0);
		return pid < 0 ? -1 : 0;
	}
	if (!is_daemon)
		wait_for_ever();
	setsid();
	if (fork() != 0)
		_exit(0);
	wait_for_ever();
}

int main(int argc, char **argv)
{
	unsigned long n;
	int fd;

	if (argc != 4 || str_to_uint(argv[1], 1, 100000, &n) < 0) {
		fputs("usage: fake-forest N obey|ignore FILE\n", stderr);
		return 2;
	}
	if (str_equal(argv[2], "ignore"))
		signal(SIGTERM, SIG_IGN);
	for (unsigned long i = 0; i < n; i++) {
		if (plant(i % DAEMON_EVERY == 0) < 0) {
			perror("fake-forest: fork");
			return 1;
		}
	}
	fd = open(argv[3], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		perror(argv[3]);
		return 1;
	}
	close(fd);
	wait_for_ever();
}
