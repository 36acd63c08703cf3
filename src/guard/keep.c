/* SPDX-License-Identifier: BSD-3-Clause */
#include "guard/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"

void keep_init(struct keep *self)
{
	*self = (struct keep){ .socket = -1 };
	for (int i = 0; i < KEEP_N_FDS; i++)
		self->fds[i].fd = -1;
}

static void tell(struct keep *self, const struct keeper_message *message, int fd)
{
	int r;

	if (self->socket < 0)
		return;
	r = keeper_socket_send(self->socket, message, fd);
	if (r < 0 && r != -EPIPE)
		log_warning("the supervisor could not be told something: %s", strerror(-r));
}

static void tell_of_child(struct keep *self, const struct keep_child *child)
{
	const struct keeper_message message = {
		.type = child->ended ? KEEPER_ENDED : KEEPER_KNOWN,
		.pid = child->pid,
		.value = child->status,
	};

	tell(self, &message, -1);
}

static void send_signaller(struct keep *self)
{
	const struct keeper_message message = { .type = KEEPER_SIGNALLED, .pid = self->signaller };

	if (self->signaller)
		tell(self, &message, -1);
	self->signaller = 0;
}

static void send_all(struct keep *self, int n_deaths)
{
	struct keeper_message message = { .type = KEEPER_HELD };

	for (int i = 0; i < KEEP_N_FDS; i++) {
		if (self->fds[i].fd < 0)
			continue;
		memcpy(message.name, self->fds[i].name, sizeof(message.name));
		tell(self, &message, self->fds[i].fd);
	}
	for (int i = 0; i < KEEP_N_CHILDREN; i++) {
		if (self->children[i].pid)
			tell_of_child(self, &self->children[i]);
	}
	message = (struct keeper_message){ .type = KEEPER_BEGIN, .value = n_deaths };
	tell(self, &message, -1);
}

int keep_open(struct keep *self, int n_deaths, int *ret_fd)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	if (fcntl(fds[0], F_SETOWN, getpid()) < 0
		|| fcntl(fds[0], F_SETFL, O_NONBLOCK | O_ASYNC) < 0) {
		int r = -errno;

		close(fds[0]);
		close(fds[1]);
		return r;
	}
	self->socket = fds[0];
	self->is_up = false;
	send_all(self, n_deaths);
	*ret_fd = fds[1];
	return 0;
}

/* @fd: taken. */
static void keep_fd(struct keep *self, const char *name, int fd)
{
	int place = -1;

	for (int i = 0; i < KEEP_N_FDS; i++) {
		bool is_used = self->fds[i].fd >= 0;

		if (is_used && str_equal(self->fds[i].name, name)) {
			place = i;
			break;
		}
		if (!is_used && place < 0)
			place = i;
	}
	if (place < 0) {
		log_warning("%s cannot be kept: there is too much already", name);
		close(fd);
		return;
	}
	fd_close(self->fds[place].fd);
	self->fds[place].fd = fd;
	snprintf(self->fds[place].name, sizeof(self->fds[place].name), "%s", name);
}

static void drop_fd(struct keep *self, const char *name)
{
	for (int i = 0; i < KEEP_N_FDS; i++) {
		if (self->fds[i].fd >= 0 && str_equal(self->fds[i].name, name))
			self->fds[i].fd = fd_close(self->fds[i].fd);
	}
}

static struct keep_child *find_child(struct keep *self, pid_t pid)
{
	for (int i = 0; i < KEEP_N_CHILDREN; i++) {
		if (self->children[i].pid == pid)
			return &self->children[i];
	}
	return NULL;
}

static void add_child(struct keep *self, pid_t pid)
{
	struct keep_child *child = find_child(self, pid);

	if (pid <= 0 || child)
		return;
	child = find_child(self, 0);
	if (child)
		*child = (struct keep_child){ .pid = pid };
	else
		log_warning("process %d is not watched: there are too many", (int)pid);
}

static void forget_child(struct keep *self, pid_t pid)
{
	struct keep_child *child = pid > 0 ? find_child(self, pid) : NULL;

	if (child)
		*child = (struct keep_child){ 0 };
}

/* @fd: taken; -1: none. */
static void handle_message(
	struct keep *self, const struct keeper_message *message, int fd, int n_deaths)
{
	switch (message->type) {
	case KEEPER_KEEP:
		if (fd >= 0)
			keep_fd(self, message->name, TAKE_FD(fd));
		break;
	case KEEPER_DROP:
		drop_fd(self, message->name);
		break;
	case KEEPER_CHILD:
		add_child(self, message->pid);
		break;
	case KEEPER_FORGET:
		forget_child(self, message->pid);
		break;
	case KEEPER_UP:
		self->is_up = true;
		send_signaller(self);
		break;
	case KEEPER_REPEAT:
		self->is_up = false;
		send_all(self, n_deaths);
		break;
	case KEEPER_LOG:
		if (fd >= 0) {
			dup2(fd, STDOUT_FILENO);
			dup2(fd, STDERR_FILENO);
		}
		break;
	}
	fd_close(fd);
}

void keep_listen(struct keep *self, int n_deaths)
{
	struct keeper_message message;
	int fd, r;

	if (self->socket < 0)
		return;
	for (;;) {
		fd = -1;
		r = keeper_socket_receive(self->socket, &message, &fd);
		if (r == 0)
			handle_message(self, &message, fd, n_deaths);
		else if (r != -EBADMSG)
			return;
	}
}

void keep_close(struct keep *self)
{
	keep_listen(self, 0);
	self->socket = fd_close(self->socket);
	self->is_up = false;
}

bool keep_has_child(struct keep *self, pid_t pid)
{
	struct keep_child *child = find_child(self, pid);

	return pid > 0 && child && !child->ended;
}

/* Told once: when the number comes up again it is somebody else's end. */
void keep_note_end(struct keep *self, pid_t pid, int status)
{
	struct keep_child *child = find_child(self, pid);

	if (!child || child->ended)
		return;
	child->ended = true;
	child->status = status;
	tell_of_child(self, child);
}

void keep_note_signal(struct keep *self, pid_t pid)
{
	self->signaller = pid;
	if (self->is_up)
		send_signaller(self);
}

bool keep_is_worth(const struct keep *self)
{
	for (int i = 0; i < KEEP_N_FDS; i++) {
		if (self->fds[i].fd >= 0)
			return true;
	}
	return false;
}

void keep_finish(struct keep *self)
{
	for (int i = 0; i < KEEP_N_FDS; i++)
		self->fds[i].fd = fd_close(self->fds[i].fd);
	self->socket = fd_close(self->socket);
}
