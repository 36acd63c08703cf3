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

/* What could not be opened or moved is tried again by the first line after this time. */
#define RETRY_USEC (2 * USEC_PER_SEC)

struct outlog {
	sd_event *event; /* borrowed */
	char *path;	 /* NULL: no file, streams go to stdout */
	int fd;		 /* -1: cannot be written now */
	size_t size;
	usec_t retry_at;      /* CLOCK_MONOTONIC */
	unsigned long n_lost; /* lines, since the last that could be written */
	struct list pipes;
};

/* The reading end of one run's output. */
struct outlog_pipe {
	struct list link;
	struct outlog *log;
	struct outlog_stream *stream; /* NULL once a newer run took its place */
	const char *name;
	const char *prefix;
	usec_t suppress_at; /* USEC_NEVER: never */
	bool suppressed;
	bool in_line; /* the last piece did not end its line */
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
}

static int move_away(const struct outlog *self)
{
	CLEANUP(free) char *one = mem_printf("%s.1", self->path);
	CLEANUP(free) char *two = mem_printf("%s.2", self->path);
	int r;

	if (!one || !two)
		return -ENOMEM;
	r = sys_rename(one, two);
	if (r == 0 || r == -ENOENT)
		r = sys_rename(self->path, one);
	return r == -ENOENT ? 0 : r;
}

/* Is there a file with room for @n bytes? A flood must not try in vain again and again. */
static bool make_room(struct outlog *self, size_t n)
{
	if (self->fd >= 0 && self->size + n <= OUTLOG_FILE_MAX)
		return true;
	if (clock_now() < self->retry_at)
		return false;
	if (self->fd >= 0 && move_away(self) == 0)
		self->fd = fd_close(self->fd);
	if (self->fd < 0)
		open_file(self);
	if (self->fd >= 0 && self->size + n <= OUTLOG_FILE_MAX)
		return true;
	self->retry_at = clock_now() + RETRY_USEC;
	return false;
}

static bool put(struct outlog *self, const char *line, size_t n)
{
	unsigned long n_lost = self->n_lost;

	if (!make_room(self, n) || sys_write_all(self->fd, line, n) < 0) {
		self->n_lost++;
		return false;
	}
	self->size += n;
	self->n_lost = 0;
	if (n_lost)
		log_warning("%lu lines before this one could not be written and are lost", n_lost);
	return true;
}

/* Our own. Without the file it goes to where we were started, if that is any better. */
static void handle_record(void *data, const char *line, size_t n)
{
	if (!put(data, line, n))
		sys_write_all(STDERR_FILENO, line, n);
}

static void write_line(struct outlog *self, const char *name, const char *text, size_t n)
{
	char line[LINE_MAX_BYTES + 128], time[CLOCK_TEXT_MAX];
	size_t length = (size_t)snprintf(
		line, sizeof(line), "%s %s: ", clock_format(clock_wall(), time), name);
	memcpy(line + length, text, n);
	length += n;
	line[length++] = '\n';
	put(self, line, length);
}

/* OUT-1. @n bytes, of which the last may be a newline; a long line comes in pieces. */
static void pass_on(struct outlog_pipe *self, const char *bytes, size_t n)
{
	char line[LINE_MAX_BYTES + 128];
	size_t length = 0;

	if (self->suppressed)
		return;
	if (!self->in_line && clock_now() >= self->suppress_at) {
		self->suppressed = true;
		bytes = "Suppressing rest of the session output.\n";
		n = strlen(bytes);
	} else if (!self->in_line) {
		length = (size_t)snprintf(line, sizeof(line), "%s", self->prefix);
	}
	memcpy(line + length, bytes, n);
	sys_write_all(STDOUT_FILENO, line, length + n);
}

int outlog_create(struct outlog **ret, sd_event *event, const char *path)
{
	struct outlog *self = mem_new(struct outlog);

	if (!self)
		return -ENOMEM;
	self->event = event;
	self->fd = -1;
	list_init(&self->pipes);
	if (!path) {
		*ret = self;
		return 0;
	}
	self->path = mem_dup(path, strlen(path));
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
	log_set_writer(handle_record, self);
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
	log_set_writer(NULL, NULL);
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

/* What has been gathered goes out: a line, a piece of a long one, or what came before the end. */
static void end_line(struct outlog_pipe *self)
{
	size_t n = self->length;
	bool whole = n && self->line[n - 1] == '\n';
	bool continued = self->in_line;

	if (!n)
		return;
	if (!self->log->path)
		pass_on(self, self->line, n);
	else if (n > 1 || !continued)
		write_line(self->log, self->name, self->line, n - whole);
	self->in_line = !whole;
	if (self->stream && n > whole)
		remember(self->stream, self->line, n - whole);
	self->length = 0;
}

static void take(struct outlog_pipe *self, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		self->line[self->length++] = bytes[i];
		if (bytes[i] == '\n' || self->length == sizeof(self->line))
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

	if (!self->log->path && !self->prefix) {
		*ret_fd = -1;
		return 0;
	}
	pipe = mem_new(struct outlog_pipe);
	if (!pipe)
		return -ENOMEM;
	if (pipe2(fds, O_CLOEXEC) < 0) {
		r = -errno;
		free(pipe);
		return r;
	}
	write_end = fds[1];
	*pipe = (struct outlog_pipe){
		.log = self->log,
		.name = self->name,
		.prefix = self->prefix,
		.suppress_at = self->limit ? clock_now() + self->limit : USEC_NEVER,
		.fd = fds[0],
	};
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
