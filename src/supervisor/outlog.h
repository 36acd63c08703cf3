/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The log file and what goes into it: our own records and, line by line, what
 * the children print, with time and name before it. The file is capped and
 * rotated (afar.log, .1, .2), whoever writes to it, and the guard moves along
 * with us; pipes are drained as they fill, so that a child never waits for a
 * disk. When the file cannot be written the lines are lost and everything else
 * goes on; it is tried again with what there is to write later, and then says
 * how many are lacking. OUT-1, SUP-15, RES-04.
 *
 * A run that prints without end would push what all others say out of the file, and keep us busy:
 * beyond a burst and a rate it is drained only, in large pieces, and a line says how many bytes
 * were left out. For some of every few seconds, and for the last lines before an end, there is
 * room always.
 *
 * Where there is no file, as the contract has it (LOG-1, OUT-1), a stream goes to our own stdout,
 * byte by byte, each line with a prefix and for a limited time; one without a prefix is no stream
 * at all: its child inherits our stdout and stderr.
 *
 * Each stream also keeps its last lines in memory, for people who ask why.
 */

#include <jansson.h>
#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/clock.h"
#include "wire/status.h"

#define OUTLOG_FILE_MAX (10 * 1024 * 1024) /* bytes, of each of the three files */
#define OUTLOG_BURST (1024 * 1024)	   /* bytes in the file, of one run … */
#define OUTLOG_RATE (8 * 1024)		   /* … and as many more each second */

struct outlog;

/* One component's output, over all its runs. */
struct outlog_stream {
	struct outlog *log;  /* borrowed */
	const char *name;    /* a literal */
	const char *prefix;  /* without a file: before each line; NULL: the child inherits */
	usec_t limit;	     /* the same: from then on after its start it is drained only; 0: never */
	struct outlog_pipe *pipe; /* of the current run; NULL: none */
	pid_t pid; /* whose output it is, or was last; 0: nobody's yet */
	char tail[STATUS_LOG_TAIL_LINES][STATUS_LOG_LINE_MAX]; /* a ring */
	unsigned tail_next, n_tail;
};

/**
 * outlog_create() - open (or make) @path and point base/log.h at it
 * @path:  NULL: there is no file
 *
 * Returns 0 or negative errno.
 */
int outlog_create(struct outlog **ret, sd_event *event, const char *path);
void outlog_destroy(struct outlog *self);

struct keeper;

/*
 * The guard keeps the reading ends of all pipes (borrowed): a child whose supervisor was killed
 * would end of what it prints.
 */
void outlog_set_keeper(struct outlog *self, struct keeper *keeper);

/* Which pipes there are, for a successor: a new array, NULL when out of memory. @streams: n of them. */
json_t *outlog_save(const struct outlog *self, struct outlog_stream *const *streams, size_t n);

/* Goes on with those of a predecessor; @saved is as outlog_save() made it, or of any other form. */
void outlog_adopt(struct outlog *self, struct outlog_stream *const *streams, size_t n,
	const json_t *saved);

void outlog_stream_init(struct outlog_stream *self, struct outlog *log, const char *name);

/**
 * outlog_stream_open() - a pipe for a new run
 * @ret_fd:  the writing end, for the child; the caller closes it; -1: the child inherits ours
 *
 * What a former run's leftovers still print goes on being logged. The tail starts anew.
 */
int outlog_stream_open(struct outlog_stream *self, int *ret_fd);

/* Takes in what is in the pipe by now: after a child's end, before its tail is read. */
void outlog_stream_drain(struct outlog_stream *self);

/* The last lines, oldest first. */
void outlog_stream_tail(const struct outlog_stream *self, struct status_end *ret);
