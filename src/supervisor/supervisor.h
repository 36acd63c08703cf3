/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The supervisor: carries out what policy.h decides, and tells everybody how
 * things stand. One event loop, no threads; a handler never waits.
 *
 * The parts of a desktop each have a file (display/, bus.c, session.c,
 * host-process.c) with a start function; they tell what happens to them with
 * supervisor_event(), and component.h has what they have in common.
 */

#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/flavour.h"
#include "base/paths.h"
#include "base/spawn.h"
#include "supervisor/attempts.h"
#include "supervisor/component.h"
#include "supervisor/family.h"
#include "supervisor/handover.h"
#include "supervisor/listen.h"
#include "supervisor/notify.h"
#include "supervisor/outlog.h"
#include "supervisor/policy.h"
#include "supervisor/report.h"
#include "supervisor/tokens.h"
#include "wire/settings.h"

struct audio;
struct bus;
struct commands;
struct crash_uploader;
struct display;
struct host_process;
struct host_stats;
struct lock;
struct offline_report;
struct pre_session;
struct session;
struct watchdog;

#define SUPERVISOR_N_EVENTS 32

struct supervisor {
	sd_event *event;
	const struct flavour *flavour;
	struct paths paths;
	struct settings settings;
	const char *const *x_options; /* borrowed from argv, NULL-terminated */
	char *program_dir; /* where our own programs are */
	char *script_dir;  /* of the command that was called: where the contract's are (CONST-7) */
	char *ssh_socket;  /* the host's, for security keys (ENV-5, HL-1) */
	const char *const *argv; /* borrowed, as main() got it */
	struct handover handover;
	struct family family;
	struct report report;
	struct notify notify;
	struct outlog *log;
	struct listen_set listen;
	char *url; /* http://127.0.0.1:2327/ */

	json_t *config;	 /* the host's configuration as it is */
	json_t *viewers; /* array, from the host; NULL: none known */
	struct tokens tokens;
	struct attempts attempts;

	struct relaunch_limits limits;
	struct policy policy;
	struct component components[POLICY_N_COMPONENTS];
	struct policy_event events[SUPERVISOR_N_EVENTS]; /* the one that is handled, and after it */
	size_t n_events;
	bool holds_events; /* they wait until a predecessor's desktop is taken over */
	sd_event_source *tick;
	usec_t started_wall; /* this program, not the desktop */
	usec_t since;	    /* what since_wall was made from */
	usec_t since_wall;  /* of policy.state */
	enum status_state told; /* the state that the waiting parent knows of */
	unsigned n_failures_told;
	usec_t wake_told; /* the end of the pause that the log knows of */
	bool end_told;
	bool is_reporting_offline; /* the end waits for that */
	int exit_status;

	struct host_process *host;
	struct host_stats *host_stats;
	struct crash_uploader *crash_uploader;
	struct offline_report *offline_report;
	struct pre_session *pre_session;
	struct audio *audio;
	struct display *display;
	struct bus *bus;
	struct session *session;
	struct lock *lock;
	struct commands *commands;
	struct watchdog *watchdog;
};

/* Builds everything and starts the first components. Returns 0 or negative errno; then @why. */
int supervisor_init(struct supervisor *self, char **ret_why);

/* Something happened to a component: decides, acts, tells. */
void supervisor_event(struct supervisor *self, enum policy_event_type type,
	enum policy_component component, bool blame_display);

/* An end with its description; drains the log first. */
void supervisor_child_ended(struct supervisor *self, enum policy_component component, int code,
	int status, bool blame_display);

/* The same for one that a predecessor had, and nobody knows how it ended. */
void supervisor_child_lost(struct supervisor *self, enum policy_component component);

/* Lets the events go that were held. */
void supervisor_release_events(struct supervisor *self);

/* The same for one that says by its end that starting it again is no use. */
void supervisor_child_is_hopeless(
	struct supervisor *self, enum policy_component component, int code, int status);

/* A component could not even be started: counts as an end, for the reason @text. */
void supervisor_start_failed(
	struct supervisor *self, enum policy_component component, const char *text);

/*
 * What the component is about is not there: no failure, @text says what is waited for. @needs_help:
 * somebody has to do something first, and whoever waits for a start is told so.
 */
void supervisor_is_away(struct supervisor *self, enum policy_component component,
	const char *text, bool needs_help);

/* Ends everything; the loop ends when nothing runs any more, with the daemon's exit status. */
void supervisor_stop(struct supervisor *self);

/**
 * supervisor_reload() - read the configuration anew
 *
 * Our own host is told: a new PIN takes effect. The vendor's is started anew, if anything changed
 * (SIG-2, D-21). Returns 0 or negative errno with @ret_why; then all is as it was.
 */
int supervisor_reload(struct supervisor *self, char **ret_why);

/* The outputs of all components, in the order of the policy; borrowed. */
void supervisor_list_outputs(
	struct supervisor *self, struct outlog_stream *ret[POLICY_N_COMPONENTS]);

/* The status document: a new reference, NULL when out of memory. */
json_t *supervisor_status(const struct supervisor *self);

/* Status goes to the host, and so to every page. */
void supervisor_publish(struct supervisor *self);

/* The environment of the desktop's processes; the caller finishes it. -ENOMEM. */
int supervisor_make_env(const struct supervisor *self, struct spawn_env *ret);

/* What ssh_socket is to be (ENV-5). Allocated; for start-up. */
char *supervisor_find_ssh_socket(const struct supervisor *self);

void supervisor_finish(struct supervisor *self);
