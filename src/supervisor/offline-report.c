/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/offline-report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "supervisor/child.h"
#include "supervisor/host-process.h"
#include "supervisor/supervisor.h"

/* The host waits 10 s for an answer, and ends by itself 15 s after that (HOST-4). */
#define LIMIT_USEC (30 * USEC_PER_SEC)

struct offline_report {
	struct supervisor *supervisor; /* borrowed */
	struct child child;
	sd_event_source *limit;
	void (*done)(void *data);
	void *data;
};

static void handle_ended(void *data, int code, int status)
{
	struct offline_report *self = data;

	(void)code;
	(void)status;
	self->limit = sd_event_source_unref(self->limit);
	self->done(self->data);
}

static int handle_limit(sd_event_source *source, uint64_t usec, void *data)
{
	struct offline_report *self = data;

	(void)source;
	(void)usec;
	log_warning("the offline reason could not be reported in time");
	child_stop(&self->child);
	return 0;
}

int offline_report_create(struct offline_report **ret, struct supervisor *supervisor)
{
	struct offline_report *self = mem_new(struct offline_report);

	if (!self)
		return -ENOMEM;
	self->supervisor = supervisor;
	child_init(&self->child, &supervisor->family, "offline report", handle_ended, self);
	*ret = self;
	return 0;
}

void offline_report_destroy(struct offline_report *self)
{
	if (!self)
		return;
	self->limit = sd_event_source_unref(self->limit);
	child_finish(&self->child);
	free(self);
}

int offline_report_start(
	struct offline_report *self, const char *reason, void (*done)(void *data), void *data)
{
	struct supervisor *supervisor = self->supervisor;
	CLEANUP(spawn_env) struct spawn_env env = { 0 };
	CLEANUP(free) char *program = NULL;
	CLEANUP(close) int config = -1;
	char argument[128];
	const char *argv[] = { NULL, "--host-config=-", argument, NULL };
	struct spawn spawn = { .argv = argv };
	int r;

	log_info("Attempting to report offline reason: %s", reason);
	snprintf(argument, sizeof(argument), "--report-offline-reason=%s", reason);
	program = mem_printf("%s/%s", supervisor->script_dir, supervisor->flavour->host_program);
	if (!program)
		return -ENOMEM;
	argv[0] = program;
	config = host_process_make_stdin(supervisor);
	if (config < 0)
		return config;
	r = supervisor_make_env(supervisor, &env);
	if (r < 0)
		return r;
	spawn.envp = (const char *const *)env.vars;
	spawn_map(&spawn, config, STDIN_FILENO);
	self->done = done;
	self->data = data;
	r = child_start(&self->child, &spawn, &supervisor->components[POLICY_HOST].output);
	if (r < 0)
		return r;
	r = sd_event_add_time_relative(supervisor->event, &self->limit, CLOCK_MONOTONIC,
		LIMIT_USEC, 0, handle_limit, self);
	if (r < 0)
		child_stop(&self->child); /* never without a limit */
	return 0;
}
