/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/policy.h"

#include <string.h>

#define DESKTOP (POLICY_BIT(POLICY_DISPLAY) | POLICY_BIT(POLICY_BUS) | POLICY_BIT(POLICY_SESSION))

/* What must be there before a component starts, and whether we can do without it for good. */
static const struct {
	policy_set after;
	bool optional;
} rules[POLICY_N_COMPONENTS] = {
	[POLICY_HOST] = { 0, false },
	[POLICY_DISPLAY] = { 0, false },
	[POLICY_BUS] = { 0, true },
	[POLICY_SESSION] = { POLICY_BIT(POLICY_DISPLAY) | POLICY_BIT(POLICY_BUS), false },
};

static bool runs(enum component_state state)
{
	return state == COMPONENT_STARTING || state == COMPONENT_READY
		|| state == COMPONENT_STOPPING;
}

bool policy_is_running(const struct policy *self, enum policy_component component)
{
	return runs(self->entries[component].state);
}

void policy_init(struct policy *self, const struct relaunch_limits *limits, usec_t now)
{
	*self = (struct policy){ .state = STATUS_STARTING, .since = now };
	for (int i = 0; i < POLICY_N_COMPONENTS; i++) {
		self->entries[i].state = COMPONENT_WAITING;
		self->entries[i].since = now;
		relaunch_init(&self->entries[i].relaunch, limits);
	}
}

void policy_leave_out(struct policy *self, policy_set set)
{
	for (int i = 0; i < POLICY_N_COMPONENTS; i++) {
		if (set & POLICY_BIT(i))
			self->entries[i].state = COMPONENT_OFF;
	}
}

static void enter(struct policy *self, enum policy_component c, enum component_state state,
	usec_t now)
{
	struct policy_entry *entry = &self->entries[c];

	if (entry->state != state)
		entry->since = now;
	entry->state = state;
	if (state != COMPONENT_WAITING)
		entry->next_try = 0;
}

/* Asks every running member of @set to end. */
static void stop_set(
	struct policy *self, policy_set set, usec_t now, struct policy_actions *actions)
{
	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		enum component_state state = self->entries[c].state;

		if (!(set & POLICY_BIT(c)) || !runs(state) || state == COMPONENT_STOPPING)
			continue;
		enter(self, c, COMPONENT_STOPPING, now);
		actions->stop |= POLICY_BIT(c);
	}
}

static void give_up(struct policy *self, enum policy_component c, usec_t now,
	struct policy_actions *actions)
{
	enter(self, c, COMPONENT_FAILED, now);
	actions->gave_up |= POLICY_BIT(c);
}

/* Was this end our own wish, or another's fault, and so no failure of @c's? */
static bool is_expected(struct policy *self, const struct policy_event *event)
{
	enum policy_component c = event->component;
	bool asked = self->entries[c].state == COMPONENT_STOPPING;

	if (c == POLICY_DISPLAY && self->blamed_display) {
		self->blamed_display = false;
		return false;
	}
	if (event->blame_display && c != POLICY_DISPLAY) {
		/* It counts once, when the display itself ends, if it has not yet. */
		self->blamed_display = runs(self->entries[POLICY_DISPLAY].state)
			&& self->entries[POLICY_DISPLAY].state != COMPONENT_STOPPING;
		return true;
	}
	return asked;
}

static void handle_end(struct policy *self, const struct policy_event *event, usec_t now,
	struct policy_actions *actions)
{
	enum policy_component c = event->component;
	struct policy_entry *entry = &self->entries[c];
	bool expected, asked = entry->state == COMPONENT_STOPPING;
	usec_t at = now;

	if (!runs(entry->state))
		return;
	expected = is_expected(self, event);
	if (relaunch_ended(&entry->relaunch, now, expected, &at) == RELAUNCH_GIVE_UP) {
		give_up(self, c, now, actions);
	} else {
		enter(self, c, COMPONENT_WAITING, now);
		entry->next_try = at;
	}
	if ((DESKTOP & POLICY_BIT(c)) && !asked)
		stop_set(self, DESKTOP, now, actions);
}

