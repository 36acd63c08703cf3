/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/policy.h"

#include <string.h>

#include "base/flavour.h"
#include "base/mem.h"

#define BIT POLICY_BIT

#define DESKTOP                                                                                \
	(BIT(POLICY_SESSION) | BIT(POLICY_PRE_SESSION) | BIT(POLICY_AUDIO) | BIT(POLICY_DISPLAY) \
		| BIT(POLICY_BUS))
#define VITAL (BIT(POLICY_SESSION) | BIT(POLICY_DISPLAY) | BIT(POLICY_BUS))

/* Whoever looks on is served first; sound must not keep a session waiting. */
static const enum policy_component own_order[] = {
	POLICY_HOST,
	POLICY_PRE_SESSION,
	POLICY_DISPLAY,
	POLICY_BUS,
	POLICY_SESSION,
	POLICY_AUDIO,
	POLICY_CRASH_UPLOADER,
};

/* SUP-4. */
static const enum policy_component contract_order[] = {
	POLICY_PRE_SESSION,
	POLICY_DISPLAY,
	POLICY_BUS,
	POLICY_SESSION,
	POLICY_AUDIO,
	POLICY_HOST,
	POLICY_CRASH_UPLOADER,
};

_Static_assert(ARRAY_SIZE(own_order) == POLICY_N_COMPONENTS, "all of them");
_Static_assert(ARRAY_SIZE(contract_order) == POLICY_N_COMPONENTS, "all of them");

/* clang-format off */
#define DESKTOP_RULES                                                                          \
	[POLICY_PRE_SESSION] = { 0 },                                                          \
	[POLICY_DISPLAY] = { .after = BIT(POLICY_PRE_SESSION) },                               \
	[POLICY_BUS] = { .after = BIT(POLICY_PRE_SESSION), .optional = true },                 \
	[POLICY_AUDIO] = {                                                                     \
		.after = BIT(POLICY_DISPLAY) | BIT(POLICY_BUS),                                \
		.behind = BIT(POLICY_SESSION),                                                 \
		.settled = BIT(POLICY_AUDIO),                                                  \
		.optional = true,                                                              \
	},                                                                                     \
	[POLICY_SESSION] = {                                                                   \
		.after = BIT(POLICY_DISPLAY) | BIT(POLICY_BUS),                                \
		.settled = BIT(POLICY_AUDIO),                                                  \
	}
/* clang-format on */

const struct policy_rules policy_rules_own = {
	.of = {
		DESKTOP_RULES,
		[POLICY_HOST] = { 0 },
		[POLICY_CRASH_UPLOADER] = { .optional = true },
	},
	.desktop = DESKTOP,
	.vital = VITAL,
	.start_order = own_order,
};

const struct policy_rules policy_rules_contract = {
	.of = {
		DESKTOP_RULES,
		[POLICY_HOST] = {
			.after = BIT(POLICY_DISPLAY),
			.behind = BIT(POLICY_SESSION),
			.settled = BIT(POLICY_AUDIO),
		},
		[POLICY_CRASH_UPLOADER] = { .behind = BIT(POLICY_HOST) },
	},
	.desktop = DESKTOP | BIT(POLICY_HOST) | BIT(POLICY_CRASH_UPLOADER),
	.vital = VITAL,
	.start_order = contract_order,
	.relaunches_itself = true,
	.gives_up_whole = true,
};

static bool runs(enum component_state state)
{
	return state == COMPONENT_STARTING || state == COMPONENT_READY
		|| state == COMPONENT_STOPPING;
}

/* Of a pre-session "ready" means that it has run. */
bool policy_is_running(const struct policy *self, enum policy_component component)
{
	enum component_state state = self->entries[component].state;

	return runs(state) && !(component == POLICY_PRE_SESSION && state == COMPONENT_READY);
}

/* A pre-session that fails is a failure of its session (PRE-2, N-2). */
static struct relaunch *relaunch_of(struct policy *self, enum policy_component c)
{
	return &self->entries[c == POLICY_PRE_SESSION ? POLICY_SESSION : c].relaunch;
}

