/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/pre-session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/trusted.h"
#include "supervisor/child.h"
#include "supervisor/session-script.h"
#include "supervisor/supervisor.h"

#define LIMIT_USEC (30 * USEC_PER_SEC)

struct pre_session {
	struct supervisor *supervisor; /* borrowed */
	struct child child;
	sd_event_source *limit;
	bool is_late;
};

static void handle_ended(void *data, int code, int status)
{
	struct pre_session *self = data;

	self->limit = sd_event_source_unref(self->limit);
	if (code == CLD_EXITED && status == 0 && !self->is_late) {
		supervisor_event(self->supervisor, POLICY_IS_READY, POLICY_PRE_SESSION, false);
		return;
	}
	log_info("Pre-session failed. Tearing down.");
	supervisor_child_ended(self->supervisor, POLICY_PRE_SESSION, code, status, false);
}

/* Its patience with us is over, so is ours with it. */
static int handle_limit(sd_event_source *source, uint64_t usec, void *data)
{
	struct pre_session *self = data;

	(void)source;
	(void)usec;
	log_error("the pre-session script does not end within %llu s",
		(unsigned long long)(LIMIT_USEC / USEC_PER_SEC));
	self->is_late = true;
	child_stop(&self->child);
	return 0;
}

/* Without a limit it may take as long as it likes: that is no reason to fail. */
static void limit(struct pre_session *self)
{
	int r = sd_event_add_time_relative(self->supervisor->event, &self->limit, CLOCK_MONOTONIC,
		LIMIT_USEC, 0, handle_limit, self);

	if (r < 0)
		log_warning("the pre-session script runs without a limit: %s", strerror(-r));
}

int pre_session_create(struct pre_session **ret, struct supervisor *supervisor)
{
	struct pre_session *self = mem_new(struct pre_session);

	if (!self)
		return -ENOMEM;
	self->supervisor = supervisor;
	child_init(&self->child, &supervisor->family, "pre-session", handle_ended, self);
	*ret = self;
	return 0;
}

void pre_session_destroy(struct pre_session *self)
{
	if (!self)
		return;
	self->limit = sd_event_source_unref(self->limit);
	child_finish(&self->child);
	free(self);
}

int pre_session_start(struct supervisor *supervisor, char *text, size_t size)
{
	struct pre_session *self = supervisor->pre_session;
	const char *path = supervisor->flavour->pre_session_file;
	CLEANUP(spawn_env) struct spawn_env env = { 0 };
	struct session_script script = { 0 };
	struct spawn spawn = { .argv = script.argv, .directory = supervisor->paths.home };
	int r;

	if (access(path, F_OK) < 0) {
		supervisor_event(supervisor, POLICY_IS_ABSENT, POLICY_PRE_SESSION, false);
		return 0;
	}
	r = supervisor->flavour->checks_owners ? trusted_check(path) : 0;
	if (r < 0) {
		snprintf(text, size, "%s is not run: %s", path, trusted_why(r));
		return r;
	}
	r = session_script_init(&script, path);
	if (r == 0)
		r = supervisor_make_env(supervisor, &env);
	if (r < 0)
		goto out;
	self->is_late = false;
	spawn.envp = (const char *const *)env.vars;
	session_script_log("Launching pre-session", script.argv);
	r = child_start(
		&self->child, &spawn, &supervisor->components[POLICY_PRE_SESSION].output);
	if (r < 0) {
		snprintf(text, size, "%s cannot be started: %s", path, strerror(-r));
		goto out;
	}
	limit(self);
out:
	session_script_finish(&script);
	return r;
}

void pre_session_stop(struct supervisor *supervisor)
{
	child_stop(&supervisor->pre_session->child);
}

void pre_session_adopt(struct supervisor *supervisor, const json_t *from)
{
	struct pre_session *self = supervisor->pre_session;

	(void)from;
	if (self->child.pid)
		limit(self);
}

pid_t pre_session_pid(const struct supervisor *supervisor)
{
	return supervisor->pre_session->child.pid;
}
