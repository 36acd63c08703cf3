/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/outlog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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
/* Time, name and newline, about. */
#define LINE_EXTRA_BYTES 40

/*
 * A flood: the pipe is made this large, emptied at once and then left alone for a while. Read as
 * it comes, a pipe wakes us for every few lines, and costs us as much as it costs the writer.
 */
#define FLOOD_BYTES (1024 * 1024)
#define FLOOD_PAUSE_USEC (2 * USEC_PER_MSEC)
/* After this time of leaving out some is kept again: whoever reads the log sees what goes on. */
#define FLOOD_SAMPLE_USEC (4 * USEC_PER_SEC)
/* Of what is left out the end is known: whatever was the last may be the reason of what follows. */
#define LAST_BYTES 4096
_Static_assert(LAST_BYTES >= STATUS_LOG_TAIL_LINES * STATUS_LOG_LINE_MAX, "the tail fits");

/* What could not be opened or moved is tried again by the first line after this time. */
#define RETRY_USEC (2 * USEC_PER_SEC)

struct outlog {
	sd_event *event; /* borrowed */
	char *path;	 /* NULL: no file, streams go to stdout */
	int fd;		 /* -1: cannot be written now */
	usec_t retry_at;      /* CLOCK_MONOTONIC */
	unsigned long n_lost; /* lines, since the last that could be written */
	bool is_cut;	      /* the file ends within a line */
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

	int64_t budget;   /* bytes that may still be kept, as it was at … */
	usec_t budget_at; /* CLOCK_MONOTONIC */
	bool floods;      /* what comes is left out */
	uint64_t n_left_out;
	usec_t keep_at; /* the end of that */
	sd_event_source *timer;
	char last[LAST_BYTES];
	size_t n_last;
};

/* Once a newer run took its place, what it still prints is logged and no more. */
static bool is_newest(const struct outlog_pipe *self)
{
	return self->stream->pipe == self;
}

static void open_file(struct outlog *self)
{
	self->fd = sys_open(self->path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
}

/* In the foreground it is the terminal, or whatever was wanted. */
static bool is_stderr(int fd)
{
	struct stat ours, other;

	return fstat(STDERR_FILENO, &ours) == 0 && fstat(fd, &other) == 0
		&& ours.st_dev == other.st_dev && ours.st_ino == other.st_ino;
}

/* The guard has what we have; neither is to write to an old file, and keep it when it is deleted. */
static void move_stderr(struct outlog *self)
{
	dup2(self->fd, STDOUT_FILENO);
	dup2(self->fd, STDERR_FILENO);
	keeper_log(self->keeper, self->fd);
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

/* The file's own size is asked: the guard and whoever starts us write to it, too. */
static bool has_room(const struct outlog *self, size_t n)
{
	struct stat st;

	return self->fd >= 0 && fstat(self->fd, &st) == 0
		&& (size_t)st.st_size + n <= OUTLOG_FILE_MAX;
}

/* Is there a file with room for @n bytes? A flood must not try in vain again and again. */
static bool make_room(struct outlog *self, size_t n)
{
	bool was_stderr;

	if (has_room(self, n))
		return true;
	if (clock_now() < self->retry_at)
		return false;
	was_stderr = self->fd >= 0 && is_stderr(self->fd);
	if (self->fd >= 0 && move_away(self) == 0)
		self->fd = fd_close(self->fd);
	if (self->fd < 0)
		open_file(self);
	if (was_stderr && self->fd >= 0)
		move_stderr(self);
	if (has_room(self, n))
		return true;
	self->retry_at = clock_now() + RETRY_USEC;
	return false;
}

static off_t size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_size : 0;
}

/* A full disk takes a part of a line; what is written next must not stand behind that. */
static int append(struct outlog *self, const char *line, size_t n)
{
	off_t before = size_of(self->fd);
	int r = self->is_cut ? sys_write_all(self->fd, "\n", 1) : 0;

	if (r < 0)
		return r;
	r = sys_write_all(self->fd, line, n);
	self->is_cut = r < 0 && size_of(self->fd) > before + self->is_cut;
	return r;
}

static bool put(struct outlog *self, const char *line, size_t n)
{
	unsigned long n_lost = self->n_lost;

	if (!make_room(self, n) || append(self, line, n) < 0) {
		self->n_lost++;
		return false;
	}
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
	size_t length;

	if (!self->path)
		return;
	length = (size_t)snprintf(
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
	if (is_newest(self))
		self->stream->pipe = NULL;
	list_remove(&self->link);
	sd_event_source_unref(self->source);
	sd_event_source_unref(self->timer);
	fd_close(self->fd);
	if (self->kept_as[0])
		keeper_drop(self->log->keeper, self->kept_as);
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
	if (self->log->path || self->suppressed)
		self->budget -= (int64_t)n + LINE_EXTRA_BYTES;
	self->length = 0;
}

/* Has it said more than is kept? What passes through us under the contract is not counted. */
static bool is_spent(struct outlog_pipe *self)
{
	usec_t now;

	if (self->budget > 0)
		return false;
	now = clock_now();
	self->budget += (int64_t)((now - self->budget_at) * OUTLOG_RATE / USEC_PER_SEC);
	if (self->budget > OUTLOG_BURST)
		self->budget = OUTLOG_BURST;
	self->budget_at = now;
	return self->budget <= 0;
}

static void begin_flood(struct outlog_pipe *self)
{
	self->floods = true;
	self->n_left_out = 0;
	self->n_last = 0;
	self->keep_at = self->budget_at + FLOOD_SAMPLE_USEC;
	/* Where that is more than a user may have it stays as it is, and its writer waits longer. */
	fcntl(self->fd, F_SETPIPE_SZ, FLOOD_BYTES);
}

/* No byte is looked at: this is for gigabytes. */
static void leave_out(struct outlog_pipe *self, const char *bytes, size_t n)
{
	size_t kept = self->n_last;

	self->n_left_out += n;
	if (n > LAST_BYTES) {
		bytes += n - LAST_BYTES;
		n = LAST_BYTES;
	}
	if (kept > LAST_BYTES - n)
		kept = LAST_BYTES - n;
	memmove(self->last, self->last + self->n_last - kept, kept);
	memcpy(self->last + kept, bytes, n);
	self->n_last = kept + n;
}

static void take(struct outlog_pipe *self, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (self->floods) {
			leave_out(self, bytes + i, n - i);
			return;
		}
		self->line[self->length++] = bytes[i];
		if (bytes[i] != '\n' && self->length < sizeof(self->line))
			continue;
		end_line(self);
		if (is_spent(self))
			begin_flood(self);
	}
}

/* Where the last lines begin; what came before is cut, unless it is all that came. */
static const char *find_last_lines(const struct outlog_pipe *self)
{
	const char *at = self->last + self->n_last, *found = NULL;
	unsigned n = 0;

	while (at - self->last > 1 && n < STATUS_LOG_TAIL_LINES) {
		at--;
		if (at[-1] != '\n')
			continue;
		found = at;
		n++;
	}
	if (!found || (n < STATUS_LOG_TAIL_LINES && self->n_left_out == self->n_last))
		return self->last;
	return found;
}

/* Its last lines are kept after all. */
static void end_flood(struct outlog_pipe *self)
{
	const char *lines = find_last_lines(self);
	size_t n = (size_t)(self->last + self->n_last - lines);
	char text[96];

	self->floods = false;
	self->n_left_out -= n;
	if (self->n_left_out) {
		snprintf(text, sizeof(text),
			"[%" PRIu64 " bytes are left out here: too much at once]",
			self->n_left_out);
		write_line(self->log, self->name, text, strlen(text));
	}
	if (self->budget < 2 * LAST_BYTES)
		self->budget = 2 * LAST_BYTES;
	self->in_line = false;
	take(self, lines, n);
	sd_event_source_set_enabled(self->source, SD_EVENT_ON);
	sd_event_source_set_enabled(self->timer, SD_EVENT_OFF);
}

/* Reads until the pipe is empty or has had its turn: @ret_n bytes. Returns false at its end. */
static bool read_pipe(struct outlog_pipe *self, size_t turn, size_t *ret_n)
{
	char bytes[16384];

	for (*ret_n = 0; *ret_n < turn;) {
		ssize_t n = read(self->fd, bytes, sizeof(bytes));

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0)
			return false;
		take(self, bytes, (size_t)n);
		*ret_n += (size_t)n;
	}
	return true;
}

