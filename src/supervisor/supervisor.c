/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "supervisor/bus.h"
#include "supervisor/child.h"
#include "supervisor/commands.h"
#include "supervisor/display/display.h"
#include "supervisor/host-process.h"
#include "supervisor/identity.h"
#include "supervisor/lock.h"
#include "supervisor/session.h"
#include "supervisor/snapshot.h"
#include "wire/host-config.h"

/* Failures of mandatory components before `afar start` says that it will not wait any longer. */
#define FAILURES_TO_REPORT 3

extern char **environ;

int supervisor_make_env(const struct supervisor *self, struct spawn_env *ret)
{
	const struct display *display = self->display;
	char ice_authority[PATH_MAX];
	struct {
		const char *name, *value;
	} vars[] = {
		{ self->flavour->session_mark, "1" },
		{ "XDG_SESSION_TYPE", "x11" },
		{ "XDG_RUNTIME_DIR", self->paths.runtime_base },
		{ "HOME", self->paths.home },
		{ "DISPLAY", display ? display_name(display) : NULL },
		{ "XAUTHORITY", display ? display_authority(display) : NULL },
		/* Session managers leave their entries in it when they are killed. */
		{ "ICEAUTHORITY", ice_authority },
		/* What was meant for us, or belongs to where we were started. */
		{ "NOTIFY_SOCKET", NULL },
		{ "LISTEN_FDS", NULL },
		{ "LISTEN_PID", NULL },
		{ "WAYLAND_DISPLAY", NULL },
		{ "WINDOWID", NULL },
		{ "SESSION_MANAGER", NULL },
	};
	const char *bus = self->bus ? bus_address(self->bus) : NULL;
	int r = spawn_env_init(ret, environ);

	snprintf(ice_authority, sizeof(ice_authority), "%s/iceauthority", self->paths.runtime_dir);
	for (size_t i = 0; i < ARRAY_SIZE(vars) && r == 0; i++)
		r = spawn_env_set(ret, vars[i].name, vars[i].value);
	if (r == 0 && bus)
		r = spawn_env_set(ret, "DBUS_SESSION_BUS_ADDRESS", bus);
	return r;
}

json_t *supervisor_status(const struct supervisor *self)
{
	return snapshot_make(self);
}

void supervisor_publish(struct supervisor *self)
{
	struct control_message message = { .type = CONTROL_STATUS, .body = snapshot_make(self) };

	if (message.body)
		host_process_send(self->host, &message);
	control_message_finish(&message);
}

/* What the waiting parent gets to know once all is ready; the link comes from the host. */
static void handle_first_link(void *data, const char *token)
{
	struct supervisor *self = data;
	bool journal = getenv("JOURNAL_STREAM") && self->report.plain;
	bool ready = self->policy.state == STATUS_READY;

	if (!ready)
		report_line(&self->report, "The desktop appears as soon as its display is there.");
	else if (self->settings.display == SETTINGS_DISPLAY_ATTACH)
		report_line(&self->report, "The desktop is ready: display %s",
			display_name(self->display));
	else
		report_line(&self->report, "The desktop is ready: %s", session_text(self->session));
	if (token && !journal)
		report_line(&self->report, "Open this link in a browser on this machine (it works once):\n"
					   "  %s#link=%s", self->url, token);
	else
		report_line(&self->report, "`afar link` prints a link to open in a browser.");
	report_line(&self->report, "The log is %s", self->paths.log_file);
	report_ready(&self->report);
}

static void tell_ready(struct supervisor *self)
{
	self->told = STATUS_READY;
	log_info("the desktop is ready");
	if (host_process_make_link(self->host, handle_first_link, self) < 0)
		handle_first_link(self, NULL);
}

/* Nobody waits for a desktop that fails again and again; it is tried on nevertheless. */
static void tell_failing(struct supervisor *self)
{
	if (!report_is_awaited(&self->report))
		return;
	report_line(&self->report,
		"The desktop is not ready yet; it is tried again in the background.\n"
		"`afar status` and `afar link` show how it goes, `afar stop` ends it.");
	report_failed(&self->report);
}

/* There is nothing more that whoever waits could wait for: browsers are served already. */
static void tell_waiting(struct supervisor *self)
{
	if (!report_is_awaited(&self->report))
		return;
	if (host_process_make_link(self->host, handle_first_link, self) < 0)
		handle_first_link(self, NULL);
}

/* Published states changed: remember when, and tell everybody. */
static void notice_changes(struct supervisor *self)
{
	bool changed = false;

	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		const struct policy_entry *entry = &self->policy.entries[c];
		struct component *component = &self->components[c];

		if (component->published != entry->state || !component->since_wall) {
			component->published = entry->state;
			component->since_wall = clock_wall();
			changed = true;
		}
		if (component->next_try != entry->next_try) {
			usec_t now = clock_now();

			component->next_try = entry->next_try;
			component->next_try_wall = entry->next_try > now && entry->next_try != USEC_NEVER
				? clock_wall() + (entry->next_try - now)
				: 0;
			changed = true;
		}
	}
	if (self->policy.since != self->since) {
		self->since = self->policy.since;
		self->since_wall = clock_wall();
		changed = true;
	}
	if (changed)
		supervisor_publish(self);
	if (self->policy.state == STATUS_READY && self->told == STATUS_STARTING)
		tell_ready(self);
}

