/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/keeper.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/fd.h"
#include "base/keeper-socket.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define N_HELD 64
#define N_NEWS 160 /* as many as the guard can have to tell */

struct held {
	char name[KEEPER_NAME_MAX];
	int fd; /* -1: taken */
};

struct keeper {
	int socket;
	int n_deaths;
	struct held held[N_HELD];
	size_t n_held;
	bool is_read; /* what comes now has come before */
	struct keeper_message news[N_NEWS]; /* that came before anybody listened */
	size_t n_news;
	sd_event_source *source;
	const struct keeper_events *events; /* borrowed */
	void *data;
};

/* The next message. Waits as long as the guard lives. */
static int receive(int socket, struct keeper_message *ret, int *ret_fd)
{
	for (;;) {
		struct pollfd readable = { .fd = socket, .events = POLLIN };
		int r = keeper_socket_receive(socket, ret, ret_fd);

		if (r != -EAGAIN && r != -EBADMSG)
			return r;
		poll(&readable, 1, -1);
	}
}

/* @fd: taken; -1: none. */
static void take_in(struct keeper *self, const struct keeper_message *message, int fd)
{
	if (message->type == KEEPER_HELD && fd >= 0 && self->n_held < N_HELD && !self->is_read) {
		struct held *held = &self->held[self->n_held++];

		memcpy(held->name, message->name, sizeof(held->name));
		held->fd = TAKE_FD(fd);
	} else if (message->type != KEEPER_HELD && self->n_news < N_NEWS) {
		self->news[self->n_news++] = *message;
	}
	fd_close(fd);
}

/* All that is kept, to the end of it. */
static int read_all(struct keeper *self)
{
	for (;;) {
		struct keeper_message message;
		int fd = -1;
		int r = receive(self->socket, &message, &fd);

		if (r < 0)
			return r;
		if (message.type == KEEPER_BEGIN) {
			self->n_deaths = message.value;
			self->is_read = true;
			return 0;
		}
		take_in(self, &message, fd);
	}
}

int keeper_open(struct keeper **ret, int fd)
{
	struct keeper *self = mem_new(struct keeper);
	int r;

	if (!self) {
		close(fd);
		return -ENOMEM;
	}
	self->socket = fd;
	r = read_all(self);
	if (r < 0) {
		keeper_destroy(self);
		return r;
	}
	*ret = self;
	return 0;
}

int keeper_n_deaths(const struct keeper *self)
{
	return self ? self->n_deaths : 0;
}

int keeper_take(struct keeper *self, const char *name)
{
	for (size_t i = 0; self && i < self->n_held; i++) {
		if (str_equal(self->held[i].name, name))
			return TAKE_FD(self->held[i].fd);
	}
	return -1;
}

static int send(struct keeper *self, enum keeper_type type, const char *name, pid_t pid, int fd)
{
	struct keeper_message message = { .type = type, .pid = pid };
	int r;

	if (!self)
		return 0;
	snprintf(message.name, sizeof(message.name), "%s", name);
	r = keeper_socket_send(self->socket, &message, fd);
	if (r < 0)
		log_warning("the guard could not be told what to keep: %s", strerror(-r));
	return r;
}

void keeper_keep(struct keeper *self, const char *name, int fd)
{
	send(self, KEEPER_KEEP, name, 0, fd);
}

void keeper_drop(struct keeper *self, const char *name)
{
	send(self, KEEPER_DROP, name, 0, -1);
}

void keeper_log(struct keeper *self, int fd)
{
	send(self, KEEPER_LOG, "", 0, fd);
}

void keeper_child(struct keeper *self, pid_t pid)
{
	send(self, KEEPER_CHILD, "", pid, -1);
}

void keeper_forget(struct keeper *self, pid_t pid)
{
	send(self, KEEPER_FORGET, "", pid, -1);
}

int keeper_drop_all(struct keeper *self)
{
	for (size_t i = 0; i < self->n_held; i++) {
		fd_close(self->held[i].fd);
		keeper_drop(self, self->held[i].name);
	}
	self->n_held = 0;
	return keeper_refresh(self);
}

int keeper_refresh(struct keeper *self)
{
	int r;

	self->n_news = 0;
	/* The guard hears one after the other: what comes now is what is left. */
	r = keeper_repeat(self);
	return r < 0 ? r : read_all(self);
}

int keeper_repeat(struct keeper *self)
{
	return self ? send(self, KEEPER_REPEAT, "", 0, -1) : -ENOTCONN;
}

void keeper_up(struct keeper *self)
{
	send(self, KEEPER_UP, "", 0, -1);
}

bool keeper_has_end(const struct keeper *self, pid_t pid)
{
	for (size_t i = 0; self && i < self->n_news; i++) {
		if (self->news[i].type == KEEPER_ENDED && self->news[i].pid == pid)
			return true;
	}
	return false;
}

static void handle_message(struct keeper *self, const struct keeper_message *message)
{
	switch (message->type) {
	case KEEPER_ENDED:
		self->events->handle_ended(self->data, message->pid, message->value);
		break;
	case KEEPER_SIGNALLED:
		self->events->handle_signalled(self->data, message->pid);
		break;
	case KEEPER_KNOWN:
		self->events->handle_known(self->data, message->pid);
		break;
	}
}

static int handle_readable(sd_event_source *source, int socket, uint32_t revents, void *data)
{
	struct keeper *self = data;
	struct keeper_message message;
	int fd, r;

	(void)revents;
	for (;;) {
		fd = -1;
		r = keeper_socket_receive(socket, &message, &fd);
		fd_close(fd); /* none is expected any more */
		if (r == 0)
			handle_message(self, &message);
		else if (r != -EBADMSG)
			break;
	}
	/* Its end is our own: SIGTERM follows. */
	if (r != -EAGAIN)
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
	return 0;
}

int keeper_listen(struct keeper *self, sd_event *event, const struct keeper_events *events,
	void *data)
{
	int r;

	if (!self)
		return 0;
	self->events = events;
	self->data = data;
	for (size_t i = 0; i < self->n_held; i++) {
		if (self->held[i].fd < 0)
			continue;
		self->held[i].fd = fd_close(self->held[i].fd);
		keeper_drop(self, self->held[i].name);
	}
	self->n_held = 0;
	for (size_t i = 0; i < self->n_news; i++)
		handle_message(self, &self->news[i]);
	self->n_news = 0;
	r = sd_event_add_io(event, &self->source, self->socket, EPOLLIN, handle_readable, self);
	if (r < 0)
		return r;
	return send(self, KEEPER_UP, "", 0, -1);
}

void keeper_destroy(struct keeper *self)
{
	if (!self)
		return;
	sd_event_source_unref(self->source);
	for (size_t i = 0; i < self->n_held; i++)
		fd_close(self->held[i].fd);
	fd_close(self->socket);
	free(self);
}
