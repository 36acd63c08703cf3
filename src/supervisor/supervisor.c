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
#include "supervisor/audio/audio.h"
#include "supervisor/bus.h"
#include "supervisor/child.h"
#include "supervisor/commands.h"
#include "supervisor/contract-config.h"
#include "supervisor/crash-uploader.h"
#include "supervisor/display/display.h"
#include "supervisor/host-exit.h"
#include "supervisor/host-process.h"
#include "supervisor/host-stats.h"
#include "supervisor/identity.h"
#include "supervisor/lock.h"
#include "supervisor/offline-report.h"
#include "supervisor/pre-session.h"
#include "supervisor/session.h"
#include "supervisor/snapshot.h"
#include "supervisor/watchdog.h"
#include "wire/host-config.h"

/* Their starts are shown to whoever waits: they are what a desktop cannot do without. */
#define SHOWN_AT_START                                                                         \
	(POLICY_BIT(POLICY_HOST) | POLICY_BIT(POLICY_DISPLAY) | POLICY_BIT(POLICY_BUS)         \
		| POLICY_BIT(POLICY_SESSION))

/* Failures of mandatory components before `afar start` says that it will not wait any longer. */
#define FAILURES_TO_REPORT 3

json_t *supervisor_status(const struct supervisor *self)
{
	return snapshot_make(self);
}

void supervisor_list_outputs(
	struct supervisor *self, struct outlog_stream *ret[POLICY_N_COMPONENTS])
{
	for (int c = 0; c < POLICY_N_COMPONENTS; c++)
		ret[c] = &self->components[c].output;
}

static void tell_service_manager(struct supervisor *self)
{
	char text[NOTIFY_STATUS_MAX];

	notify_describe(text, sizeof(text), self->policy.state, display_name(self->display),
		json_array_size(self->viewers));
	notify_state(&self->notify,
		self->policy.entries[POLICY_HOST].state == COMPONENT_READY, text);
}

void supervisor_publish(struct supervisor *self)
{
	struct control_message message = { .type = CONTROL_STATUS, .body = snapshot_make(self) };

	tell_service_manager(self);
	if (message.body)
		host_process_send(self->host, &message);
	else
		host_process_retell(self->host);
	control_message_finish(&message);
}

