/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A child that tells when it was executed: "NAME PID MICROSECONDS" of CLOCK_MONOTONIC goes as one
 * line to the file that $AFAR_BENCH_STAMPS names.
 *
 *	stamp NAME COMMAND…
 *
 * becomes COMMAND. Under another name, as the contract starts its host,
 *
 *	NAME --host-config=- … --signal-parent
 *
 * it says at once that it is ready, and does nothing until SIGTERM.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

static void write_stamp(const char *name, usec_t now)
{
	const char *path = getenv("AFAR_BENCH_STAMPS");
	CLEANUP(close) int fd = path ? sys_open(path, O_WRONLY | O_APPEND | O_NONBLOCK, 0) : -1;
	char line[256];
	int n = snprintf(line, sizeof(line), "%s %d %" PRIu64 "\n", name, (int)getpid(), now);

	if (fd >= 0 && n > 0 && (size_t)n < sizeof(line))
		sys_write_all(fd, line, (size_t)n);
}

int main(int argc, char **argv)
{
	usec_t now = clock_now();
	const char *name = str_basename(argv[0]);

	if (str_equal(name, "stamp")) {
		if (argc < 3) {
			fprintf(stderr, "usage: stamp NAME COMMAND…\n");
			return 2;
		}
		write_stamp(argv[1], now);
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		return 127;
	}
	write_stamp(name, now);
	for (int i = 1; i < argc; i++) {
		/* Nobody is to wait for a host that only reports why it is offline. */
		if (str_starts(argv[i], "--report-offline-reason="))
			return 0;
		if (str_equal(argv[i], "--signal-parent"))
			kill(getppid(), SIGUSR1);
	}
	for (;;)
		pause();
}
