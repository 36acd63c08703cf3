/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/status.h"

#include "base/mem.h"
#include "version.h"
#include "wire/text.h"

const char *status_state_name(enum status_state state)
{
	static const char *const names[] = {
		[STATUS_STARTING] = "starting",
		[STATUS_READY] = "ready",
		[STATUS_DEGRADED] = "degraded",
		[STATUS_FAILED] = "failed",
		[STATUS_STOPPED] = "stopped",
	};
	return names[state];
}

const char *component_state_name(enum component_state state)
{
	static const char *const names[] = {
		[COMPONENT_OFF] = "off",
		[COMPONENT_WAITING] = "waiting",
		[COMPONENT_STARTING] = "starting",
		[COMPONENT_READY] = "ready",
		[COMPONENT_STOPPING] = "stopping",
		[COMPONENT_FAILED] = "failed",
	};
	return names[state];
}

static json_t *time_to_json(usec_t wall)
{
	char text[CLOCK_TEXT_MAX];

	return wall ? json_string(clock_format(wall, text)) : json_null();
}

static json_t *pid_to_json(pid_t pid)
{
	return pid ? json_integer(pid) : json_null();
}

static json_t *log_tail_to_json(const struct status_end *end)
{
	json_t *lines = json_array();

	for (unsigned i = 0; lines && i < end->n_log_tail; i++) {
		if (json_array_append_new(lines, text_to_json(end->log_tail[i])) < 0) {
			json_decref(lines);
			return NULL;
		}
	}
	return lines;
}

/* "o": the object takes the value's reference; a NULL value makes json_pack() fail and free. */
static json_t *end_to_json(const struct status_end *end)
{
	if (!end->known)
		return json_null();
	return json_pack("{si so so so}", end->by_signal ? "signal" : "code", end->number, "text",
		text_to_json(end->text), "at", time_to_json(end->at), "log_tail",
		log_tail_to_json(end));
}

void status_ends_add(struct status_ends *self, const struct status_past_end *end)
{
	self->ring[self->next] = *end;
	self->next = (self->next + 1) % STATUS_N_ENDS;
	if (self->n < STATUS_N_ENDS)
		self->n++;
}

static json_t *past_end_to_json(const struct status_past_end *end)
{
	return json_pack("{si so so so sb sb}", end->by_signal ? "signal" : "code", end->number,
		"text", text_to_json(end->text), "at", time_to_json(end->at), "pid",
		pid_to_json(end->pid), "core", end->core, "asked", end->asked);
}

static json_t *ends_to_json(const struct status_ends *self)
{
	json_t *ends = json_array();

	for (unsigned i = 0; ends && self && i < self->n; i++) {
		unsigned at = (self->next + STATUS_N_ENDS - self->n + i) % STATUS_N_ENDS;

		if (json_array_append_new(ends, past_end_to_json(&self->ring[at])) < 0) {
			json_decref(ends);
			return NULL;
		}
	}
	return ends;
}

static json_t *component_to_json(const struct status_component *component)
{
	return json_pack("{ss ss so so si so so so so}", "name", component->name, "state",
		component_state_name(component->state), "pid", pid_to_json(component->pid),
		"since", time_to_json(component->since), "restarts", (int)component->restarts,
		"next_try", time_to_json(component->next_try), "trouble",
		text_to_json(component->trouble), "last_end",
		end_to_json(&component->last_end), "ends", ends_to_json(component->ends));
}

static json_t *components_to_json(const struct status *self)
{
	json_t *components = json_array();

	for (size_t i = 0; components && i < self->n_components; i++) {
		if (json_array_append_new(components, component_to_json(&self->components[i]))
			< 0) {
			json_decref(components);
			return NULL;
		}
	}
	return components;
}

json_t *status_to_json(const struct status *self)
{
	return json_pack("{ss ss so so so so so so so so so}", "version", AFAR_VERSION, "state",
		status_state_name(self->state), "now", time_to_json(self->now), "since", time_to_json(self->since), "url",
		text_to_json(self->url), "supervisor_pid", pid_to_json(self->supervisor_pid),
		"supervisor_since", time_to_json(self->supervisor_since), "guard_pid", pid_to_json(self->guard_pid), "display", text_to_json(self->display),
		"components", components_to_json(self), "viewers",
		self->viewers ? json_incref(self->viewers) : json_array());
}
