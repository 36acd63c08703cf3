/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long a command takes, from its start to its end.
 *
 *	time-command TIMES COMMAND…
 *
 * Runs it that often, without its output. Writes the microseconds of each run; a run that fails
 * ends it all.
 */
#include <inttypes.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/str.h"

int main(int argc, char **argv)
{
	struct spawn spawn = { .argv = (const char *const *)argv + 2 };
	unsigned long times;

	if (argc < 3 || str_to_uint(argv[1], 1, 100000, &times) < 0) {
		fprintf(stderr, "usage: time-command TIMES COMMAND…\n");
		return 2;
	}
	for (unsigned long i = 0; i < times; i++) {
		usec_t start = clock_now();
		int status = -1;
		pid_t pid = spawn_start(&spawn);

		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
			fprintf(stderr, "time-command: %s failed\n", argv[2]);
			return 1;
		}
		printf("%" PRIu64 "\n", clock_now() - start);
	}
	return 0;
}
