/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/takeover.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "supervisor/child.h"
#include "supervisor/host-process.h"
#include "supervisor/keeper.h"
#include "supervisor/record.h"
#include "supervisor/supervisor.h"

static void adopt_component(struct component *self, const json_t *from)
{
	if (!json_is_object(from))
		return;
	record_read_end(&self->last_end, json_object_get(from, "last_end"));
	record_read_ends(&self->ends, json_object_get(from, "ends"));
	self->output.pid = (pid_t)record_integer(from, "pid", 0);
	self->since_wall = (usec_t)record_integer(from, "since", 0);
	self->published = (enum component_state)record_integer(from, "published", 0);
	self->next_try_wall = (usec_t)record_integer(from, "next_try_wall", 0);
	self->next_try = (usec_t)record_integer(from, "next_try", 0);
}

static void adopt_report(struct supervisor *supervisor)
{
	const json_t *from = handover_legacy(&supervisor->handover, "report");

	supervisor->told = (enum status_state)record_integer(from, "told", STATUS_STARTING);
	supervisor->n_failures_told = (unsigned)record_integer(from, "n_failures", 0);
	supervisor->wake_told = (usec_t)record_integer(from, "wake", 0);
	supervisor->end_told = record_bool(from, "end", false);
	if (record_bool(from, "manager_knows", false))
		notify_is_known_ready(&supervisor->notify);
}

/* It may have ended since the guard told us of all that had; the guard knows. */
static int adopt_process(struct keeper *keeper, struct child *child, pid_t pid, uint64_t start_time,
	uint64_t run)
{
	int r = child_adopt(child, pid, start_time, run, keeper_has_end(keeper, pid));

	if (r == -ESRCH && keeper_refresh(keeper) == 0 && keeper_has_end(keeper, pid))
		r = child_adopt(child, pid, start_time, run, true);
	return r;
}

static void adopt_child(struct supervisor *supervisor, const json_t *from)
{
	struct handover *self = &supervisor->handover;
	struct child *child = family_find_name(&supervisor->family, record_text(from, "name"));
	json_int_t pid = record_integer(from, "pid", 0);
	uint64_t start_time = (uint64_t)record_integer(from, "start_time", 0);
	uint64_t run = (uint64_t)record_integer(from, "run", 0);
	int r;

	if (!child || child->pid || pid <= 1 || pid > INT32_MAX)
		return;
	r = adopt_process(self->keeper, child, (pid_t)pid, start_time, run);
	if (r < 0)
		log_warning("%s (process %d) ended while its supervisor was being replaced",
			child->name, (int)pid);
}

static void adopt_all_children(struct supervisor *supervisor)
{
	json_t *item;
	size_t i;

	json_array_foreach(handover_legacy(&supervisor->handover, "children"), i, item)
		adopt_child(supervisor, item);
	supervisor->family.last_run =
		(uint64_t)record_integer(supervisor->handover.legacy, "last_run", 0);
}

/* Parts whose state says that they run, and the processes that do. */
static void adopt_parts(struct supervisor *supervisor)
{
	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		if (component_rules[c].adopt)
			component_rules[c].adopt(
				supervisor, handover_part(&supervisor->handover, record_component(c)));
	}
}

static policy_set with_process(const struct supervisor *supervisor)
{
	policy_set set = 0;

	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		if (component_rules[c].pid(supervisor))
			set |= POLICY_BIT(c);
	}
	return set;
}

static void stop_again(struct supervisor *supervisor)
{
	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		if (supervisor->policy.entries[c].state == COMPONENT_STOPPING)
			component_rules[c].stop(supervisor);
	}
}

void takeover_adopt(struct supervisor *supervisor)
{
	struct handover *self = &supervisor->handover;
	struct outlog_stream *streams[POLICY_N_COMPONENTS];
	usec_t now = clock_now();
	policy_set lost;

	adopt_all_children(supervisor);
	family_end_unknown(&supervisor->family, supervisor->family.last_run);
	supervisor_list_outputs(supervisor, streams);
	outlog_adopt(supervisor->log, streams, POLICY_N_COMPONENTS,
		handover_legacy(self, "outputs"));
	record_read_policy(&supervisor->policy, handover_legacy(self, "policy"), now);
	for (int c = 0; c < POLICY_N_COMPONENTS; c++)
		adopt_component(&supervisor->components[c],
			json_object_get(handover_legacy(self, "components"), record_component(c)));
	record_read_tokens(&supervisor->tokens, handover_legacy(self, "tokens"));
	record_read_attempts(&supervisor->attempts, handover_legacy(self, "attempts"), now);
	supervisor->since = (usec_t)record_integer(self->legacy, "since", 0);
	supervisor->since_wall = (usec_t)record_integer(self->legacy, "since_wall", 0);
	if (json_is_array(handover_legacy(self, "viewers")))
		supervisor->viewers = json_incref(handover_legacy(self, "viewers"));
	adopt_report(supervisor);
	if (supervisor->settings.display == SETTINGS_DISPLAY_ATTACH)
		policy_forget(&supervisor->policy, POLICY_DISPLAY, now);
	lost = policy_adopt(&supervisor->policy, with_process(supervisor), now);
	adopt_parts(supervisor);
	stop_again(supervisor);
	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		if (lost & POLICY_BIT(c))
			supervisor_child_lost(supervisor, c);
	}
	log_info("the desktop was taken over; deaths of supervisors so far: %d",
		keeper_n_deaths(self->keeper));
}

static void handle_ended(void *data, pid_t pid, int status)
{
	struct supervisor *supervisor = data;
	struct child *child = family_find(&supervisor->family, pid);

	if (child && child->is_adopted)
		child_handle_end(child, status);
	else
		keeper_forget(supervisor->handover.keeper, pid);
}

static void handle_signalled(void *data, pid_t pid)
{
	struct supervisor *supervisor = data;

	host_process_handle_signal(supervisor->host, pid);
}

/* Started, and not written down before the end came. */
static void handle_known(void *data, pid_t pid)
{
	struct supervisor *supervisor = data;

	if (family_find(&supervisor->family, pid))
		return;
	family_end(&supervisor->family, pid);
	keeper_forget(supervisor->handover.keeper, pid);
}

const struct keeper_events takeover_events = {
	.handle_ended = handle_ended,
	.handle_signalled = handle_signalled,
	.handle_known = handle_known,
};
