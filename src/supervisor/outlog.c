/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/outlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"

/* A longer line is cut into pieces of this size. */
#define LINE_MAX_BYTES 1024
/* Of one pipe in one turn of the loop: a flood must not starve the others. */
#define TURN_MAX_BYTES (64 * 1024)

struct outlog {
	sd_event *event; /* borrowed */
	char *path;
	int fd;		 /* -1: cannot be written now */
	size_t size;
	struct list pipes;
};

/* The reading end of one run's output. */
struct outlog_pipe {
	struct list link;
	struct outlog *log;
	struct outlog_stream *stream; /* NULL once a newer run took its place */
	const char *name;
	int fd;
	sd_event_source *source;
	char line[LINE_MAX_BYTES];
	size_t length;
};

static void open_file(struct outlog *self)
{
	struct stat st;

	self->fd = sys_open(self->path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
	self->size = self->fd >= 0 && fstat(self->fd, &st) == 0 ? (size_t)st.st_size : 0;
	log_set_fd(self->fd >= 0 ? self->fd : STDERR_FILENO);
}

static void rotate(struct outlog *self)
{
	CLEANUP(free) char *one = NULL;
	CLEANUP(free) char *two = NULL;

	if (asprintf(&one, "%s.1", self->path) < 0 || asprintf(&two, "%s.2", self->path) < 0)
		return;
	rename(one, two);
	rename(self->path, one);
	self->fd = fd_close(self->fd);
	open_file(self);
}

static void write_line(struct outlog *self, const char *name, const char *text, size_t n)
{
	char line[LINE_MAX_BYTES + 128], time[CLOCK_TEXT_MAX];
	int length;

	if (self->fd < 0)
		return;
	length = snprintf(line, sizeof(line), "%s %s: %.*s\n",
		clock_format(clock_wall(), time), name, (int)n, text);
	if (self->size + (size_t)length > OUTLOG_FILE_MAX)
		rotate(self);
	if (self->fd >= 0 && sys_write_all(self->fd, line, (size_t)length) == 0)
		self->size += (size_t)length;
}

int outlog_create(struct outlog **ret, sd_event *event, const char *path)
{
	struct outlog *self = mem_new(struct outlog);

	if (!self)
		return -ENOMEM;
	self->event = event;
	self->path = mem_dup(path, strlen(path));
	list_init(&self->pipes);
	if (!self->path) {
		free(self);
		return -ENOMEM;
	}
	open_file(self);
	if (self->fd < 0) {
		int r = self->fd;

		outlog_destroy(self);
		return r;
	}
	*ret = self;
	return 0;
}

static void pipe_destroy(struct outlog_pipe *self)
{
	if (self->stream)
		self->stream->pipe = NULL;
	list_remove(&self->link);
	sd_event_source_unref(self->source);
	fd_close(self->fd);
	free(self);
}

void outlog_destroy(struct outlog *self)
{
	struct outlog_pipe *pipe, *next;

	if (!self)
		return;
	list_for_each_safe(pipe, next, &self->pipes, link)
		pipe_destroy(pipe);
	log_set_fd(STDERR_FILENO);
	fd_close(self->fd);
	free(self->path);
	free(self);
}

void outlog_stream_init(struct outlog_stream *self, struct outlog *log, const char *name)
{
	*self = (struct outlog_stream){ .log = log, .name = name };
}

static void remember(struct outlog_stream *self, const char *text, size_t n)
{
	snprintf(self->tail[self->tail_next], STATUS_LOG_LINE_MAX, "%.*s", (int)n, text);
	self->tail_next = (self->tail_next + 1) % STATUS_LOG_TAIL_LINES;
	if (self->n_tail < STATUS_LOG_TAIL_LINES)
		self->n_tail++;
}

static void end_line(struct outlog_pipe *self)
{
	if (self->length) {
		write_line(self->log, self->name, self->line, self->length);
		if (self->stream)
			remember(self->stream, self->line, self->length);
	}
	self->length = 0;
}

static void take(struct outlog_pipe *self, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] == '\n') {
			end_line(self);
			continue;
		}
		self->line[self->length++] = bytes[i];
		if (self->length == sizeof(self->line))
			end_line(self);
	}
}

/* Reads until the pipe is empty or has had its turn. Returns false at its end. */
static bool read_pipe(struct outlog_pipe *self)
{
	char bytes[8192];

	for (size_t total = 0; total < TURN_MAX_BYTES;) {
		ssize_t n = read(self->fd, bytes, sizeof(bytes));

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0)
			return false;
		take(self, bytes, (size_t)n);
		total += (size_t)n;
	}
	return true;
}

static int handle_readable(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	struct outlog_pipe *self = data;

	(void)source;
	(void)fd;
	(void)revents;
	if (!read_pipe(self)) {
		end_line(self);
		pipe_destroy(self);
	}
	return 0;
}

int outlog_stream_open(struct outlog_stream *self, int *ret_fd)
{
	CLEANUP(close) int write_end = -1;
	struct outlog_pipe *pipe;
	int fds[2], r;

	pipe = mem_new(struct outlog_pipe);
	if (!pipe)
		return -ENOMEM;
	if (pipe2(fds, O_CLOEXEC) < 0) {
		r = -errno;
		free(pipe);
		return r;
	}
	write_end = fds[1];
	*pipe = (struct outlog_pipe){ .log = self->log, .name = self->name, .fd = fds[0] };
	list_append(&self->log->pipes, &pipe->link);
	r = fd_set_nonblock(pipe->fd);
	if (r == 0)
		r = sd_event_add_io(self->log->event, &pipe->source, pipe->fd, EPOLLIN,
			handle_readable, pipe);
	if (r < 0) {
		pipe_destroy(pipe);
		return r;
	}
	if (self->pipe)
		self->pipe->stream = NULL;
	self->pipe = pipe;
	pipe->stream = self;
	self->n_tail = 0;
	self->tail_next = 0;
	*ret_fd = TAKE_FD(write_end);
	return 0;
}

void outlog_stream_drain(struct outlog_stream *self)
{
	/* Last words often lack the newline. */
	if (self->pipe && !read_pipe(self->pipe))
		end_line(self->pipe);
}

void outlog_stream_tail(const struct outlog_stream *self, struct status_end *ret)
{
	unsigned first = (self->tail_next + STATUS_LOG_TAIL_LINES - self->n_tail)
		% STATUS_LOG_TAIL_LINES;

	ret->n_log_tail = self->n_tail;
	for (unsigned i = 0; i < self->n_tail; i++)
		memcpy(ret->log_tail[i], self->tail[(first + i) % STATUS_LOG_TAIL_LINES],
			STATUS_LOG_LINE_MAX);
}
