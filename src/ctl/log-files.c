/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/log-files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/sys.h"

/* Newest first: who opens them in this order misses none that moves on meanwhile. */
static const char *const suffixes[] = { "", ".1", ".2" };
#define N_FILES ARRAY_SIZE(suffixes)

struct candidate {
	int fd; /* negative errno: it cannot be read */
	struct stat st;
};

void log_files_init(
	struct log_files *self, const char *path, log_line_fn handle_line, void *data)
{
	*self = (struct log_files){
		.path = path, .fd = -1, .handle_line = handle_line, .data = data,
	};
}

void log_files_flush(struct log_files *self)
{
	if (!self->rest.length)
		return;
	self->handle_line(self->data, self->rest.text, self->rest.length);
	strbuf_consume(&self->rest, self->rest.length);
}

/* What came, by lines; what is behind the last newline waits for its end. */
static void take(struct log_files *self, char *bytes, size_t n)
{
	char *at = bytes, *newline;

	while ((newline = memchr(at, '\n', n - (size_t)(at - bytes)))) {
		strbuf_append(&self->rest, at, (size_t)(newline - at));
		self->handle_line(
			self->data, self->rest.text ? self->rest.text : "", self->rest.length);
		strbuf_consume(&self->rest, self->rest.length);
		at = newline + 1;
	}
	strbuf_append(&self->rest, at, n - (size_t)(at - bytes));
}

static int read_to_end(struct log_files *self)
{
	char bytes[65536];
	struct stat st;
	ssize_t n;

	if (self->fd < 0)
		return 0;
	/* Somebody emptied it: what is written now stands at its begin. */
	if (fstat(self->fd, &st) == 0 && st.st_size < lseek(self->fd, 0, SEEK_CUR))
		lseek(self->fd, 0, SEEK_SET);
	while ((n = read(self->fd, bytes, sizeof(bytes))) > 0)
		take(self, bytes, (size_t)n);
	if (n < 0)
		return -errno;
	return self->rest.failed ? -ENOMEM : 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

static void open_all(const struct log_files *self, struct candidate found[N_FILES])
{
	for (size_t i = 0; i < N_FILES; i++) {
		CLEANUP(free) char *path = xprintf("%s%s", self->path, suffixes[i]);

		found[i].fd = sys_open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
		if (found[i].fd >= 0 && fstat(found[i].fd, &found[i].st) < 0)
			found[i].fd = fd_close(found[i].fd);
		/* It was rotated between the two: that is one file. */
		if (i > 0 && found[i].fd >= 0 && found[i - 1].fd >= 0
			&& is_same(&found[i].st, &found[i - 1].st)) {
			fd_close(found[i].fd);
			found[i].fd = -ENOENT;
		}
	}
}

/*
 * How many of the newest come after the one at hand. One that is found nowhere was rotated away or
 * removed: whatever was written to after it is news.
 */
static size_t count_newer(const struct log_files *self, const struct candidate found[N_FILES])
{
	struct stat at_hand;
	size_t n = 0;

	if (self->fd < 0 || fstat(self->fd, &at_hand) < 0)
		return N_FILES;
	for (size_t i = 0; i < N_FILES; i++) {
		if (found[i].fd >= 0 && is_same(&found[i].st, &at_hand))
			return i;
	}
	while (n < N_FILES && found[n].fd >= 0
		&& is_later(&found[n].st.st_mtim, &at_hand.st_mtim))
		n++;
	return n;
}

/* Opens the file that comes after the one at hand. -ENOENT: there is none. */
static int open_next(const struct log_files *self)
{
	struct candidate found[N_FILES];
	int next = -ENOENT;

	open_all(self, found);
	for (size_t i = count_newer(self, found); i > 0 && next == -ENOENT; i--) {
		next = found[i - 1].fd;
		found[i - 1].fd = -ENOENT;
	}
	for (size_t i = 0; i < N_FILES; i++)
		fd_close(found[i].fd);
	return next;
}

int log_files_read(struct log_files *self)
{
	for (;;) {
		CLEANUP(close) int next = -1;
		int r = read_to_end(self);

		if (r < 0)
			return r;
		next = open_next(self);
		if (next == -ENOENT)
			return self->fd >= 0 ? 0 : -ENOENT;
		if (next < 0)
			return next;
		/* Its last line may have come just before it was rotated. */
		r = read_to_end(self);
		if (r < 0)
			return r;
		log_files_flush(self);
		fd_close(self->fd);
		self->fd = TAKE_FD(next);
	}
}

void log_files_finish(struct log_files *self)
{
	self->fd = fd_close(self->fd);
	strbuf_finish(&self->rest);
}
