/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/host.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "host/access/access.h"
#include "host/access/origin.h"
#include "host/client.h"
#include "host/desktop.h"
#include "host/exit.h"
#include "host/link.h"
#include "host/transport/web.h"
#include "wire/control.h"
#include "wire/host-input.h"
#include "wire/json-memory.h"

/* What only host.c needs beside the parts that all share. */
struct wiring {
	struct host host;
	struct host_settings settings;
	struct origin_names names; /* of the settings */
	char *viewers; /* what the supervisor was last told of them */
	bool offline;
	bool is_taken_over; /* and the new supervisor has not spoken of a display yet */
};

static struct wiring *wiring_of(struct host *host)
{
	return list_entry(host, struct wiring, host);
}

/* --- what we tell the supervisor --- */

static int send_message(void *data, const struct control_message *message)
{
	struct wiring *self = data;

	return link_send(self->host.link, message);
}

void host_viewers_changed(struct host *host)
{
	struct wiring *self = wiring_of(host);
	struct control_message message = {
		.type = CONTROL_VIEWERS, .body = client_list_to_json(host)
	};
	char *viewers = message.body ? json_memory_dump(message.body, JSON_COMPACT) : NULL;
	int r = viewers ? 0 : -ENOMEM;

	if (host->web)
		web_handle_viewers_changed(host->web);
	if (viewers && self->viewers && str_equal(viewers, self->viewers)) {
		free(viewers);
	} else if (viewers) {
		r = send_message(self, &message);
		free(self->viewers);
		self->viewers = viewers;
	}
	json_decref(message.body);
	if (r < 0)
		log_debug("cannot tell who looks on: %s", strerror(-r));
}

void host_display_answers(struct host *host, const char *display, bool answers)
{
	struct control_message message = { .type = CONTROL_DISPLAY_ANSWERS, .ok = answers };

	snprintf(message.display, sizeof(message.display), "%s", display);
	if (send_message(wiring_of(host), &message) < 0)
		log_debug("cannot tell how the display is");
}

static void answer_ping(struct wiring *self, uint32_t id)
{
	struct control_message message = { .type = CONTROL_PONG, .id = id };

	if (send_message(self, &message) < 0)
		log_debug("cannot answer the supervisor");
}

/* What there is no memory for now is asked for again, if somebody still wants to know. */
static void answer_stats(struct wiring *self, uint32_t id)
{
	struct control_message message = { .type = CONTROL_STATS, .id = id };
	size_t n_left_out = 0;
	json_t *viewers;
	int r = -ENOMEM;

	self->host.stats.n_requests++;
	viewers = client_stats_to_json(&self->host, &n_left_out);
	message.body = stats_to_json(&self->host.stats, viewers, n_left_out);
	if (message.body)
		r = send_message(self, &message);
	if (r < 0)
		log_debug("cannot tell what was counted: %s", strerror(-r));
	json_decref(message.body);
}

/* --- what the supervisor tells us --- */

static void take_status(struct wiring *self, json_t *document)
{
	char *text = json_memory_dump(document, JSON_COMPACT);

	if (!text) {
		log_warning("a status is lost: out of memory");
		return;
	}
	free(self->host.status);
	self->host.status = text;
	client_each(&self->host, client_handle_status);
}

static int use_settings(struct wiring *self, struct host_settings *settings)
{
	int r = access_set_pin_hash(self->host.access, settings->pin_hash);

	if (r < 0)
		return r;
	host_settings_finish(&self->settings);
	self->settings = *settings;
	*settings = (struct host_settings){ 0 };
	self->names = (struct origin_names){ self->settings.names, self->settings.n_names };
	return 0;
}

static void take_settings(struct wiring *self, const json_t *afar)
{
	struct host_settings settings = { 0 };
	const char *why = "";
	int r = host_settings_parse(afar, &settings, &why);

	if (r >= 0)
		r = use_settings(self, &settings);
	if (r < 0)
		log_warning("the new settings are not used: %s",
			r == -EBADMSG ? why : strerror(-r));
	host_settings_finish(&settings);
}

/* Nobody's picture is interrupted because somebody else tells us of it. */
static void take_display(struct wiring *self, const struct control_message *message)
{
	bool is_known = self->is_taken_over
		&& desktop_is_attached_to(self->host.desktop, message->display);

	self->is_taken_over = false;
	if (!self->offline && !is_known)
		desktop_attach(self->host.desktop, message->display, message->xauthority);
}

/* By a supervisor that comes after one that died: what was said last may never have been heard. */
static void take_over(struct wiring *self)
{
	log_info("another supervisor has taken over");
	self->is_taken_over = true;
	access_handle_takeover(self->host.access);
	free(self->viewers);
	self->viewers = NULL;
	host_viewers_changed(&self->host);
}

