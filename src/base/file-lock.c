/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/file-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/sys.h"

static void handle_alarm(int signo)
{
	(void)signo;
}

static struct timeval timeval_of(usec_t time)
{
	return (struct timeval){ .tv_sec = (time_t)(time / USEC_PER_SEC),
		.tv_usec = (suseconds_t)(time % USEC_PER_SEC) };
}

/* fcntl(2) knows no limit: a signal ends its wait. */
static int wait_for(int fd, usec_t end)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	const struct sigaction wake = { .sa_handler = handle_alarm }; /* no SA_RESTART */
	const struct itimerval off = { 0 };
	struct itimerval limit = { 0 };
	struct sigaction old;
	usec_t now = clock_now();
	int r;

	if (now >= end)
		return -EBUSY;
	limit.it_value = timeval_of(end - now);
	/* Again and again from then on: one that comes just before the wait ends nothing. */
	limit.it_interval = timeval_of(10 * USEC_PER_MSEC);
	sigaction(SIGALRM, &wake, &old);
	setitimer(ITIMER_REAL, &limit, NULL);
	do
		r = fcntl(fd, F_OFD_SETLKW, &lock) < 0 ? -errno : 0;
	while (r == -EINTR && clock_now() < end);
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &old, NULL);
	return r == -EINTR ? -EBUSY : r;
}

static int take(int fd, usec_t end)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? wait_for(fd, end) : -errno;
}

int file_lock_take(struct file_lock *self, const char *path, unsigned limit_msec)
{
	usec_t end = clock_now() + limit_msec * USEC_PER_MSEC;
	CLEANUP(free) char *lock = mem_printf("%s.lock", path);

	if (!lock)
		return -ENOMEM;
	for (;;) {
		CLEANUP(close) int fd = sys_open(lock, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
		int r = fd < 0 ? fd : take(fd, end);

		if (r < 0)
			return r;
		/* Its last holder removed it: a lock on what is no longer there means nothing. */
		if (!fd_is_at(fd, lock))
			continue;
		self->fd = TAKE_FD(fd);
		self->path = TAKE_PTR(lock);
		return 0;
	}
}

void file_lock_release(struct file_lock *self)
{
	unlink(self->path);
	self->fd = fd_close(self->fd);
	free(self->path);
	self->path = NULL;
}