static int handle_tick(sd_event_source *source, uint64_t usec, void *data)
{
	(void)source;
	(void)usec;
	supervisor_event(data, POLICY_TICK, 0, false);
	return 0;
}

static void arm_tick(struct supervisor *self, usec_t at)
{
	self->tick = sd_event_source_unref(self->tick);
	if (at != USEC_NEVER)
		sd_event_add_time(self->event, &self->tick, CLOCK_MONOTONIC, at, 1, handle_tick, self);
}

static void give_up(struct supervisor *self, enum policy_component c)
{
	const struct component_rules *rules = &component_rules[c];

	if (!rules->offline_reason) {
		log_warning("%s is not started any more: it failed too often", rules->label);
		return;
	}
	log_error("%s failed too often and is given up (%s)", rules->label, rules->offline_reason);
	report_error(&self->report, "gave up on %s: %s.", rules->label,
		self->components[c].last_end.text);
	tell_failing(self);
	if (c == POLICY_HOST)
		host_process_start_offline(self->host, rules->offline_reason);
}

static void start(struct supervisor *self, enum policy_component c)
{
	char text[256] = "out of memory";

	if (self->told == STATUS_STARTING && c == POLICY_DISPLAY
		&& self->settings.display == SETTINGS_DISPLAY_ATTACH)
		report_line(&self->report, "Attaching to the display …");
	else if (self->told == STATUS_STARTING)
		report_line(&self->report, "Starting %s …", component_rules[c].label);
	if (component_rules[c].start(self, text, sizeof(text)) < 0)
		supervisor_start_failed(self, c, text);
}

static void carry_out(struct supervisor *self, const struct policy_actions *actions)
{
	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		if (actions->stop & POLICY_BIT(c))
			component_rules[c].stop(self);
		if (actions->gave_up & POLICY_BIT(c))
			give_up(self, c);
	}
	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		if (actions->start & POLICY_BIT(c))
			start(self, c);
	}
	if (actions->finished)
		sd_event_exit(self->event, 0);
}

/* Starting a part can tell at once that it failed: such news waits until all actions are done. */
static void step(struct supervisor *self, const struct policy_event *event)
{
	struct policy_actions actions;

	policy_step(&self->policy, event, clock_now(), &actions);
	arm_tick(self, actions.wake);
	notice_changes(self);
	if (event->component == POLICY_DISPLAY && event->type != POLICY_TICK)
		host_process_send_display(self->host);
	carry_out(self, &actions);
}

void supervisor_event(struct supervisor *self, enum policy_event_type type,
	enum policy_component component, bool blame_display)
{
	if (self->n_events == SUPERVISOR_N_EVENTS) {
		log_error("too much happens at once"); /* more than the components can cause */
		return;
	}
	self->events[self->n_events++] = (struct policy_event){ type, component, blame_display };
	if (self->n_events > 1)
		return;
	for (size_t i = 0; i < self->n_events; i++)
		step(self, &self->events[i]);
	self->n_events = 0;
}

static void note_end(struct supervisor *self, enum policy_component c)
{
	const struct component_rules *rules = &component_rules[c];
	const struct status_end *end = &self->components[c].last_end;

	log_info("%s %s", rules->label, end->text);
	if (self->told != STATUS_STARTING)
		return;
	report_error(&self->report, "%s %s", rules->label, end->text);
	for (unsigned i = end->n_log_tail > 3 ? end->n_log_tail - 3 : 0; i < end->n_log_tail; i++)
		report_line(&self->report, "  | %s", end->log_tail[i]);
	if (rules->offline_reason && ++self->n_failures_told == FAILURES_TO_REPORT)
		tell_failing(self);
}

static void describe_end(struct supervisor *self, enum policy_component component, int code,
	int status, bool blame_display)
{
	struct component *c = &self->components[component];
	bool asked = self->policy.entries[component].state == COMPONENT_STOPPING;
	struct status_end *end = &c->last_end;

	outlog_stream_drain(&c->output);
	*end = (struct status_end){
		.known = true,
		.by_signal = code != CLD_EXITED,
		.number = status,
		.at = clock_wall(),
	};
	child_describe_end(code, status, end->text, sizeof(end->text));
	if (blame_display && !asked)
		strncat(end->text, ", since the X server is gone",
			sizeof(end->text) - strlen(end->text) - 1);
	outlog_stream_tail(&c->output, end);
	if (asked)
		log_info("%s %s", component_rules[component].label, end->text);
	else
		note_end(self, component);
}

void supervisor_child_ended(struct supervisor *self, enum policy_component component, int code,
	int status, bool blame_display)
{
	describe_end(self, component, code, status, blame_display);
	supervisor_event(self, POLICY_HAS_ENDED, component, blame_display);
}

