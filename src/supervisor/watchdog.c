/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/watchdog.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "loop/limit.h"
#include "supervisor/audio/audio.h"
#include "supervisor/child.h"
#include "supervisor/component.h"
#include "supervisor/display/display.h"
#include "supervisor/family.h"
#include "supervisor/host-process.h"
#include "supervisor/supervisor.h"

/* A host that is well accepts at once. */
#define ACCEPT_LIMIT_USEC (1 * USEC_PER_SEC)
#define ANSWER_LIMIT_USEC (5 * USEC_PER_SEC)
#define STOPPED_LIMIT_USEC (5 * USEC_PER_SEC)
/* Between the X server's answer to us and the one to the host. */
#define HOST_TOO_USEC (2 * USEC_PER_SEC)
/* Stopped again so soon, it would be for ever. */
#define CONTINUED_USEC (60 * USEC_PER_SEC)

static const char unanswered[] = "did not answer for 5 s and was killed";
static const char stood_still[] = "stood still for 5 s and was killed";

/* A child that may be stopped. */
struct watched {
	struct watchdog *watchdog; /* borrowed */
	enum policy_component component;
	int part; /* of sound */
	bool stopped;
	bool silent;        /* it does not answer */
	struct limit limit; /* to go on */
	usec_t continued;   /* by us; 0: never, in this run */
};

enum { DISPLAY, BUS, PIPEWIRE, PULSE, SESSION_MANAGER, PRE_SESSION, SESSION, HOST, N_WATCHED };

static const struct {
	enum policy_component component;
	int part;
	bool has_work; /* its end takes the user's programs along */
} rows[N_WATCHED] = {
	[DISPLAY] = { POLICY_DISPLAY, 0, true },
	[BUS] = { POLICY_BUS, 0, true },
	[PIPEWIRE] = { POLICY_AUDIO, AUDIO_PIPEWIRE, false },
	[PULSE] = { POLICY_AUDIO, AUDIO_PULSE, false },
	[SESSION_MANAGER] = { POLICY_AUDIO, AUDIO_SESSION_MANAGER, false },
	[PRE_SESSION] = { POLICY_PRE_SESSION, 0, true },
	[SESSION] = { POLICY_SESSION, 0, true },
	[HOST] = { POLICY_HOST, 0, false },
};

struct watchdog {
	struct supervisor *supervisor; /* borrowed */
	sd_event_source *child_signal;
	struct watched watched[N_WATCHED];

	/* The host. */
	sd_event_source *arrivals[SETTINGS_N_LISTEN]; /* NULL: no host is ready */
	struct limit accept_limit;                    /* runs: a connection has come */
	struct limit pong_limit;                      /* runs: it was asked */
	uint32_t ping_id;

	/* The display. */
	bool is_checking;
	bool host_complains; /* that the display does not answer it */
	struct limit again;  /* until the host has been answered too, or we ask again */
};

static pid_t pid_of(const struct watched *watched)
{
	const struct supervisor *supervisor = watched->watchdog->supervisor;

	if (watched->component == POLICY_AUDIO)
		return audio_pid_of(supervisor, (enum audio_part)watched->part);
	return component_rules[watched->component].pid(supervisor);
}

static bool is_up(const struct supervisor *supervisor, enum policy_component c)
{
	enum component_state state = supervisor->policy.entries[c].state;

	return state == COMPONENT_STARTING || state == COMPONENT_READY;
}

/* One that is asked to end already has its own limit for that. */
static void end_hung(struct watched *watched, const char *how)
{
	struct supervisor *supervisor = watched->watchdog->supervisor;
	enum policy_component c = watched->component;
	pid_t pid = pid_of(watched);

	if (!pid || !is_up(supervisor, c))
		return;
	log_error("%s %s (pid=%d)", component_rules[c].label, how, (int)pid);
	supervisor->components[c].hung = how;
	child_signal(family_find(&supervisor->family, pid), SIGKILL);
}

static void set_silent(struct watched *watched, bool silent)
{
	if (watched->silent == silent)
		return;
	watched->silent = silent;
	if (silent)
		log_warning("%s does not answer", component_rules[watched->component].label);
	supervisor_publish(watched->watchdog->supervisor);
}

/* --- the host --- */

static void watch_arrivals(struct watchdog *self)
{
	for (size_t i = 0; i < SETTINGS_N_LISTEN; i++) {
		if (self->arrivals[i])
			sd_event_source_set_enabled(self->arrivals[i], SD_EVENT_ONESHOT);
	}
}

static void handle_no_pong(void *data)
{
	struct watchdog *self = data;

	end_hung(&self->watched[HOST], unanswered);
}

