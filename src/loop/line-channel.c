/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/line-channel.h"

#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"

#define READ_SIZE 4096

struct line_channel {
	int fd;
	sd_event_source *source;
	struct line_channel_limits limits;
	const struct line_channel_events *events; /* borrowed */
	void *data;
	struct strbuf in; /* has room from the start: short lines come in whatever happens */
	size_t n_scanned; /* of @in, without a newline */
	struct strbuf out;
	size_t n_sent; /* of @out */
	int error;     /* of a send that failed, told at the end */
	bool ended;
	bool *destroyed; /* on the stack of the handler that is running, if any */
};

static size_t n_waiting(const struct line_channel *self)
{
	return self->out.length - self->n_sent;
}

static void watch(struct line_channel *self)
{
	uint32_t events = EPOLLIN | (n_waiting(self) ? EPOLLOUT : 0);

	/* Changing the mask of an fd that is registered already needs no memory. */
	sd_event_source_set_io_events(self->source, events);
}

/*
 * Sends what the socket takes. A socket that fails is shut down: the loop
 * then finds its end, so that the owner is never told from within a call.
 */
static void flush(struct line_channel *self)
{
	while (n_waiting(self) && !self->error) {
		ssize_t n = send(self->fd, self->out.text + self->n_sent, n_waiting(self),
			MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0) {
			self->n_sent += (size_t)n;
		} else if (errno == EAGAIN) {
			break;
		} else if (errno != EINTR) {
			self->error = -errno;
			shutdown(self->fd, SHUT_RDWR);
		}
	}
	if (!n_waiting(self) || self->error) {
		strbuf_finish(&self->out);
		self->n_sent = 0;
	}
	watch(self);
}

int line_channel_send(struct line_channel *self, const char *lines, size_t n)
{
	if (self->ended || self->error)
		return -EPIPE;
	if (n > self->limits.queue_max - n_waiting(self))
		return -ENOBUFS;
	if (self->n_sent) {
		strbuf_consume(&self->out, self->n_sent);
		self->n_sent = 0;
	}
	strbuf_append(&self->out, lines, n);
	if (self->out.failed) {
		self->out.failed = false;
		return -ENOMEM;
	}
	flush(self);
	return 0;
}

static void end(struct line_channel *self, int error)
{
	self->ended = true;
	sd_event_source_set_enabled(self->source, SD_EVENT_OFF);
	self->events->handle_end(self->data, self->error ? self->error : error);
}

/* Hands over the whole lines that are there. -ECANCELED: the channel was destroyed meanwhile. */
static int deliver(struct line_channel *self)
{
	bool destroyed = false;
	size_t start = 0;
	char *newline;

	self->destroyed = &destroyed;
	while ((newline = memchr(self->in.text + self->n_scanned, '\n',
			self->in.length - self->n_scanned))) {
		char *line = self->in.text + start;
		size_t n = (size_t)(newline - line);

		if (n >= self->limits.line_max)
			break;
		*newline = '\0';
		start = self->n_scanned = (size_t)(newline - self->in.text) + 1;
		self->events->handle_line(self->data, line, n);
		if (destroyed)
			return -ECANCELED;
	}
	self->destroyed = NULL;
	/* Lines may hold tokens: the buffer keeps nothing of them. */
	explicit_bzero(self->in.text, start);
	strbuf_consume(&self->in, start);
	self->n_scanned = self->in.length;
	if (!self->in.length && self->in.size > 2 * READ_SIZE)
		strbuf_finish(&self->in);
	return newline || self->in.length >= self->limits.line_max ? -EMSGSIZE : 0;
}

static int handle_readable(struct line_channel *self)
{
	char bytes[READ_SIZE];
	ssize_t n = recv(self->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n == 0)
		return -ESHUTDOWN;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	strbuf_append(&self->in, bytes, (size_t)n);
	explicit_bzero(bytes, (size_t)n);
	return self->in.failed ? -ENOMEM : deliver(self);
}

static int handle_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct line_channel *self = userdata;
	int r;

	(void)source;
	(void)fd;
	if (revents & EPOLLOUT)
		flush(self);
	if (!(revents & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return 0;
	r = handle_readable(self);
	if (r < 0 && r != -ECANCELED)
		end(self, r == -ESHUTDOWN ? 0 : r);
	return 0;
}

int line_channel_create(struct line_channel **ret, sd_event *event, int fd,
	const struct line_channel_limits *limits, const struct line_channel_events *events,
	void *data)
{
	struct line_channel *self = mem_new(struct line_channel);
	int r;

	if (!self)
		return -ENOMEM;
	*self = (struct line_channel){
		.fd = -1, .limits = *limits, .events = events, .data = data
	};
	r = strbuf_reserve(&self->in, READ_SIZE) ? fd_set_nonblock(fd) : -ENOMEM;
	if (r >= 0)
		r = sd_event_add_io(event, &self->source, fd, EPOLLIN, handle_io, self);
	if (r < 0) {
		line_channel_destroy(self);
		return r;
	}
	self->fd = fd;
	*ret = self;
	return 0;
}

void line_channel_destroy(struct line_channel *self)
{
	if (!self)
		return;
	if (self->destroyed)
		*self->destroyed = true;
	sd_event_source_disable_unref(self->source);
	fd_close(self->fd);
	strbuf_finish(&self->in);
	strbuf_finish(&self->out);
	free(self);
}
