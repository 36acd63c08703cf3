/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "supervisor/child.h"
#include "supervisor/ready-line.h"
#include "supervisor/record.h"
#include "supervisor/supervisor.h"
#include "wire/text.h"

#define READY_LINE "ready-bus" /* with the guard */

struct bus {
	struct supervisor *supervisor; /* borrowed */
	struct child child;
	struct ready_line ready;
	char address[READY_LINE_MAX]; /* "": none of ours; also while none answers there */
};

/* dbus-daemon(1) makes them for services that only live as long as it does, and leaves them. */
static void remove_directories(const struct supervisor *supervisor)
{
	static const char *const names[] = { "dbus-1/services", "dbus-1" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP(free) char *path =
			mem_printf("%s/%s", supervisor->paths.runtime_base, names[i]);

		if (path)
			rmdir(path); /* unless somebody put something there */
	}
}

static void handle_ended(void *data, int code, int status)
{
	struct bus *self = data;

	ready_line_close(&self->ready);
	remove_directories(self->supervisor);
	supervisor_child_ended(self->supervisor, POLICY_BUS, code, status, false);
}

static void handle_address(void *data, const char *line)
{
	struct bus *self = data;

	(void)line;
	supervisor_event(self->supervisor, POLICY_IS_READY, POLICY_BUS, false);
}

int bus_create(struct bus **ret, struct supervisor *supervisor)
{
	struct bus *self = mem_new(struct bus);

	if (!self)
		return -ENOMEM;
	self->supervisor = supervisor;
	child_init(&self->child, &supervisor->family, "session bus", handle_ended, self);
	*ret = self;
	return 0;
}

void bus_destroy(struct bus *self)
{
	if (!self)
		return;
	ready_line_close(&self->ready);
	child_finish(&self->child);
	free(self);
}

/* One that the user's service manager or a login gave us. */
static bool there_is_one(const struct supervisor *supervisor)
{
	CLEANUP(free) char *path = mem_printf("%s/bus", supervisor->paths.runtime_base);
	struct stat st;

	if (!str_empty(getenv("DBUS_SESSION_BUS_ADDRESS")))
		return true;
	return path && stat(path, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_uid == getuid();
}

int bus_start(struct supervisor *supervisor, char *text, size_t size)
{
	static const char option[] = "--address=";
	struct bus *self = supervisor->bus;
	CLEANUP(strbuf) struct strbuf address = { 0 };
	CLEANUP(spawn_env) struct spawn_env env = { 0 };
	CLEANUP(close) int ready_fd = -1;
	const char *argv[] = { "dbus-daemon", "--session", "--nofork", "--nopidfile",
		"--print-address=3", NULL, NULL };
	struct spawn spawn = { .argv = argv, .directory = supervisor->paths.home };
	int r;

	if (there_is_one(supervisor)) {
		supervisor_event(supervisor, POLICY_IS_ABSENT, POLICY_BUS, false);
		return 0;
	}
	strbuf_printf(&address, "%sunix:path=", option);
	str_escape_address(&address, supervisor->paths.runtime_dir);
	strbuf_printf(&address, "/bus");
	if (address.failed)
		return -ENOMEM;
	argv[5] = address.text;
	if (strlen(address.text) - strlen(option) >= sizeof(self->address))
		return -ENAMETOOLONG;
	strcpy(self->address, address.text + strlen(option));
	r = supervisor_make_env(supervisor, &env);
	if (r == 0)
		r = ready_line_open(&self->ready, supervisor->event, supervisor->handover.keeper,
			READY_LINE, &ready_fd, handle_address, self);
	if (r < 0)
		return r;
	spawn.envp = (const char *const *)env.vars;
	spawn_map(&spawn, ready_fd, 3);
	r = child_start(&self->child, &spawn, &supervisor->components[POLICY_BUS].output);
	if (r < 0) {
		ready_line_close(&self->ready);
		snprintf(text, size, "dbus-daemon cannot be started: %s", strerror(-r));
	}
	if (r == -ENOENT) {
		self->address[0] = '\0';
		supervisor_event(supervisor, POLICY_IS_ABSENT, POLICY_BUS, false);
		return 0;
	}
	return r;
}

void bus_stop(struct supervisor *supervisor)
{
	child_stop(&supervisor->bus->child);
}

pid_t bus_pid(const struct supervisor *supervisor)
{
	return supervisor->bus->child.pid;
}

json_t *bus_save(const struct supervisor *supervisor)
{
	return json_pack("{s:o}", "address", text_to_json(supervisor->bus->address));
}

void bus_adopt(struct supervisor *supervisor, const json_t *from)
{
	struct bus *self = supervisor->bus;

	snprintf(self->address, sizeof(self->address), "%s", record_text(from, "address"));
	if (!self->child.pid) {
		remove_directories(supervisor); /* it may have ended while nobody watched */
		return;
	}
	if (supervisor->policy.entries[POLICY_BUS].state == COMPONENT_STARTING
		&& ready_line_adopt(&self->ready, supervisor->event, supervisor->handover.keeper,
			   READY_LINE, handle_address, self)
			< 0)
		child_stop(&self->child);
}

const char *bus_address(const struct bus *self)
{
	return self->address[0] ? self->address : NULL;
}
