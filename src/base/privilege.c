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

static void reset_limits(void)
{
	for (int i = 0; i < (int)RLIM_NLIMITS; i++) {
		struct rlimit own, wanted;

		if (getrlimit(i, &own) < 0)
			continue;
		wanted = own;
		/* Containers may lack CAP_SYS_RESOURCE, which this and a higher rlim_max need. */
		if (prlimit(1, i, NULL, &wanted) < 0 && i != RLIMIT_STACK)
			wanted.rlim_cur = own.rlim_max;
		if (i == RLIMIT_CORE)
			wanted.rlim_cur = 0;
		if (setrlimit(i, &wanted) == 0)
			continue;
		wanted.rlim_max = own.rlim_max;
		if (wanted.rlim_cur > own.rlim_max)
			wanted.rlim_cur = own.rlim_max;
		setrlimit(i, &wanted);
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
