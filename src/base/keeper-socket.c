/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/keeper-socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/mem.h"

union ancillary {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

int keeper_socket_send(int socket, const struct keeper_message *message, int fd)
{
	struct iovec part = { (void *)message, sizeof(*message) };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	union ancillary ancillary = { 0 };

	if (fd >= 0) {
		struct cmsghdr *at;

		header.msg_control = &ancillary;
		header.msg_controllen = sizeof(ancillary);
		at = CMSG_FIRSTHDR(&header);
		at->cmsg_level = SOL_SOCKET;
		at->cmsg_type = SCM_RIGHTS;
		at->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(at), &fd, sizeof(fd));
	}
	for (;;) {
		if (sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

int keeper_socket_receive(int socket, struct keeper_message *ret, int *ret_fd)
{
	struct iovec part = { ret, sizeof(*ret) };
	union ancillary ancillary;
	struct msghdr header = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &ancillary,
		.msg_controllen = sizeof(ancillary),
	};
	CLEANUP(close) int fd = -1;
	struct cmsghdr *at;
	ssize_t n;

	do {
		n = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	at = CMSG_FIRSTHDR(&header);
	if (at && at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_RIGHTS
		&& at->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(at), sizeof(fd));
	if (n == 0)
		return -EPIPE;
	if (n != (ssize_t)sizeof(*ret) || (header.msg_flags & MSG_TRUNC))
		return -EBADMSG;
	ret->name[sizeof(ret->name) - 1] = '\0';
	*ret_fd = TAKE_FD(fd);
	return 0;
}
