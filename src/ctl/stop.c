/* SPDX-License-Identifier: BSD-3-Clause */
/* afar stop: SIGTERM to the guard, which ends everything, and wait until it has. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "ctl/ctl.h"
#include "ctl/instance.h"

/* SIGKILL comes after 10 s; the rest is for a machine that is out of breath. */
#define LIMIT_MSEC 30000

int ctl_stop(struct ctl *ctl, int argc, char **argv)
{
	CLEANUP(close) int pidfd = -1;
	struct pollfd gone = { .events = POLLIN };
	struct instance instance;
	int error = 0;

	if (ctl_no_arguments(argc, argv))
		return CTL_USAGE;
	switch (instance_lock(&ctl->paths, &instance, NULL, &error)) {
	case INSTANCE_FREE:
		puts("afar is not running.");
		return CTL_DONE;
	case INSTANCE_ERROR:
		ctl_complain("cannot read %s: %s", ctl->paths.lock_file, strerror(-error));
		return CTL_FAILED;
	case INSTANCE_RUNNING:
		break;
	}
	if (!instance.guard_pid) {
		ctl_complain("it is just being started: try again in a moment");
		return CTL_FAILED;
	}
	pidfd = instance_pidfd(&instance);
	if (pidfd < 0 || syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) < 0) {
		ctl_complain("process %d cannot be told to stop: %s", (int)instance.guard_pid,
			strerror(pidfd < 0 ? -pidfd : errno));
		return CTL_FAILED;
	}
	gone.fd = pidfd;
	if (poll(&gone, 1, LIMIT_MSEC) <= 0) {
		ctl_complain("process %d does not end: see `afar logs`", (int)instance.guard_pid);
		return CTL_FAILED;
	}
	puts("The desktop was stopped.");
	return CTL_DONE;
}
