/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/transport/hang-up.h"

#include <stddef.h>
#include <time.h>

static const struct hang_up *watched;

void hang_up_watch(const struct hang_up *how)
{
	watched = how;
}

static bool is_meant(const struct pollfd *fds, nfds_t n)
{
	const struct hang_up *how = watched;

	return how && ((n > 0 && fds[0].fd == how->fd) || (n > 1 && fds[1].fd == how->fd));
}

static int poll_as_ever(struct pollfd *fds, nfds_t n, int timeout)
{
	struct timespec time = {
		.tv_sec = timeout / 1000,
		.tv_nsec = (long)(timeout % 1000) * 1000000,
	};

	return ppoll(fds, n, timeout < 0 ? NULL : &time, NULL);
}

/*
 * Where nothing waits its end is read before anything more is sent, or that could wait by the
 * time that it is read.
 */
static void tell(struct pollfd *fd)
{
	int waits;

	if (!(fd->revents & POLLRDHUP))
		return;
	fd->revents = (short)(fd->revents & ~POLLRDHUP);
	waits = watched->waits(watched->data, fd->fd);
	if (waits > 0)
		fd->revents = POLLHUP;
	else if (waits == 0)
		fd->revents = (short)(fd->revents & ~POLLOUT);
}

int hang_up_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	bool meant = is_meant(fds, n);
	int r;

	for (nfds_t i = 0; meant && i < n; i++) {
		if (fds[i].events & POLLIN)
			fds[i].events |= POLLRDHUP;
	}
	r = poll_as_ever(fds, n, timeout);
	for (nfds_t i = 0; meant && i < n; i++) {
		fds[i].events = (short)(fds[i].events & ~POLLRDHUP);
		if (r > 0)
			tell(&fds[i]);
	}
	return r;
}
