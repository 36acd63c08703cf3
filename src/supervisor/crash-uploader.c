/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/crash-uploader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "supervisor/child.h"
#include "supervisor/contract-config.h"
#include "supervisor/supervisor.h"

struct crash_uploader {
	struct supervisor *supervisor; /* borrowed */
	struct child child;
};

static void handle_ended(void *data, int code, int status)
{
	struct crash_uploader *self = data;

	supervisor_child_ended(self->supervisor, POLICY_CRASH_UPLOADER, code, status, false);
}

int crash_uploader_create(struct crash_uploader **ret, struct supervisor *supervisor)
{
	struct crash_uploader *self = mem_new(struct crash_uploader);

	if (!self)
		return -ENOMEM;
	self->supervisor = supervisor;
	child_init(&self->child, &supervisor->family, "crash-uploader", handle_ended, self);
	*ret = self;
	return 0;
}

void crash_uploader_destroy(struct crash_uploader *self)
{
	if (!self)
		return;
	child_finish(&self->child);
	free(self);
}

int crash_uploader_start(struct supervisor *supervisor, char *text, size_t size)
{
	struct crash_uploader *self = supervisor->crash_uploader;
	CLEANUP(spawn_env) struct spawn_env env = { 0 };
	CLEANUP(free) char *path = NULL;
	const char *argv[] = { NULL, NULL };
	struct spawn spawn = { .argv = argv };
	int r;

	if (!supervisor->flavour->has_crash_uploader
		|| !contract_config_wants_crash_reports(supervisor->config)) {
		supervisor_event(supervisor, POLICY_IS_ABSENT, POLICY_CRASH_UPLOADER, false);
		return 0;
	}
	path = mem_printf("%s/crash-uploader", supervisor->script_dir);
	if (!path)
		return -ENOMEM;
	r = supervisor_make_env(supervisor, &env);
	if (r < 0)
		return r;
	argv[0] = path;
	spawn.envp = (const char *const *)env.vars;
	log_info("Launching crash uploader");
	r = child_start(
		&self->child, &spawn, &supervisor->components[POLICY_CRASH_UPLOADER].output);
	if (r < 0)
		snprintf(text, size, "%s cannot be started: %s", path, strerror(-r));
	return r;
}

void crash_uploader_stop(struct supervisor *supervisor)
{
	child_stop(&supervisor->crash_uploader->child);
}

pid_t crash_uploader_pid(const struct supervisor *supervisor)
{
	return supervisor->crash_uploader->child.pid;
}