static void wait_in_flood(struct outlog_pipe *self, bool is_empty)
{
	usec_t pause_end = clock_now() + FLOOD_PAUSE_USEC;

	/* While nothing comes nothing wakes us, but for the end of it all. */
	sd_event_source_set_enabled(self->source, is_empty ? SD_EVENT_ON : SD_EVENT_OFF);
	sd_event_source_set_time(self->timer, is_empty ? self->keep_at : pause_end);
	sd_event_source_set_enabled(self->timer, SD_EVENT_ONESHOT);
}

static void finish_output(struct outlog_pipe *self)
{
	if (self->floods)
		end_flood(self);
	end_line(self);
}

void outlog_destroy(struct outlog *self)
{
	struct outlog_pipe *pipe, *next;

	if (!self)
		return;
	list_for_each_safe(pipe, next, &self->pipes, link) {
		size_t n;

		read_pipe(pipe, FLOOD_BYTES, &n);
		finish_output(pipe);
		pipe_destroy(pipe);
	}
	log_set_writer(NULL, NULL);
	fd_close(self->fd);
	free(self->path);
	free(self);
}

static void have_turn(struct outlog_pipe *self)
{
	size_t n;

	if (self->floods && clock_now() >= self->keep_at)
		end_flood(self);
	if (!read_pipe(self, self->floods ? FLOOD_BYTES : TURN_MAX_BYTES, &n)) {
		finish_output(self);
		pipe_destroy(self);
	} else if (self->floods) {
		wait_in_flood(self, n == 0);
	}
}

static int handle_readable(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	(void)source;
	(void)fd;
	(void)revents;
	have_turn(data);
	return 0;
}

static int handle_pause_over(sd_event_source *source, uint64_t usec, void *data)
{
	(void)source;
	(void)usec;
	have_turn(data);
	return 0;
}

/* The timer is made with the pipe, so that a flood needs no memory. */
static int add_sources(struct outlog_pipe *self)
{
	sd_event *event = self->log->event;
	int r = sd_event_add_io(event, &self->source, self->fd, EPOLLIN, handle_readable, self);

	if (r >= 0)
		r = sd_event_add_time(event, &self->timer, CLOCK_MONOTONIC, USEC_NEVER, 1,
			handle_pause_over, self);
	return r;
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
		.budget = OUTLOG_BURST,
		.budget_at = clock_now(),
	};
	snprintf(pipe->name, sizeof(pipe->name), "%s", name);
	list_append(&self->log->pipes, &pipe->link);
	r = fd_set_nonblock(pipe->fd);
	if (r == 0)
		r = add_sources(pipe);
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
	size_t n;

	if (!self->pipe)
		return;
	/* Last words often lack the newline. */
	if (!read_pipe(self->pipe, FLOOD_BYTES, &n))
		finish_output(self->pipe);
	else if (self->pipe->floods)
		end_flood(self->pipe);
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
