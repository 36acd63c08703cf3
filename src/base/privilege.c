/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/fd.h"

/* pid 1's, which needs privilege to read; a caller may have lowered its own to nothing. */
static void reset_limits(void)
{
	struct rlimit limit;

	for (int i = 0; i < (int)RLIM_NLIMITS; i++) {
		if (prlimit(1, i, NULL, &limit) < 0)
			continue;
		if (i == RLIMIT_CORE)
			limit.rlim_cur = 0;
		setrlimit(i, &limit);
	}
}

void privilege_clean(void)
{
	const struct itimerval never = { 0 };

	/* The lowest free number: they are opened in order. */
	for (int fd = 0; fd < 3; fd++) {
		if (!fd_is_open(fd) && open("/dev/null", O_RDWR) != fd)
			_exit(1);
	}
	closefrom(3);
	privilege_reset_signals();
	setitimer(ITIMER_REAL, &never, NULL);
	setitimer(ITIMER_VIRTUAL, &never, NULL);
	setitimer(ITIMER_PROF, &never, NULL);
	reset_limits();
	prctl(PR_SET_DUMPABLE, 0);
	umask(022);
	if (chdir("/") < 0)
		_exit(1);
}

void privilege_reset_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int signo = 1; signo < NSIG; signo++)
		sigaction(signo, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int privilege_drop(uid_t uid)
{
	uid_t real, effective, saved;

	if (setresuid(uid, uid, uid) < 0)
		return -errno;
	if (getresuid(&real, &effective, &saved) < 0 || real != uid || effective != uid
		|| saved != uid)
		return -EPERM;
	return uid && setuid(0) == 0 ? -EPERM : 0;
}