/* What the waiting parent gets to know once all is ready; the link comes from the host. */
static void handle_first_link(void *data, const char *token)
{
	struct supervisor *self = data;
	bool journal = report_is_journal(&self->report);
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
	if (!self->flavour->host_is_ours)
		return; /* who waits is told by the host's own signal (HL-2) */
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

/* There is nothing more that whoever waits, if anybody, could wait for: browsers are served. */
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

/* Once, for all that is ever tried again: later there might be no memory, or no descriptor. */
static int make_tick(struct supervisor *self)
{
	int r = sd_event_add_time(
		self->event, &self->tick, CLOCK_MONOTONIC, 0, 1, handle_tick, self);

	return r < 0 ? r : sd_event_source_set_enabled(self->tick, SD_EVENT_OFF);
}

static void arm_tick(struct supervisor *self, usec_t at)
{
	sd_event_source_set_time(self->tick, at);
	sd_event_source_set_enabled(
		self->tick, at == USEC_NEVER ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static void end_loop(struct supervisor *self)
{
	sd_event_exit(self->event, self->exit_status);
}

static void handle_reported(void *data)
{
	struct supervisor *self = data;

	self->is_reporting_offline = false;
	if (self->policy.stopping && !policy_runs(&self->policy))
		end_loop(self);
}

/* OFF-1. */
static void report_offline(struct supervisor *self, const char *reason)
{
	int r = offline_report_start(self->offline_report, reason, handle_reported, self);

	if (r < 0)
		log_error("the offline reason cannot be reported: %s", strerror(-r));
	self->is_reporting_offline = r == 0;
}

/* The host's own, when it said one by its exit status. */
static const char *offline_reason(const struct supervisor *self)
{
	const struct status_end *end = &self->components[POLICY_HOST].last_end;
	const char *reason = end->by_signal ? NULL : host_exit_reason(end->number);

	return reason ? reason : component_rules[POLICY_HOST].offline_reason;
}

static void give_up(struct supervisor *self, enum policy_component c)
{
	const struct component_rules *rules = &component_rules[c];
	bool ends_all = self->flavour->gives_up_whole && rules->offline_reason;
	bool failed_too_often = self->policy.entries[c].relaunch.n_short >= self->limits.give_up_after;

	if (failed_too_often)
		log_error("Too many launch failures of '%s', %s.", rules->inhibitor,
			ends_all ? "exiting" : "not retrying");
	if (!rules->offline_reason)
		return;
	if (self->flavour->gives_up_whole) {
		if (failed_too_often)
			report_offline(self, rules->offline_reason);
		return;
	}
	report_error(&self->report, "gave up on %s: %s.", rules->label,
		self->components[c].last_end.text);
	tell_failing(self);
	if (c == POLICY_HOST)
		host_process_start_offline(self->host, offline_reason(self));
}

static void start(struct supervisor *self, enum policy_component c)
{
	char text[320] = "out of memory";

	if (self->told == STATUS_STARTING && c == POLICY_DISPLAY
		&& self->settings.display == SETTINGS_DISPLAY_ATTACH)
		report_line(&self->report, "Attaching to the display …");
	else if (self->told == STATUS_STARTING && (POLICY_BIT(c) & SHOWN_AT_START))
		report_line(&self->report, "Starting %s …", component_rules[c].label);
	if (component_rules[c].start(self, text, sizeof(text)) < 0)
		supervisor_start_failed(self, c, text);
}

static void tell_counts(struct supervisor *self, policy_set counted)
{
	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		if ((counted & POLICY_BIT(c)) && component_rules[c].inhibitor)
			log_info("Failure count for '%s' is now %u", component_rules[c].inhibitor,
				self->policy.entries[c].relaunch.n_short);
	}
}

static void tell_end(struct supervisor *self, const struct policy_actions *actions)
{
	if (!self->policy.stopping || self->end_told)
		return;
	self->end_told = true;
	if (actions->exit_status == FLAVOUR_EXIT_RELAUNCH)
		log_info("Relaunching self");
	log_info("Cleanup.");
	notify_stopping(&self->notify, actions->exit_status);
}

static void tell_pause(struct supervisor *self, usec_t wake)
{
	if (wake == USEC_NEVER || wake == self->wake_told)
		return;
	self->wake_told = wake;
	log_info("Waiting before relaunching");
}

static void carry_out(struct supervisor *self, const struct policy_actions *actions)
{
	tell_counts(self, actions->counted);
	tell_end(self, actions);
	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		if (actions->stop & POLICY_BIT(c))
			component_rules[c].stop(self);
		if (actions->gave_up & POLICY_BIT(c))
			give_up(self, c);
	}
	tell_pause(self, actions->wake);
	for (int i = 0; i < POLICY_N_COMPONENTS; i++) {
		enum policy_component c = self->policy.rules->start_order[i];

		if (actions->start & POLICY_BIT(c))
			start(self, c);
	}
	if (actions->finished) {
		self->exit_status = actions->exit_status;
		if (!self->is_reporting_offline)
			end_loop(self);
	}
}

/* Starting a part can tell at once that it failed: such news waits until all actions are done. */
static void step(struct supervisor *self, const struct policy_event *event)
{
	struct policy_actions actions;

	policy_step(&self->policy, event, clock_now(), &actions);
	handover_touch(self);
	arm_tick(self, actions.wake);
	notice_changes(self);
	if (event->component == POLICY_DISPLAY && event->type != POLICY_TICK)
		host_process_send_display(self->host);
	if (event->component == POLICY_HOST && event->type == POLICY_IS_READY
		&& !self->flavour->host_is_ours)
		report_ready(&self->report);
	carry_out(self, &actions);
}

static void handle_events(struct supervisor *self)
{
	for (size_t i = 0; i < self->n_events; i++)
		step(self, &self->events[i]);
	self->n_events = 0;
}

void supervisor_event(struct supervisor *self, enum policy_event_type type,
	enum policy_component component, bool blame_display)
{
	if (self->n_events == SUPERVISOR_N_EVENTS) {
		log_error("too much happens at once"); /* more than the components can cause */
		return;
	}
	self->events[self->n_events++] = (struct policy_event){ type, component, blame_display };
	if (self->n_events == 1 && !self->holds_events)
		handle_events(self);
}

void supervisor_release_events(struct supervisor *self)
{
	self->holds_events = false;
	handle_events(self);
}

static void note_end(struct supervisor *self, enum policy_component c)
{
	const struct component_rules *rules = &component_rules[c];
	const struct status_end *end = &self->components[c].last_end;

	log_info("%s %s", rules->label, end->text);
	/* What a desktop can do without is no trouble of whoever waits for it (D-23). */
	if (self->told != STATUS_STARTING || !rules->offline_reason)
		return;
	report_error(&self->report, "%s %s", rules->label, end->text);
	for (unsigned i = end->n_log_tail > 3 ? end->n_log_tail - 3 : 0; i < end->n_log_tail; i++)
		report_line(&self->report, "  | %s", end->log_tail[i]);
	if (++self->n_failures_told == FAILURES_TO_REPORT)
		tell_failing(self);
}

/* Sound is three processes, of which one ended first: it is not told which. */
static void add_end(struct supervisor *self, enum policy_component c, pid_t pid, bool core)
{
	const struct status_end *end = &self->components[c].last_end;
	/* The death of a server that others told of first was nobody's wish. */
	bool is_blamed = c == POLICY_DISPLAY && self->policy.blamed_display;
	struct status_past_end past = {
		.at = end->at,
		.pid = component_rules[c].name ? pid : 0,
		.number = end->number,
		.by_signal = end->by_signal,
		.core = core,
		.asked = self->policy.entries[c].state == COMPONENT_STOPPING && !is_blamed,
	};

	snprintf(past.text, sizeof(past.text), "%.*s", (int)sizeof(past.text) - 1, end->text);
	status_ends_add(&self->components[c].ends, &past);
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
	if (c->hung && code == CLD_KILLED && status == SIGKILL)
		snprintf(end->text, sizeof(end->text), "%s", c->hung);
	else
		child_describe_end(code, status, end->text, sizeof(end->text));
	c->hung = NULL;
	watchdog_forget(self->watchdog, component);
	if (blame_display && !asked)
		strncat(end->text, ", since the X server is gone",
			sizeof(end->text) - strlen(end->text) - 1);
	outlog_stream_tail(&c->output, end);
	add_end(self, component, c->output.pid, code == CLD_DUMPED);
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

void supervisor_child_lost(struct supervisor *self, enum policy_component component)
{
	struct component *c = &self->components[component];

	c->last_end = (struct status_end){ .known = true, .at = clock_wall() };
	snprintf(c->last_end.text, sizeof(c->last_end.text),
		"ended while its supervisor was being replaced");
	outlog_stream_drain(&c->output);
	outlog_stream_tail(&c->output, &c->last_end);
	add_end(self, component, c->output.pid, false);
	note_end(self, component);
	supervisor_event(self, POLICY_HAS_ENDED, component, false);
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
	add_end(self, component, 0, false);
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
	supervisor_event(self, POLICY_STOP, 0, false);
}

static void use_config(struct supervisor *self, json_t *config)
{
	handover_touch(self);
	json_decref(self->config);
	self->config = config;
}

/* The vendor's host reads its configuration once: one that has another is started anew. */
static int reload_contract(struct supervisor *self, char **ret_why)
{
	CLEANUP(free) char *why = NULL;
	json_t *config;
	bool changed;
	int r;

	log_info("SIGHUP caught, restarting host.");
	r = contract_config_load(self->paths.config_file, &config, &why);
	if (r == 0 && !contract_config_is_valid(config)) {
		json_decref(config);
		why = mem_printf("it lacks what a host needs");
		r = -EBADMSG;
	}
	if (r < 0) {
		log_error("Failed to load config: %s", why ? why : strerror(-r));
		*ret_why = TAKE_PTR(why);
		return r;
	}
	changed = !json_equal(config, self->config);
	use_config(self, config);
	if (changed)
		supervisor_event(self, POLICY_RESTART, POLICY_HOST, false);
	else
		log_info("the configuration has not changed: the host goes on");
	return 0;
}

static int reload_own(struct supervisor *self, char **ret_why)
{
	struct control_message message = { .type = CONTROL_SETTINGS };
	const char *listen[SETTINGS_N_LISTEN];
	const char *old_pin, *new_pin;
	json_t *config;
	int r;

	r = identity_read(&self->paths, &config, ret_why);
	if (r == -ENOENT)
		*ret_why = mem_printf("%s is gone", self->paths.config_file);
	if (r < 0) {
		log_error("the configuration stays as it was: %s",
			*ret_why ? *ret_why : strerror(-r));
		return r;
	}
	old_pin = json_string_value(json_object_get(self->config, "pin_hash"));
	new_pin = json_string_value(json_object_get(config, "pin_hash"));
	if (strcmp(old_pin, new_pin) != 0)
		tokens_revoke_all(&self->tokens);
	use_config(self, config);
	for (size_t i = 0; i < self->listen.n; i++)
		listen[i] = self->listen.names[i];
	message.body = host_config_settings(config, &self->settings, listen, self->listen.n);
	r = message.body ? host_process_send(self->host, &message) : -ENOMEM;
	control_message_finish(&message);
	display_look(self->display);
	if (r < 0 && r != -ENOTCONN) {
		*ret_why = mem_printf("the host does not know of the new configuration: %s; try again",
			strerror(-r));
		return r;
	}
	log_info("the configuration was read anew");
	return 0;
}

int supervisor_reload(struct supervisor *self, char **ret_why)
{
	int r;

	notify_reloading(&self->notify);
	r = self->flavour->host_is_ours ? reload_own(self, ret_why)
					: reload_contract(self, ret_why);
	notify_reloaded(&self->notify);
	return r;
}

/*
 * `afar pin --new` tells whoever listens on the control socket. A PIN that was set before that was
 * there, but after the configuration was read, is seen now.
 */
static void read_config_again(struct supervisor *self)
{
	CLEANUP(free) char *why = NULL;
	json_t *config;

	if (identity_read(&self->paths, &config, &why) == 0)
		use_config(self, config);
}

static int init_parts(struct supervisor *self, char **ret_why)
{
	int r = watchdog_create(&self->watchdog, self);

	if (r == 0)
		r = display_create(&self->display, self, ret_why);
	if (r == 0)
		r = audio_create(&self->audio, self);
	if (r == 0)
		r = bus_create(&self->bus, self);
	if (r == 0)
		r = pre_session_create(&self->pre_session, self);
	if (r == 0)
		r = crash_uploader_create(&self->crash_uploader, self);
	if (r == 0)
		r = offline_report_create(&self->offline_report, self);
	if (r == 0)
		r = session_create(&self->session, self);
	if (r == 0)
		r = lock_create(&self->lock, self);
	if (r == 0)
		r = host_stats_create(&self->host_stats, self);
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

static void init_outputs(struct supervisor *self)
{
	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		const struct component_rules *rules = &component_rules[c];
		struct outlog_stream *output = &self->components[c].output;

		outlog_stream_init(output, self->log, rules->name ? rules->name : rules->label);
		output->prefix = rules->output_prefix;
		output->limit = rules->output_limit;
	}
}

int supervisor_init(struct supervisor *self, char **ret_why)
{
	int r = make_tick(self);

	attempts_init(&self->attempts, clock_now());
	self->told = STATUS_STARTING;
	self->started_wall = clock_wall();
	init_outputs(self);
	notify_init(&self->notify, self->event, NOTIFY_READY_LIMIT_USEC);
	if (r >= 0)
		r = init_parts(self, ret_why);
	if (r < 0)
		return r;
	if (self->flavour->host_is_ours)
		read_config_again(self);
	self->limits = (struct relaunch_limits){
		.healthy_after = self->settings.healthy_after,
		.fast_delay = self->settings.fast_delay,
		.slow_delay = self->settings.slow_delay,
		.slow_after = self->settings.slow_after,
		.give_up_after = self->settings.give_up_after,
	};
	policy_init(&self->policy,
		self->flavour->host_is_independent ? &policy_rules_own : &policy_rules_contract,
		&self->limits, audio_is_settled(self->audio) ? 0 : POLICY_BIT(POLICY_AUDIO),
		clock_now());
	if (self->settings.display == SETTINGS_DISPLAY_ATTACH)
		policy_leave_out(&self->policy, POLICY_SESSION_PARTS);
	self->holds_events = true;
	r = handover_begin(self);
	if (r < 0) {
		*ret_why = xprintf("the guard cannot be reached: %s", strerror(-r));
		return r;
	}
	if (self->told == STATUS_READY && self->flavour->host_is_ours)
		tell_waiting(self); /* a predecessor had asked for the link, and died */
	supervisor_event(self, POLICY_TICK, 0, false);
	supervisor_release_events(self);
	return 0;
}

void supervisor_finish(struct supervisor *self)
{
	report_failed(&self->report);
	notify_finish(&self->notify);
	self->tick = sd_event_source_unref(self->tick);
	commands_destroy(self->commands);
	host_process_destroy(self->host);
	host_stats_destroy(self->host_stats);
	offline_report_destroy(self->offline_report);
	crash_uploader_destroy(self->crash_uploader);
	session_destroy(self->session);
	lock_destroy(self->lock);
	pre_session_destroy(self->pre_session);
	audio_destroy(self->audio);
	bus_destroy(self->bus);
	display_destroy(self->display);
	watchdog_destroy(self->watchdog);
	listen_close(&self->listen);
	json_decref(self->config);
	outlog_destroy(self->log);
	family_finish(&self->family);
	handover_finish(&self->handover);
	free(self->url);
	free(self->program_dir);
	free(self->script_dir);
	free(self->ssh_socket);
	paths_finish(&self->paths);
}