void policy_init(struct policy *self, const struct policy_rules *rules,
	const struct relaunch_limits *limits, policy_set unsettled, usec_t now)
{
	*self = (struct policy){
		.rules = rules,
		.unsettled = unsettled,
		.state = STATUS_STARTING,
		.since = now,
	};
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

static bool is_away(const struct policy_entry *entry)
{
	return entry->state == COMPONENT_WAITING && entry->next_try == USEC_NEVER;
}

/* As if it had not been tried: nobody is to blame that its supervisor went away. */
static void undo_start(struct policy *self, enum policy_component c, usec_t now)
{
	struct policy_entry *entry = &self->entries[c];

	entry->state = COMPONENT_WAITING;
	entry->since = now;
	entry->next_try = now;
	if (entry->n_starts)
		entry->n_starts--;
}

void policy_forget(struct policy *self, enum policy_component component, usec_t now)
{
	enum component_state state = self->entries[component].state;

	if (state == COMPONENT_STARTING || state == COMPONENT_READY
		|| is_away(&self->entries[component]))
		undo_start(self, component, now);
}

policy_set policy_adopt(struct policy *self, policy_set with_process, usec_t now)
{
	policy_set lost = 0;

	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		if ((with_process & BIT(c)) || !policy_is_running(self, c))
			continue;
		if (self->entries[c].state == COMPONENT_STARTING)
			undo_start(self, c, now);
		else
			lost |= BIT(c);
	}
	return lost;
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
		if (!(set & BIT(c)) || !policy_is_running(self, c)
			|| self->entries[c].state == COMPONENT_STOPPING)
			continue;
		enter(self, c, COMPONENT_STOPPING, now);
		actions->stop |= BIT(c);
	}
}

/* The next desktop has its pre-session again, which may be another by then. */
static void end_desktop(struct policy *self, usec_t now, struct policy_actions *actions)
{
	struct policy_entry *pre = &self->entries[POLICY_PRE_SESSION];

	self->ending = true;
	if (pre->state == COMPONENT_READY || pre->state == COMPONENT_OFF)
		enter(self, POLICY_PRE_SESSION, COMPONENT_WAITING, now);
	stop_set(self, self->rules->desktop, now, actions);
}

/* Everything, for good. The first reason counts. */
static void end_all(
	struct policy *self, int exit_status, usec_t now, struct policy_actions *actions)
{
	if (!self->stopping)
		self->exit_status = exit_status;
	self->stopping = true;
	stop_set(self, ~0U, now, actions);
}

static void give_up(struct policy *self, enum policy_component c, usec_t now,
	struct policy_actions *actions)
{
	enter(self, c, COMPONENT_FAILED, now);
	actions->gave_up |= BIT(c == POLICY_PRE_SESSION ? POLICY_SESSION : c);
	if (c == POLICY_PRE_SESSION)
		enter(self, POLICY_SESSION, COMPONENT_FAILED, now);
	if (self->rules->gives_up_whole && !self->rules->of[c].optional)
		end_all(self, 1, now, actions);
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
		if (runs(self->entries[POLICY_DISPLAY].state)
			&& self->entries[POLICY_DISPLAY].state != COMPONENT_STOPPING)
			self->blamed_display = true;
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
	/* Nobody loses what nobody has had. */
	bool missed = entry->state == COMPONENT_READY || !self->rules->of[c].optional;
	usec_t at = now;

	if (!policy_is_running(self, c))
		return;
	expected = is_expected(self, event);
	actions->counted |= BIT(c == POLICY_PRE_SESSION ? POLICY_SESSION : c);
	if (relaunch_ended(relaunch_of(self, c), now, expected, &at) == RELAUNCH_GIVE_UP) {
		give_up(self, c, now, actions);
	} else {
		enter(self, c, COMPONENT_WAITING, now);
		entry->next_try = at;
	}
	/* A dead display takes all with it, whoever found out. */
	if (!asked
		&& ((missed && (self->rules->vital & BIT(c)))
			|| (event->blame_display && (self->rules->desktop & BIT(c)))))
		end_desktop(self, now, actions);
}

static void handle_hopeless(struct policy *self, enum policy_component c, usec_t now,
	struct policy_actions *actions)
{
	if (!policy_is_running(self, c))
		return;
	enter(self, c, COMPONENT_FAILED, now);
	actions->gave_up |= BIT(c);
	if (self->rules->gives_up_whole)
		end_all(self, 0, now, actions);
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
	case POLICY_IS_SETTLED:
		self->unsettled &= ~BIT(event->component);
		break;
	case POLICY_IS_HOPELESS:
		handle_hopeless(self, event->component, now, actions);
		break;
	case POLICY_RESTART:
		if (!policy_is_running(self, event->component))
			break;
		if (self->rules->vital & BIT(event->component))
			end_desktop(self, now, actions);
		else
			stop_set(self, BIT(event->component), now, actions);
		break;
	case POLICY_STOP:
		end_all(self, 0, now, actions);
		break;
	}
}

