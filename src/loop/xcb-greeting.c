/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/xcb-greeting.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "loop/x-authority.h"
#include "loop/x-socket.h"

/* Before the length of the rest is known; the length is 16 bits, in units of 4 bytes. */
#define HEAD_BYTES 8
#define GREETING_MAX (HEAD_BYTES + 4 * 65535)
#define REQUEST_MAX 512
#define PART_BYTES 16384

enum { FAILED = 0, SUCCESS = 1 };

/* Local displays only: ":20", ":20.0", "unix:20". */
static int parse_display(const char *display, unsigned *ret_number, int *ret_screen)
{
	CLEANUP(free) char *host = NULL;
	int number, screen;

	if (!xcb_parse_display(display, &host, &number, &screen) || number < 0
		|| number > X_SOCKET_NUMBER_MAX)
		return -EINVAL;
	if (!str_empty(host) && !str_equal(host, "unix"))
		return -EINVAL;
	*ret_number = (unsigned)number;
	*ret_screen = screen;
	return 0;
}

static size_t padded(size_t n)
{
	return (n + 3) / 4 * 4;
}

static int send_request(int fd, const struct x_authority *auth)
{
	xcb_setup_request_t head = {
		.byte_order = BYTE_ORDER == LITTLE_ENDIAN ? 'l' : 'B',
		.protocol_major_version = X_PROTOCOL,
		.protocol_minor_version = X_PROTOCOL_REVISION,
		.authorization_protocol_name_len = (uint16_t)strlen(auth->name),
		.authorization_protocol_data_len = (uint16_t)auth->n,
	};
	uint8_t bytes[REQUEST_MAX] = { 0 };
	size_t n = sizeof(head);
	ssize_t sent;

	_Static_assert(sizeof(head) + sizeof(auth->name) + sizeof(auth->data) <= REQUEST_MAX,
		"an entry fits");
	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + n, auth->name, strlen(auth->name));
	n += padded(strlen(auth->name));
	memcpy(bytes + n, auth->data, auth->n);
	n += padded(auth->n);
	/* The first bytes on a fresh socket: they fit. */
	sent = send(fd, bytes, n, MSG_NOSIGNAL);
	explicit_bzero(bytes, sizeof(bytes));
	if (sent < 0)
		return errno == EPIPE || errno == ECONNRESET ? -ECONNREFUSED : -errno;
	return (size_t)sent == n ? 0 : -EIO;
}

int xcb_greeting_begin(struct xcb_greeting *self, const char *display, const char *authority)
{
	struct x_authority auth = { 0 };
	struct ucred peer;
	unsigned number;
	int r;

	*self = (struct xcb_greeting){ .fd = -1 };
	r = parse_display(display, &number, &self->screen);
	if (r == 0 && authority)
		r = x_authority_read(authority, number, &auth);
	if (r < 0 && r != -ENODATA)
		return r;
	self->fd = x_socket_connect(number, &peer);
	if (self->fd < 0)
		r = self->fd;
	else if (!x_socket_is_trusted(&peer))
		r = -EPERM;
	else
		r = send_request(self->fd, &auth);
	explicit_bzero(&auth, sizeof(auth));
	return r;
}

/* How many bytes the greeting has, as far as is known. */
static size_t wanted(const struct xcb_greeting *self)
{
	xcb_setup_failed_t head;

	if (self->n < HEAD_BYTES)
		return HEAD_BYTES;
	memcpy(&head, self->bytes, HEAD_BYTES);
	return HEAD_BYTES + 4 * (size_t)head.length;
}

static int reserve(struct xcb_greeting *self, size_t size)
{
	uint8_t *bytes;

	if (size <= self->size)
		return 0;
	bytes = mem_resize(self->bytes, size, 1);
	if (!bytes)
		return -ENOMEM;
	self->bytes = bytes;
	self->size = size;
	return 0;
}

/* Answers by status; the text of a refusal is for people who speak English and X. */
static int judge(const struct xcb_greeting *self)
{
	static const char full[] = "Maximum number of clients reached";

	if (self->bytes[0] == SUCCESS)
		return self->n > sizeof(xcb_setup_t) ? 0 : -EPROTO;
	if (self->bytes[0] == FAILED && self->n >= HEAD_BYTES + sizeof(full) - 1
		&& memcmp(self->bytes + HEAD_BYTES, full, sizeof(full) - 1) == 0)
		return -EUSERS;
	return -EACCES;
}

int xcb_greeting_read(struct xcb_greeting *self)
{
	_Static_assert(sizeof(xcb_setup_failed_t) == HEAD_BYTES, "the protocol's");

	while (self->n < wanted(self)) {
		size_t end = wanted(self);
		ssize_t got;
		int r = reserve(self, end);

		if (r < 0)
			return r;
		got = recv(self->fd, self->bytes + self->n, end - self->n, 0);
		if (got == 0)
			return -ECONNREFUSED;
		if (got < 0) {
			if (errno == EINTR)
				continue;
			return errno == ECONNRESET ? -ECONNREFUSED : -errno;
		}
		self->n += (size_t)got;
	}
	return judge(self);
}

static int send_parts(int fd, const uint8_t *bytes, size_t n)
{
	size_t size = HEAD_BYTES;

	for (size_t at = 0; at < n; at += size) {
		if (at > 0)
			size = PART_BYTES;
		if (size > n - at)
			size = n - at;
		if (send(fd, bytes + at, size, MSG_NOSIGNAL) < 0)
			return -errno;
	}
	return shutdown(fd, SHUT_WR) < 0 ? -errno : 0;
}

/*
 * A socket on which the greeting waits to be read; in the other end lands what is said.
 *
 * As it says its part libxcb (1.15) reads what there is already, and takes it for a reply if it
 * has 32 bytes: so the first message is shorter, and messages stay apart (SOCK_SEQPACKET). Each
 * of the reads that follow takes one whole: they ask for the head, and then for all the rest.
 * And if a later libxcb did otherwise it would come to an end, and not wait for ever.
 */
static int make_stage(const struct xcb_greeting *self, int ret[2])
{
	int room = GREETING_MAX;
	int r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret) < 0)
		return -errno;
	setsockopt(ret[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	r = send_parts(ret[1], self->bytes, self->n);
	if (r < 0) {
		close(ret[0]);
		close(ret[1]);
	}
	return r;
}

int xcb_greeting_take(struct xcb_greeting *self, xcb_connection_t **ret)
{
	/* Empty, not NULL: with NULL libxcb would ask the environment. */
	xcb_auth_info_t none = { 0 };
	xcb_connection_t *connection;
	int stage[2], r;

	r = make_stage(self, stage);
	if (r < 0)
		return r;
	connection = xcb_connect_to_fd(stage[0], &none);
	close(stage[1]);
	if (xcb_connection_has_error(connection)) {
		/* It has closed what it was given. */
		xcb_disconnect(connection);
		return -EPROTO;
	}
	if (dup3(self->fd, stage[0], O_CLOEXEC) < 0) {
		r = -errno;
		xcb_disconnect(connection);
		return r;
	}
	self->fd = fd_close(self->fd);
	*ret = connection;
	return 0;
}

void xcb_greeting_finish(struct xcb_greeting *self)
{
	self->fd = fd_close(self->fd);
	free(self->bytes);
	self->bytes = NULL;
}