static void handle_message(void *data, const struct control_message *message)
{
	struct wiring *self = data;

	switch (message->type) {
	case CONTROL_STATUS:
		take_status(self, message->body);
		break;
	case CONTROL_SETTINGS:
		take_settings(self, message->body);
		break;
	case CONTROL_DISPLAY_UP:
		take_display(self, message);
		break;
	case CONTROL_DISPLAY_DOWN:
		desktop_detach(self->host.desktop);
		break;
	case CONTROL_VERDICT:
		access_handle_verdict(self->host.access, message);
		break;
	case CONTROL_TAKEN_OVER:
		take_over(self);
		break;
	case CONTROL_MAKE_LINK:
		access_handle_make_link(self->host.access, message->id);
		break;
	case CONTROL_PING:
		answer_ping(self, message->id);
		break;
	case CONTROL_TELL_STATS:
		answer_stats(self, message->id);
		break;
	default:
		break; /* a newer supervisor's, or none of ours */
	}
}

/* Whoever waits for one waits in vain. */
static void handle_no_answer(void *data)
{
	struct wiring *self = data;

	access_handle_end(self->host.access);
}

/* The guard holds the line for the next supervisor: so it is gone as well. */
static void handle_link_end(void *data)
{
	struct wiring *self = data;

	access_handle_end(self->host.access);
	log_info("nobody is left to serve: ending");
	web_stop(self->host.web);
}

/* --- start and end --- */

static int handle_signal(
	sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct wiring *self = userdata;

	(void)source;
	log_info("Caught %s: Shutting down...", info->ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
	web_stop(self->host.web);
	return 0;
}

static int start_parts(struct wiring *self, const struct host_options *options)
{
	static const struct link_events link_events = {
		.handle_message = handle_message,
		.handle_lost = handle_no_answer,
		.handle_end = handle_link_end,
	};
	struct host *host = &self->host;
	struct host_settings settings = { 0 };
	int r = access_create(&host->access, host->event, send_message, self);

	if (r < 0)
		return r;
	host->desktop = desktop_create(host);
	if (!host->desktop)
		return -ENOMEM;
	groups_init(&host->groups, host->event, desktop_scene(host->desktop),
		desktop_video(host->desktop), &encode_tiles);
	r = host_settings_copy(&options->input->settings, &settings);
	if (r >= 0)
		r = use_settings(self, &settings);
	host_settings_finish(&settings);
	if (r >= 0)
		r = link_create(&host->link, host->event, options->control_fd, &link_events, self);
	if (r >= 0)
		r = web_create(&host->web, host, options->listen_fds, options->n_listen_fds,
			&self->names);
	return r;
}

static int start(struct wiring *self, const struct host_options *options)
{
	struct host *host = &self->host;
	int r;

	list_init(&host->clients);
	stats_init(&host->stats, clock_wall());
	host->next_client_id = 1;
	host->ack_limit_usec = HOST_ACK_LIMIT_USEC;
	self->offline = options->offline_reason;
	host->host_name = mem_dup(options->input->host_name, strlen(options->input->host_name));
	if (!host->host_name)
		return -ENOMEM;
	r = sd_event_new(&host->event);
	if (r >= 0)
		r = sd_event_add_signal(host->event, NULL, SIGTERM, handle_signal, self);
	if (r >= 0)
		r = sd_event_add_signal(host->event, NULL, SIGINT, handle_signal, self);
	return r < 0 ? r : start_parts(self, options);
}

/* Clients need everything else, so the transport, which has them, goes first. */
static void finish(struct wiring *self)
{
	struct host *host = &self->host;

	web_destroy(TAKE_PTR(host->web));
	groups_finish(&host->groups);
	desktop_destroy(host->desktop);
	access_destroy(host->access);
	link_destroy(host->link);
	sd_event_unref(host->event);
	host_settings_finish(&self->settings);
	free(host->host_name);
	free(host->status);
	free(self->viewers);
}

static void tell_ready(const struct host_options *options)
{
	if (options->offline_reason)
		log_info("Host is offline: %s", options->offline_reason);
	log_info("Host ready to receive connections.");
	if (options->signal_parent)
		kill(getppid(), SIGUSR1);
}

int host_run(const struct host_options *options)
{
	struct wiring self = { 0 };
	int r;

	r = start(&self, options);
	if (r < 0) {
		log_error("cannot start: %s", strerror(-r));
		finish(&self);
		return HOST_EXIT_INITIALISATION;
	}
	tell_ready(options);
	r = web_run(self.host.web);
	if (r < 0)
		log_error("the loop failed: %s", strerror(-r));
	finish(&self);
	return r < 0 ? HOST_EXIT_INITIALISATION : HOST_EXIT_SUCCESS;
}
