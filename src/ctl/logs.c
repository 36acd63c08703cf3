/* SPDX-License-Identifier: BSD-3-Clause */
/* afar logs: the log files as one text, what is wanted of it, and what comes. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "ctl/ctl.h"
#include "ctl/log-files.h"
#include "ctl/log-filter.h"
#include "ctl/moment.h"

#define N_LINES_MAX 1000000
#define N_LINES_TO_FOLLOW 10 /* as tail(1) */
#define OUT_BYTES (64 * 1024)

struct options {
	bool follows;
	bool has_lines;
	unsigned long n_lines; /* the last of them */
	usec_t since;	       /* 0: all */
	const char **names;
	size_t n_names;
};

/* Of a line, which may have NUL in it. */
struct kept {
	char *text;
	size_t n;
};

struct logs {
	struct options options;
	struct log_filter filter;
	struct log_files files;
	struct kept *last; /* a ring, while only the last are wanted; NULL: lines go out as they come */
	size_t last_next, n_last;
	struct strbuf out;
	int error; /* of stdout */
};

static int parse_lines(struct options *self, const char *text)
{
	self->has_lines = !str_equal(text, "all");
	if (!self->has_lines || str_to_uint(text, 0, N_LINES_MAX, &self->n_lines) == 0)
		return 0;
	ctl_complain("'%s' is no number of lines: it goes from 0 to %d, or is 'all'", text,
		N_LINES_MAX);
	return -EINVAL;
}

static int parse_since(struct options *self, const char *text)
{
	if (moment_parse(text, clock_wall(), &self->since) == 0)
		return 0;
	ctl_complain("'%s' is no time: say \"10 min ago\", \"1h\", \"today\" or \"2026-11-29 10:00\"",
		text);
	return -EINVAL;
}

/* Returns 0 or -EINVAL, which has been told. */
static int parse(struct options *self, int argc, char **argv)
{
	static const struct option known[] = {
		{ "component", required_argument, NULL, 'c' },
		{ "follow", no_argument, NULL, 'f' },
		{ "lines", required_argument, NULL, 'n' },
		{ "since", required_argument, NULL, 's' },
		{ 0 },
	};
	int option, r = 0, at = 1;

	self->names = xalloc((size_t)argc, sizeof(*self->names));
	opterr = 0;
	for (; r == 0 && (option = getopt_long(argc, argv, "+:fn:", known, NULL)) >= 0; at = optind) {
		switch (option) {
		case 'c':
			self->names[self->n_names++] = optarg;
			break;
		case 'f':
			self->follows = true;
			break;
		case 'n':
			r = parse_lines(self, optarg);
			break;
		case 's':
			r = parse_since(self, optarg);
			break;
		case ':':
			ctl_complain("'%s' lacks what belongs to it: see `afar logs --help`",
				argv[at]);
			r = -EINVAL;
			break;
		default:
			ctl_complain("'%s' is no option of `afar logs`: see `afar logs --help`",
				argv[at]);
			r = -EINVAL;
		}
	}
	if (r == 0 && optind < argc) {
		ctl_complain("`afar logs` takes no '%s': see `afar logs --help`", argv[optind]);
		r = -EINVAL;
	}
	if (self->follows && !self->since && !self->has_lines) {
		self->has_lines = true;
		self->n_lines = N_LINES_TO_FOLLOW;
	}
	return r;
}

static void flush(struct logs *self)
{
	if (self->error == 0)
		self->error = sys_write_all(STDOUT_FILENO, self->out.text, self->out.length);
	strbuf_consume(&self->out, self->out.length);
}

static void print(struct logs *self, const char *line, size_t n)
{
	strbuf_append(&self->out, line, n);
	strbuf_append(&self->out, "\n", 1);
	if (self->out.length >= OUT_BYTES)
		flush(self);
}

static void remember(struct logs *self, const char *line, size_t n)
{
	struct kept *kept = &self->last[self->last_next];

	if (!self->options.n_lines)
		return;
	free(kept->text);
	*kept = (struct kept){ .text = xalloc(n + 1, 1), .n = n };
	memcpy(kept->text, line, n);
	self->last_next = (self->last_next + 1) % self->options.n_lines;
	if (self->n_last < self->options.n_lines)
		self->n_last++;
}

static void handle_line(void *data, const char *line, size_t n)
{
	struct logs *self = data;

	if (!log_filter_wants(&self->filter, line))
		return;
	if (self->last)
		remember(self, line, n);
	else
		print(self, line, n);
}

/* From here on lines go out as they come. */
static void print_last(struct logs *self)
{
	size_t n = self->options.n_lines, first = self->last_next + n - self->n_last;

	for (size_t i = 0; self->last && i < self->n_last; i++) {
		struct kept *kept = &self->last[(first + i) % n];

		print(self, kept->text, kept->n);
		free(kept->text);
	}
	free(self->last);
	self->last = NULL;
	flush(self);
}

