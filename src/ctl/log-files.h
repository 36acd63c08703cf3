/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The log as one text: afar.log.2, .1 and afar.log, which supervisor/outlog.c rotates, each line
 * once and in order, also when they are rotated, cut or made anew while they are read.
 */

#include <stddef.h>

#include "base/str.h"

/* @line: without its newline, NUL behind it, valid during the call. */
typedef void (*log_line_fn)(void *data, const char *line, size_t n);

/* Embedded in whoever reads. */
struct log_files {
	const char *path; /* of the newest; borrowed */
	int fd;		  /* of the one that is read; -1: none yet */
	struct strbuf rest; /* of a line whose end has not come */
	log_line_fn handle_line;
	void *data;
};

void log_files_init(
	struct log_files *self, const char *path, log_line_fn handle_line, void *data);

/**
 * log_files_read() - all lines that have come since the last time
 *
 * Returns 0, -ENOENT (there is no file, and was none), or negative errno.
 */
int log_files_read(struct log_files *self);

/* A last line without newline is one now. */
void log_files_flush(struct log_files *self);

void log_files_finish(struct log_files *self);
