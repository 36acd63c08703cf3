/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The descriptor on which whoever started the daemon waits for news (CONST-5,
 * MSG-1..4), and what is written there: lines with a prefix, then REPORT_READY.
 */

#define REPORT_FD 202

/* Where it is in a process of ours: there, or where fd_within_limit() puts it; -1: nowhere. */
int report_fd_find(void);

#define REPORT_MESSAGE "MSG:"
#define REPORT_READY "READY\n"

/* Each line of @text with @prefix before it and a newline behind (MSG-2). 0 or negative errno. */
int report_fd_send(int fd, const char *prefix, const char *text);
