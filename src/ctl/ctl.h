/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The commands of `afar`. Each gets its own name as argv[0], and returns the
 * exit status; what goes wrong is one line on stderr that says what to do.
 */

#include <jansson.h>

#include "base/paths.h"

enum ctl_status {
	CTL_DONE = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_NOT_RUNNING = 3,
};

struct ctl {
	struct paths paths;
};

int ctl_start(struct ctl *ctl, int argc, char **argv);
int ctl_stop(struct ctl *ctl, int argc, char **argv);
int ctl_enable(struct ctl *ctl, int argc, char **argv);
int ctl_disable(struct ctl *ctl, int argc, char **argv);
int ctl_status(struct ctl *ctl, int argc, char **argv);
int ctl_stats(struct ctl *ctl, int argc, char **argv);
int ctl_logs(struct ctl *ctl, int argc, char **argv);
int ctl_reload(struct ctl *ctl, int argc, char **argv);
int ctl_link(struct ctl *ctl, int argc, char **argv);
int ctl_pin(struct ctl *ctl, int argc, char **argv);
int ctl_doctor(struct ctl *ctl, int argc, char **argv);

/* "afar: …" on stderr. */
void ctl_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct control_message;

/* Asks the running daemon; complains if there is none or it fails. @ret: a new reference. */
enum ctl_status ctl_ask(
	const struct ctl *ctl, const struct control_message *request, json_t **ret);

/* For commands without arguments; one that was given is a usage error. */
int ctl_no_arguments(int argc, char **argv);

/* A program of ours: beside this one in a build directory, in libexec when installed. */
char *ctl_program(const char *name);