static void ask_host(struct watchdog *self)
{
	struct control_message message = { .type = CONTROL_PING };
	struct supervisor *supervisor = self->supervisor;

	if (!self->arrivals[0] || self->pong_limit.timer)
		return;
	limit_stop(&self->accept_limit);
	if (limit_start(&self->pong_limit, supervisor->event, ANSWER_LIMIT_USEC, handle_no_pong,
		    self) < 0)
		return;
	message.id = ++self->ping_id;
	if (host_process_send(supervisor->host, &message) == -ENOMEM)
		watchdog_host_is_unheard(self);
}

static void handle_not_accepted(void *data)
{
	struct watchdog *self = data;
	const struct listen_set *listen = &self->supervisor->listen;

	for (size_t i = 0; i < listen->n; i++) {
		struct pollfd pfd = { .fd = listen->fds[i], .events = POLLIN };

		if (poll(&pfd, 1, 0) > 0) {
			set_silent(&self->watched[HOST], true);
			ask_host(self);
			return;
		}
	}
	watch_arrivals(self);
}

/* The host is woken by it too, and mostly first. */
static int handle_arrival(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	struct watchdog *self = data;

	(void)source;
	(void)fd;
	(void)revents;
	if (!self->accept_limit.timer && !self->pong_limit.timer)
		return limit_start(&self->accept_limit, self->supervisor->event,
			ACCEPT_LIMIT_USEC, handle_not_accepted, self);
	return 0;
}

void watchdog_host_is_ready(struct watchdog *self)
{
	const struct listen_set *listen = &self->supervisor->listen;

	for (size_t i = 0; i < listen->n && !self->arrivals[i]; i++) {
		int r = sd_event_add_io(self->supervisor->event, &self->arrivals[i],
			listen->fds[i], EPOLLIN, handle_arrival, self);

		if (r < 0)
			log_warning(
				"nobody watches whether the host accepts: %s", strerror(-r));
	}
	watch_arrivals(self);
}

void watchdog_host_is_gone(struct watchdog *self)
{
	for (size_t i = 0; i < SETTINGS_N_LISTEN; i++)
		self->arrivals[i] = sd_event_source_disable_unref(self->arrivals[i]);
	limit_stop(&self->accept_limit);
	limit_stop(&self->pong_limit);
	/* What it said of the display was about its own connection. */
	self->host_complains = false;
}

void watchdog_want_host(struct watchdog *self)
{
	ask_host(self);
}

void watchdog_host_is_unheard(struct watchdog *self)
{
	if (!self->pong_limit.timer)
		return;
	limit_stop(&self->pong_limit);
	watch_arrivals(self);
}

void watchdog_handle_pong(struct watchdog *self, uint32_t id)
{
	if (id != self->ping_id || !self->pong_limit.timer)
		return;
	limit_stop(&self->pong_limit);
	set_silent(&self->watched[HOST], false);
	watch_arrivals(self);
}

/* --- the display --- */

static void handle_check(void *data, bool alive);

static void check_display(struct watchdog *self, usec_t limit)
{
	if (self->is_checking || !display_name(self->supervisor->display))
		return;
	self->is_checking = true;
	display_check(self->supervisor->display, limit, handle_check, self);
}

/* It answered us. */
static void handle_still_complains(void *data)
{
	struct watchdog *self = data;

	set_silent(&self->watched[DISPLAY], false);
	if (!self->host_complains)
		return;
	self->host_complains = false;
	log_info("the X server answers us, but not the host, which connects anew");
	host_process_send_display(self->supervisor->host);
}

/* It is not ours to end: it is waited for, if it is still there. */
static void handle_another_try(void *data)
{
	struct watchdog *self = data;

	if (!display_name(self->supervisor->display))
		watchdog_forget(self, POLICY_DISPLAY);
	check_display(self, USEC_NEVER);
}

/* May come from the end of the display. */
static void handle_check(void *data, bool alive)
{
	struct watchdog *self = data;
	struct supervisor *supervisor = self->supervisor;
	int r = 0;

	self->is_checking = false;
	if (alive && self->watched[DISPLAY].silent)
		r = limit_start(&self->again, supervisor->event, HOST_TOO_USEC,
			handle_still_complains, self);
	else if (!alive && supervisor->settings.display == SETTINGS_DISPLAY_ATTACH)
		r = limit_start(&self->again, supervisor->event, HOST_TOO_USEC,
			handle_another_try, self);
	else if (!alive)
		end_hung(&self->watched[DISPLAY], unanswered);
	if (r < 0)
		log_warning("the display is not asked again: %s", strerror(-r));
}

