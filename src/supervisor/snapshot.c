/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/snapshot.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "supervisor/audio/audio.h"
#include "supervisor/display/display.h"
#include "supervisor/supervisor.h"
#include "supervisor/watchdog.h"
#include "wire/status.h"

/* In the order in which a person thinks of them. Sound is one component of three processes. */
static const struct row {
	enum policy_component component;
	const char *name;
	int part; /* of sound */
} rows[] = {
	{ POLICY_DISPLAY, "display", 0 },
	{ POLICY_BUS, "bus", 0 },
	{ POLICY_AUDIO, "pipewire", AUDIO_PIPEWIRE },
	{ POLICY_AUDIO, "pipewire-pulse", AUDIO_PULSE },
	{ POLICY_AUDIO, "session-manager", AUDIO_SESSION_MANAGER },
	{ POLICY_PRE_SESSION, "pre-session", 0 },
	{ POLICY_SESSION, "session", 0 },
	{ POLICY_HOST, "host", 0 },
	{ POLICY_CRASH_UPLOADER, "crash-uploader", 0 },
};

static void fill(
	const struct supervisor *supervisor, const struct row *row, struct status_component *ret)
{
	const struct component *component = &supervisor->components[row->component];
	const struct policy_entry *entry = &supervisor->policy.entries[row->component];

	*ret = (struct status_component){
		.name = row->name,
		.state = entry->state,
		.pid = row->component == POLICY_AUDIO
			? audio_pid_of(supervisor, row->part)
			: component_rules[row->component].pid(supervisor),
		.since = component->since_wall,
		.restarts = entry->n_starts > 0 ? entry->n_starts - 1 : 0,
		.next_try = component->next_try_wall,
		.trouble = watchdog_trouble(supervisor->watchdog, row->component, row->part),
		.last_end = component->last_end,
		.ends = &component->ends,
	};
}

json_t *snapshot_make(const struct supervisor *supervisor)
{
	struct status_component components[ARRAY_SIZE(rows)];
	struct status status = {
		.state = supervisor->policy.state,
		.now = clock_wall(),
		.since = supervisor->since_wall,
		.url = supervisor->url,
		.display = display_name(supervisor->display),
		.supervisor_pid = getpid(),
		.supervisor_since = supervisor->started_wall,
		.guard_pid = getppid(),
		.components = components,
		.n_components = ARRAY_SIZE(rows),
		.viewers = supervisor->viewers,
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		fill(supervisor, &rows[i], &components[i]);
	return status_to_json(&status);
}