static bool any_runs(const struct policy *self, policy_set set)
{
	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		if ((set & BIT(c)) && policy_is_running(self, c))
			return true;
	}
	return false;
}

bool policy_runs(const struct policy *self)
{
	return any_runs(self, ~0U);
}

/*
 * SUP-2: failures of the components that we cannot do without, and of those that end the desktop:
 * whoever starts us anew does so at once, and would for ever.
 */
static bool has_failed_of_late(const struct policy *self)
{
	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		bool counts = !self->rules->of[c].optional || (self->rules->vital & BIT(c));

		if (counts && self->entries[c].relaunch.n_short)
			return true;
	}
	return false;
}

/* Nothing of the old desktop may still be ending when a part of the new one starts. */
static void finish_ending(struct policy *self, usec_t now, struct policy_actions *actions)
{
	if (!self->ending || any_runs(self, self->rules->desktop))
		return;
	self->ending = false;
	if (self->rules->relaunches_itself && !self->stopping && !has_failed_of_late(self))
		end_all(self, FLAVOUR_EXIT_RELAUNCH, now, actions);
}

static bool may_be_passed(const struct policy *self, enum policy_component c)
{
	const struct policy_entry *entry = &self->entries[c];

	if (entry->state == COMPONENT_READY || entry->state == COMPONENT_OFF)
		return true;
	if (!self->rules->of[c].optional)
		return false;
	/* It fails: nobody waits for its next try. */
	return entry->state == COMPONENT_FAILED
		|| (entry->state == COMPONENT_WAITING && entry->relaunch.n_short > 0);
}

static bool was_started(const struct policy *self, enum policy_component c)
{
	enum component_state state = self->entries[c].state;

	return state == COMPONENT_STARTING || state == COMPONENT_READY || state == COMPONENT_OFF
		|| state == COMPONENT_FAILED;
}

static bool can_start(const struct policy *self, enum policy_component c)
{
	const struct policy_rule *rule = &self->rules->of[c];

	if ((self->rules->desktop & BIT(c)) && self->ending)
		return false;
	if (rule->settled & self->unsettled)
		return false;
	for (int other = 0; other < POLICY_N_COMPONENTS; other++) {
		if ((rule->after & BIT(other)) && !may_be_passed(self, other))
			return false;
		if ((rule->behind & BIT(other)) && !was_started(self, other))
			return false;
	}
	return true;
}

static void start_what_can(struct policy *self, usec_t now, struct policy_actions *actions)
{
	for (int i = 0; i < POLICY_N_COMPONENTS; i++) {
		enum policy_component c = self->rules->start_order[i];
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
		relaunch_started(relaunch_of(self, c), now);
		entry->n_starts++;
		enter(self, c, COMPONENT_STARTING, now);
		actions->start |= BIT(c);
	}
}

static enum status_state summarise(struct policy *self)
{
	static const policy_set counted =
		BIT(POLICY_HOST) | BIT(POLICY_DISPLAY) | BIT(POLICY_SESSION);
	bool all_ready = true;

	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		enum component_state state = self->entries[c].state;

		if (!(counted & BIT(c)))
			continue;
		if (state == COMPONENT_FAILED)
			return STATUS_FAILED;
		all_ready &= state == COMPONENT_READY || state == COMPONENT_OFF;
	}
	if (all_ready)
		self->was_ready = true;
	return all_ready ? STATUS_READY : self->was_ready ? STATUS_DEGRADED : STATUS_STARTING;
}

void policy_step(struct policy *self, const struct policy_event *event, usec_t now,
	struct policy_actions *ret)
{
	enum status_state state;

	*ret = (struct policy_actions){ .wake = USEC_NEVER };
	handle_event(self, event, now, ret);
	finish_ending(self, now, ret);
	start_what_can(self, now, ret);
	state = summarise(self);
	if (state != self->state)
		self->since = now;
	self->state = state;
	ret->finished = self->stopping && !policy_runs(self);
	ret->exit_status = self->exit_status;
}
