/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/x-socket.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"

static int connect_to(const char *path, bool abstract)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CLEANUP(close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t length;

	if (fd < 0)
		return -errno;
	/* An abstract name starts with a NUL, and ends where its length says. */
	snprintf(address.sun_path + abstract, sizeof(address.sun_path) - abstract, "%s", path);
	length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + abstract + strlen(path));
	if (connect(fd, (struct sockaddr *)&address, length) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int x_socket_connect(unsigned number, struct ucred *ret_peer)
{
	CLEANUP(close) int fd = -1;
	struct ucred peer;
	socklen_t n = sizeof(peer);
	char path[64];

	snprintf(path, sizeof(path), X_SOCKET_DIRECTORY "/X%u", number);
	fd = connect_to(path, true);
	if (fd < 0 && fd != -EAGAIN)
		fd = connect_to(path, false);
	if (fd < 0)
		return fd == -ENOENT ? -ECONNREFUSED : fd;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return -errno;
	if (ret_peer)
		*ret_peer = peer;
	return TAKE_FD(fd);
}

bool x_socket_is_trusted(const struct ucred *peer)
{
	return peer->uid == geteuid() || peer->uid == 0;
}

bool x_socket_parse_number(const char *text, unsigned *ret)
{
	unsigned long number;

	if (str_to_uint(text, 0, X_SOCKET_NUMBER_MAX, &number) < 0)
		return false;
	*ret = (unsigned)number;
	return true;
}