void watchdog_handle_display(struct watchdog *self, const char *display, bool answers)
{
	const char *name = display_name(self->supervisor->display);

	if (!name || !str_equal(name, display))
		return;
	self->host_complains = !answers;
	if (answers)
		limit_stop(&self->again);
	set_silent(&self->watched[DISPLAY], !answers);
	if (!answers)
		check_display(self, ANSWER_LIMIT_USEC);
}

/* --- those that are stopped --- */

static bool is_stopped(const struct watched *watched)
{
	struct proc_stat stat;
	pid_t pid = pid_of(watched);

	return pid && proc_stat_read(pid, &stat) == 0 && stat.state == 'T';
}

static void handle_stands_still(void *data)
{
	struct watched *watched = data;
	usec_t now = clock_now();

	if (!is_stopped(watched))
		return;
	if (!rows[watched - watched->watchdog->watched].has_work ||
		(watched->continued && now - watched->continued < CONTINUED_USEC)) {
		end_hung(watched, stood_still);
		return;
	}
	log_warning("%s is stopped, and somebody looks on: it is made to go on",
		component_rules[watched->component].label);
	watched->continued = now;
	kill(pid_of(watched), SIGCONT);
}

static void consider(struct watched *watched)
{
	struct watchdog *self = watched->watchdog;
	bool is_needed = watched->stopped && json_array_size(self->supervisor->viewers) > 0;

	if (!is_needed)
		limit_stop(&watched->limit);
	else if (watched->component == POLICY_DISPLAY)
		check_display(self, ANSWER_LIMIT_USEC);
	else if (watched->component == POLICY_HOST)
		ask_host(self);
	else if (!watched->limit.timer &&
		limit_start(&watched->limit, self->supervisor->event, STOPPED_LIMIT_USEC,
			handle_stands_still, watched) < 0)
		log_warning("nobody watches whether %s goes on",
			component_rules[watched->component].label);
}

void watchdog_handle_viewers(struct watchdog *self)
{
	for (int i = 0; i < N_WATCHED; i++)
		consider(&self->watched[i]);
}

/* Ends are told by child_source_add(); the signal tells of stops too. */
static int handle_child_signal(
	sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	struct watchdog *self = data;
	bool changed = false;

	(void)source;
	(void)info;
	for (int i = 0; i < N_WATCHED; i++) {
		struct watched *watched = &self->watched[i];
		bool stopped = is_stopped(watched);

		if (stopped == watched->stopped)
			continue;
		watched->stopped = stopped;
		log_info("%s (pid=%d) %s", component_rules[watched->component].label,
			(int)pid_of(watched), stopped ? "is stopped by a signal" : "goes on");
		consider(watched);
		changed = true;
	}
	if (changed)
		supervisor_publish(self->supervisor);
	return 0;
}

void watchdog_forget(struct watchdog *self, enum policy_component component)
{
	for (int i = 0; i < N_WATCHED; i++) {
		struct watched *watched = &self->watched[i];

		if (watched->component != component)
			continue;
		limit_stop(&watched->limit);
		watched->stopped = watched->silent = false;
		watched->continued = 0;
	}
	if (component != POLICY_DISPLAY)
		return;
	limit_stop(&self->again);
	self->host_complains = false;
}

const char *watchdog_trouble(
	const struct watchdog *self, enum policy_component component, int part)
{
	for (int i = 0; i < N_WATCHED; i++) {
		const struct watched *watched = &self->watched[i];

		if (watched->component != component || watched->part != part)
			continue;
		return watched->silent     ? "does not answer"
			: watched->stopped ? "is stopped by a signal"
					   : NULL;
	}
	return NULL;
}

int watchdog_create(struct watchdog **ret, struct supervisor *supervisor)
{
	struct watchdog *self = mem_new(struct watchdog);
	int r;

	if (!self)
		return -ENOMEM;
	self->supervisor = supervisor;
	for (int i = 0; i < N_WATCHED; i++) {
		self->watched[i] = (struct watched){
			.watchdog = self, .component = rows[i].component, .part = rows[i].part
		};
	}
	r = sd_event_add_signal(
		supervisor->event, &self->child_signal, SIGCHLD, handle_child_signal, self);
	if (r < 0) {
		free(self);
		return r;
	}
	*ret = self;
	return 0;
}

void watchdog_destroy(struct watchdog *self)
{
	if (!self)
		return;
	watchdog_host_is_gone(self);
	for (int i = 0; i < N_WATCHED; i++)
		limit_stop(&self->watched[i].limit);
	limit_stop(&self->again);
	sd_event_source_unref(self->child_signal);
	free(self);
}