static bool is_away(const struct policy_entry *entry)
{
	return entry->state == COMPONENT_WAITING && entry->next_try == USEC_NEVER;
}

static void handle_event(struct policy *self, const struct policy_event *event, usec_t now,
	struct policy_actions *actions)
{
	struct policy_entry *entry = &self->entries[event->component];

	switch (event->type) {
	case POLICY_TICK:
		break;
	case POLICY_IS_READY:
		if (entry->state == COMPONENT_STARTING || (is_away(entry) && !self->stopping))
			enter(self, event->component, COMPONENT_READY, now);
		break;
	case POLICY_IS_AWAY:
		if (entry->state != COMPONENT_STARTING && entry->state != COMPONENT_READY)
			break;
		enter(self, event->component, COMPONENT_WAITING, now);
		entry->next_try = USEC_NEVER;
		break;
	case POLICY_HAS_ENDED:
		handle_end(self, event, now, actions);
		break;
	case POLICY_IS_ABSENT:
		enter(self, event->component, COMPONENT_OFF, now);
		break;
	case POLICY_IS_HOPELESS:
		if (runs(entry->state))
			give_up(self, event->component, now, actions);
		break;
	case POLICY_STOP:
		self->stopping = true;
		stop_set(self, ~0U, now, actions);
		break;
	}
}

/* Nothing of the old desktop may still be ending when a part of the new one starts. */
static bool desktop_is_ending(const struct policy *self)
{
	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		if ((DESKTOP & POLICY_BIT(c)) && self->entries[c].state == COMPONENT_STOPPING)
			return true;
	}
	return false;
}

static bool can_start(const struct policy *self, enum policy_component c)
{
	if ((DESKTOP & POLICY_BIT(c)) && desktop_is_ending(self))
		return false;
	for (int other = 0; other < POLICY_N_COMPONENTS; other++) {
		enum component_state state = self->entries[other].state;

		if (!(rules[c].after & POLICY_BIT(other)) || state == COMPONENT_READY)
			continue;
		if (!rules[other].optional)
			return false;
		if (state != COMPONENT_OFF && state != COMPONENT_FAILED)
			return false;
	}
	return true;
}

static void start_what_can(struct policy *self, usec_t now, struct policy_actions *actions)
{
	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		struct policy_entry *entry = &self->entries[c];

		if (self->stopping || entry->state != COMPONENT_WAITING)
			continue;
		if (entry->next_try > now) {
			if (entry->next_try < actions->wake)
				actions->wake = entry->next_try;
			continue;
		}
		if (!can_start(self, c))
			continue;
		relaunch_started(&entry->relaunch, now);
		entry->n_starts++;
		enter(self, c, COMPONENT_STARTING, now);
		actions->start |= POLICY_BIT(c);
	}
}

static enum status_state summarise(struct policy *self)
{
	bool all_ready = true;

	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		enum component_state state = self->entries[c].state;

		if (rules[c].optional)
			continue;
		if (state == COMPONENT_FAILED)
			return STATUS_FAILED;
		all_ready &= state == COMPONENT_READY || state == COMPONENT_OFF;
	}
	if (all_ready)
		self->was_ready = true;
	return all_ready ? STATUS_READY : self->was_ready ? STATUS_DEGRADED : STATUS_STARTING;
}

static bool nothing_runs(const struct policy *self)
{
	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		if (runs(self->entries[c].state))
			return false;
	}
	return true;
}

void policy_step(struct policy *self, const struct policy_event *event, usec_t now,
	struct policy_actions *ret)
{
	enum status_state state;

	*ret = (struct policy_actions){ .wake = USEC_NEVER };
	handle_event(self, event, now, ret);
	start_what_can(self, now, ret);
	state = summarise(self);
	if (state != self->state)
		self->since = now;
	self->state = state;
	ret->finished = self->stopping && nothing_runs(self);
}