void supervisor_child_is_hopeless(
	struct supervisor *self, enum policy_component component, int code, int status)
{
	describe_end(self, component, code, status, false);
	supervisor_event(self, POLICY_IS_HOPELESS, component, false);
}

void supervisor_start_failed(
	struct supervisor *self, enum policy_component component, const char *text)
{
	struct status_end *end = &self->components[component].last_end;

	*end = (struct status_end){ .known = true, .number = 127, .at = clock_wall() };
	snprintf(end->text, sizeof(end->text), "could not be started: %s", text);
	note_end(self, component);
	supervisor_event(self, POLICY_HAS_ENDED, component, false);
}

void supervisor_is_away(struct supervisor *self, enum policy_component component,
	const char *text, bool needs_help)
{
	struct status_end *end = &self->components[component].last_end;

	*end = (struct status_end){ .known = true, .at = clock_wall() };
	snprintf(end->text, sizeof(end->text), "%s", text);
	if (needs_help)
		log_error("%s", text);
	else
		log_info("%s", text);
	if (self->told == STATUS_STARTING && needs_help) {
		report_error(&self->report, "%s", text);
		tell_failing(self);
	} else if (self->told == STATUS_STARTING) {
		report_line(&self->report, "%s", text);
		tell_waiting(self);
	}
	supervisor_event(self, POLICY_IS_AWAY, component, false);
	/* The reason may be new where the state is not. */
	supervisor_publish(self);
}

void supervisor_stop(struct supervisor *self)
{
	log_info("stopping");
	supervisor_event(self, POLICY_STOP, 0, false);
}

int supervisor_reload(struct supervisor *self, char **ret_why)
{
	struct control_message message = { .type = CONTROL_SETTINGS };
	const char *listen[SETTINGS_N_LISTEN];
	const char *old_pin, *new_pin;
	json_t *config;
	int r;

	r = identity_read(&self->paths, &config, ret_why);
	if (r == -ENOENT)
		*ret_why = xprintf("%s is gone", self->paths.config_file);
	if (r < 0) {
		log_error("the configuration stays as it was: %s", *ret_why);
		return r;
	}
	old_pin = json_string_value(json_object_get(self->config, "pin_hash"));
	new_pin = json_string_value(json_object_get(config, "pin_hash"));
	if (strcmp(old_pin, new_pin) != 0)
		tokens_revoke_all(&self->tokens);
	json_decref(self->config);
	self->config = config;
	for (size_t i = 0; i < self->listen.n; i++)
		listen[i] = self->listen.names[i];
	message.body = host_config_settings(config, &self->settings, listen, self->listen.n);
	if (message.body)
		host_process_send(self->host, &message);
	control_message_finish(&message);
	display_look(self->display);
	log_info("the configuration was read anew");
	return 0;
}

static int init_parts(struct supervisor *self, char **ret_why)
{
	int r = display_create(&self->display, self, ret_why);

	if (r == 0)
		r = bus_create(&self->bus, self);
	if (r == 0)
		r = session_create(&self->session, self);
	if (r == 0)
		r = lock_create(&self->lock, self);
	if (r == 0)
		r = host_process_create(&self->host, self);
	if (r < 0)
		return r;
	r = commands_create(&self->commands, self);
	if (r < 0)
		*ret_why = xprintf("cannot make the control socket in %s: %s",
			self->paths.runtime_dir, strerror(-r));
	return r;
}

int supervisor_init(struct supervisor *self, char **ret_why)
{
	int r;

	attempts_init(&self->attempts, clock_now());
	self->told = STATUS_STARTING;
	for (int c = 0; c < POLICY_N_COMPONENTS; c++)
		outlog_stream_init(
			&self->components[c].output, self->log, component_rules[c].name);
	r = init_parts(self, ret_why);
	if (r < 0)
		return r;
	self->limits = (struct relaunch_limits){
		.healthy_after = self->settings.healthy_after,
		.fast_delay = self->settings.fast_delay,
		.slow_delay = self->settings.slow_delay,
		.slow_after = self->settings.slow_after,
		.give_up_after = self->settings.give_up_after,
	};
	policy_init(&self->policy, &self->limits, clock_now());
	if (self->settings.display == SETTINGS_DISPLAY_ATTACH)
		policy_leave_out(&self->policy, POLICY_BIT(POLICY_BUS) | POLICY_BIT(POLICY_SESSION));
	supervisor_event(self, POLICY_TICK, 0, false);
	return 0;
}

void supervisor_finish(struct supervisor *self)
{
	report_failed(&self->report);
	self->tick = sd_event_source_unref(self->tick);
	commands_destroy(self->commands);
	host_process_destroy(self->host);
	session_destroy(self->session);
	lock_destroy(self->lock);
	bus_destroy(self->bus);
	display_destroy(self->display);
	listen_close(&self->listen);
	json_decref(self->config);
	outlog_destroy(self->log);
	free(self->url);
	free(self->program_dir);
	paths_finish(&self->paths);
}