static int read_files(struct logs *self)
{
	int r = log_files_read(&self->files);

	if (r < 0 && r != -ENOENT)
		ctl_complain("cannot read %s: %s", self->files.path, strerror(-r));
	flush(self);
	return r;
}

/* LOG-1: under the contract the log is where the wrapper put it. */
static void complain_of_no_log(const struct ctl *ctl)
{
	CLEANUP(free) char *contract = xprintf("%s.latest", flavour_contract.login_log);
	struct stat st;

	if (lstat(contract, &st) == 0 && st.st_uid == geteuid())
		ctl_complain("there is no log yet: %s; that of %s is %s", ctl->paths.log_file,
			flavour_contract.name, contract);
	else
		ctl_complain("there is no log yet: %s", ctl->paths.log_file);
}

/* A name that no line has is a slip of the pen, more likely than not. */
static int check_names(const struct logs *self)
{
	CLEANUP(strbuf) struct strbuf seen = { 0 };

	for (size_t i = 0; i < self->filter.n_seen; i++)
		strbuf_printf(&seen, "%s%s", i ? ", " : "", self->filter.seen[i]);
	for (size_t i = 0; i < self->options.n_names; i++) {
		if (log_filter_has_seen(&self->filter, self->options.names[i]))
			continue;
		ctl_complain("the log has no line of '%s': it has those of %s",
			self->options.names[i], seen.text ? seen.text : "nobody");
		return CTL_FAILED;
	}
	return CTL_DONE;
}

static int show(struct logs *self, const struct ctl *ctl)
{
	int r = read_files(self);

	if (r == -ENOENT)
		complain_of_no_log(ctl);
	if (r < 0)
		return CTL_FAILED;
	log_files_flush(&self->files);
	print_last(self);
	return self->error == -EPIPE ? CTL_DONE : check_names(self);
}

/* Waits for something to happen in the directory. -ENOENT: it is gone; -EPIPE: the reader is. */
static int await_change(int watch)
{
	struct pollfd fds[] = { { .fd = watch, .events = POLLIN }, { .fd = STDOUT_FILENO } };
	_Alignas(struct inotify_event) char events[4096];
	ssize_t n;
	int r = 0;

	if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
		return errno == EINTR ? 0 : -errno;
	/* A pipe whose reader has ended says so unasked. */
	if (fds[1].revents)
		return -EPIPE;
	while ((n = read(watch, events, sizeof(events))) > 0) {
		const struct inotify_event *event;

		for (const char *at = events; at < events + n; at += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)at;
			if (event->mask & (IN_IGNORED | IN_MOVE_SELF))
				r = -ENOENT;
		}
	}
	return r;
}

static int follow(struct logs *self, const struct ctl *ctl)
{
	CLEANUP(close) int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int r;

	/* Before the first look, so that nothing comes between the two. */
	if (watch < 0
		|| inotify_add_watch(watch, ctl->paths.state_dir,
			   IN_CREATE | IN_MODIFY | IN_MOVED_TO | IN_MOVE_SELF | IN_ONLYDIR) < 0) {
		if (errno == ENOENT)
			complain_of_no_log(ctl);
		else
			ctl_complain("cannot watch %s: %s", ctl->paths.state_dir, strerror(errno));
		return CTL_FAILED;
	}
	r = read_files(self);
	print_last(self);
	while (r == 0 || r == -ENOENT) {
		r = self->error ? self->error : await_change(watch);
		if (r == -ENOENT)
			ctl_complain("%s is gone", ctl->paths.state_dir);
		if (r < 0)
			break;
		r = read_files(self);
	}
	return r == -EPIPE ? CTL_DONE : CTL_FAILED;
}

static int run(struct logs *self, const struct ctl *ctl)
{
	const struct options *options = &self->options;
	int status;

	log_filter_init(&self->filter, options->since, options->names, options->n_names);
	log_files_init(&self->files, ctl->paths.log_file, handle_line, self);
	if (options->has_lines)
		self->last = xalloc(options->n_lines + 1, sizeof(*self->last));
	status = options->follows ? follow(self, ctl) : show(self, ctl);
	if (self->error < 0 && self->error != -EPIPE) {
		ctl_complain("cannot write the log out: %s", strerror(-self->error));
		status = CTL_FAILED;
	}
	for (size_t i = 0; self->last && i < self->n_last; i++)
		free(self->last[i].text);
	free(self->last);
	log_files_finish(&self->files);
	strbuf_finish(&self->out);
	return status;
}

int ctl_logs(struct ctl *ctl, int argc, char **argv)
{
	struct logs self = { 0 };
	int status = CTL_USAGE;

	if (parse(&self.options, argc, argv) == 0)
		status = run(&self, ctl);
	free(self.options.names);
	return status;
}
