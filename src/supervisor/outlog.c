/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/outlog.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/keeper-socket.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "supervisor/keeper.h"

/* A longer line is cut into pieces of this size. */
#define LINE_MAX_BYTES 1024
#define OUTLOG_NAME_MAX 32
/* Of one pipe in one turn of the loop: a flood must not starve the others. */
#define TURN_MAX_BYTES (64 * 1024)

struct outlog {
	sd_event *event; /* borrowed */
	char *path;	 /* NULL: no file, streams go to stdout */
	int fd;		 /* -1: cannot be written now */
	size_t size;
	struct list pipes;
	struct keeper *keeper; /* borrowed */
	unsigned last_pipe;    /* its number */
};

/* The reading end of one run's output. */
struct outlog_pipe {
	struct list link;
	struct outlog *log;
	struct outlog_stream *stream; /* borrowed; its newest pipe is stream->pipe */
	char name[OUTLOG_NAME_MAX];
	const char *prefix;
	usec_t suppress_at; /* USEC_NEVER: never */
	bool suppressed;
	bool in_line; /* the last piece did not end its line */
	int fd;
	char kept_as[KEEPER_NAME_MAX]; /* with the guard */
	sd_event_source *source;
	char line[LINE_MAX_BYTES];
	size_t length;
};

/* Once a newer run took its place, what it still prints is logged and no more. */
static bool is_newest(const struct outlog_pipe *self)
{
	return self->stream->pipe == self;
}

static void open_file(struct outlog *self)
{
	struct stat st;

	self->fd = sys_open(self->path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
	self->size = self->fd >= 0 && fstat(self->fd, &st) == 0 ? (size_t)st.st_size : 0;
	log_set_fd(self->fd >= 0 ? self->fd : STDERR_FILENO);
}

static void rotate(struct outlog *self)
{
	CLEANUP(free) char *one = mem_printf("%s.1", self->path);
	CLEANUP(free) char *two = mem_printf("%s.2", self->path);

	if (!one || !two)
		return;
	rename(one, two);
	rename(self->path, one);
	self->fd = fd_close(self->fd);
	open_file(self);
}

static void write_line(struct outlog *self, const char *name, const char *text, size_t n)
{
	char line[LINE_MAX_BYTES + 128], time[CLOCK_TEXT_MAX];
	size_t length;

	if (self->fd < 0)
		return;
	length = (size_t)snprintf(line, sizeof(line), "%s %s: ", clock_format(clock_wall(), time), name);
	memcpy(line + length, text, n);
	length += n;
	line[length++] = '\n';
	if (self->size + length > OUTLOG_FILE_MAX)
		rotate(self);
	if (self->fd >= 0 && sys_write_all(self->fd, line, length) == 0)
		self->size += length;
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
	*ret = self;
	return 0;
}

static void pipe_destroy(struct outlog_pipe *self)
{
	if (is_newest(self))
		self->stream->pipe = NULL;
	list_remove(&self->link);
	sd_event_source_unref(self->source);
	fd_close(self->fd);
	if (self->kept_as[0])
		keeper_drop(self->log->keeper, self->kept_as);
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
	if (is_newest(self) && n > whole)
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

/* A pipe of the stream with this reading end, which is taken. */
static int add_pipe(struct outlog_stream *self, const char *name, int fd, struct outlog_pipe **ret)
{
	struct outlog_pipe *pipe = mem_new(struct outlog_pipe);
	int r;

	if (!pipe) {
		close(fd);
		return -ENOMEM;
	}
	*pipe = (struct outlog_pipe){
		.log = self->log,
		.stream = self,
		.prefix = self->prefix,
		.suppress_at = USEC_NEVER,
		.fd = fd,
	};
	snprintf(pipe->name, sizeof(pipe->name), "%s", name);
	list_append(&self->log->pipes, &pipe->link);
	r = fd_set_nonblock(pipe->fd);
	if (r == 0)
		r = sd_event_add_io(self->log->event, &pipe->source, pipe->fd, EPOLLIN,
			handle_readable, pipe);
	if (r < 0) {
		pipe_destroy(pipe);
		return r;
	}
	*ret = pipe;
	return 0;
}

static void make_newest(struct outlog_stream *self, struct outlog_pipe *pipe)
{
	self->pipe = pipe;
	self->n_tail = 0;
	self->tail_next = 0;
}

int outlog_stream_open(struct outlog_stream *self, int *ret_fd)
{
	CLEANUP(close) int write_end = -1;
	struct outlog *log = self->log;
	struct outlog_pipe *pipe;
	int fds[2], r;

	if (!log->path && !self->prefix) {
		*ret_fd = -1;
		return 0;
	}
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	write_end = fds[1];
	r = add_pipe(self, self->name, fds[0], &pipe);
	if (r < 0)
		return r;
	if (self->limit)
		pipe->suppress_at = clock_now() + self->limit;
	snprintf(pipe->kept_as, sizeof(pipe->kept_as), "output-%u", ++log->last_pipe);
	keeper_keep(log->keeper, pipe->kept_as, pipe->fd);
	make_newest(self, pipe);
	*ret_fd = TAKE_FD(write_end);
	return 0;
}

void outlog_set_keeper(struct outlog *self, struct keeper *keeper)
{
	self->keeper = keeper;
}

static size_t index_of(const struct outlog_stream *stream, struct outlog_stream *const *streams,
	size_t n)
{
	size_t i = 0;

	while (i < n && streams[i] != stream)
		i++;
	return i;
}

json_t *outlog_save(const struct outlog *self, struct outlog_stream *const *streams, size_t n)
{
	json_t *list = json_array();
	const struct outlog_pipe *pipe;

	list_for_each(pipe, &self->pipes, link)
	{
		size_t stream = index_of(pipe->stream, streams, n);
		json_t *item;

		if (stream == n)
			continue;
		item = json_pack("{s:s, s:s, s:I, s:b, s:I}", "kept_as", pipe->kept_as, "name",
			pipe->name, "stream", (json_int_t)stream, "current", is_newest(pipe),
			"suppress_at", (json_int_t)pipe->suppress_at);
		if (!item || json_array_append_new(list, item) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static void adopt_pipe(
	struct outlog *self, struct outlog_stream *const *streams, size_t n, json_t *saved)
{
	json_int_t stream = -1, suppress_at = -1;
	const char *kept_as, *name;
	struct outlog_pipe *pipe;
	unsigned long number;
	int fd, current = 0;

	if (json_unpack(saved, "{s:s, s:s, s:I, s:b, s:I}", "kept_as", &kept_as, "name", &name,
		    "stream", &stream, "current", &current, "suppress_at", &suppress_at)
			< 0
		|| stream < 0 || (size_t)stream >= n || !str_starts(kept_as, "output-")
		|| str_to_uint(kept_as + strlen("output-"), 1, UINT_MAX, &number) < 0)
		return;
	fd = keeper_take(self->keeper, kept_as);
	if (fd < 0 || add_pipe(streams[stream], name, fd, &pipe) < 0)
		return;
	snprintf(pipe->kept_as, sizeof(pipe->kept_as), "%s", kept_as);
	pipe->suppress_at = (usec_t)suppress_at;
	if (current)
		make_newest(streams[stream], pipe);
	if (number > self->last_pipe)
		self->last_pipe = (unsigned)number;
}

void outlog_adopt(struct outlog *self, struct outlog_stream *const *streams, size_t n,
	const json_t *saved)
{
	json_t *item;
	size_t i;

	json_array_foreach(saved, i, item)
		adopt_pipe(self, streams, n, item);
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
