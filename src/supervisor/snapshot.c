/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/snapshot.h"

#include <unistd.h>

#include "base/clock.h"
#include "supervisor/display/display.h"
#include "supervisor/supervisor.h"
#include "wire/status.h"

static void fill(const struct supervisor *supervisor, enum policy_component c,
	struct status_component *ret)
{
	const struct component *component = &supervisor->components[c];
	const struct policy_entry *entry = &supervisor->policy.entries[c];

	*ret = (struct status_component){
		.name = component_rules[c].name,
		.state = entry->state,
		.pid = component_rules[c].pid(supervisor),
		.since = component->since_wall,
		.restarts = entry->n_starts > 0 ? entry->n_starts - 1 : 0,
		.next_try = component->next_try_wall,
		.last_end = component->last_end,
	};
}

json_t *snapshot_make(const struct supervisor *supervisor)
{
	/* In the order in which a person thinks of them. */
	static const enum policy_component order[] = { POLICY_DISPLAY, POLICY_BUS, POLICY_SESSION,
		POLICY_HOST };
	struct status_component components[POLICY_N_COMPONENTS];
	struct status status = {
		.state = supervisor->policy.state,
		.now = clock_wall(),
		.since = supervisor->since_wall,
		.url = supervisor->url,
		.display = display_name(supervisor->display),
		.supervisor_pid = getpid(),
		.guard_pid = getppid(),
		.components = components,
		.n_components = POLICY_N_COMPONENTS,
		.viewers = supervisor->viewers,
	};

	_Static_assert(sizeof(order) / sizeof(order[0]) == POLICY_N_COMPONENTS, "all of them");
	for (size_t i = 0; i < POLICY_N_COMPONENTS; i++)
		fill(supervisor, order[i], &components[i]);
	return status_to_json(&status);
}
