/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/host-process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "loop/line-channel.h"
#include "supervisor/child.h"
#include "supervisor/display/display.h"
#include "supervisor/lock.h"
#include "supervisor/supervisor.h"
#include "wire/host-config.h"

#define CONTROL_FD 3
#define LISTEN_FD 4 /* the first */
#define N_LINKS 8
#define READY_LIMIT_USEC (30 * USEC_PER_SEC)

/* EXIT-1: what starting it again cannot mend. */
#define PERMANENT_FIRST 100
#define PERMANENT_LAST 108

static const struct line_channel_limits limits = {
	.line_max = CONTROL_LINE_MAX,
	.queue_max = 4 * CONTROL_LINE_MAX,
};

struct link_wait {
	uint32_t id; /* 0: free */
	void (*done)(void *data, const char *token);
	void *data;
};

struct host_process {
	struct supervisor *supervisor; /* borrowed */
	struct child child;
	struct line_channel *channel; /* NULL: no host */
	sd_event_source *ready_timer;
	bool is_offline_page;
	struct link_wait links[N_LINKS];
	uint32_t last_id;
};

static void end_link(struct host_process *self, uint32_t id, const char *token)
{
	for (size_t i = 0; i < N_LINKS; i++) {
		struct link_wait wait = self->links[i];

		if (!wait.id || (id && wait.id != id))
			continue;
		self->links[i] = (struct link_wait){ 0 };
		wait.done(wait.data, token);
	}
}

/* @viewers: taken; NULL: none known. */
static void set_viewers(struct host_process *self, json_t *viewers)
{
	struct supervisor *supervisor = self->supervisor;
	size_t before = json_array_size(supervisor->viewers);

	json_decref(supervisor->viewers);
	supervisor->viewers = viewers;
	if (before && !json_array_size(viewers))
		lock_display(supervisor->lock);
	if (!before && json_array_size(viewers))
		display_look(supervisor->display);
}

static void clear_run(struct host_process *self)
{
	self->ready_timer = sd_event_source_unref(self->ready_timer);
	line_channel_destroy(self->channel);
	self->channel = NULL;
	set_viewers(self, NULL);
	end_link(self, 0, NULL);
}

static void handle_ended(void *data, int code, int status)
{
	struct host_process *self = data;
	bool hopeless = code == CLD_EXITED && status >= PERMANENT_FIRST && status <= PERMANENT_LAST;

	clear_run(self);
	if (self->is_offline_page) {
		log_error("the status page ended too: browsers find nobody now");
		return;
	}
	if (hopeless)
		supervisor_child_is_hopeless(self->supervisor, POLICY_HOST, code, status);
	else
		supervisor_child_ended(self->supervisor, POLICY_HOST, code, status, false);
}

/* The host asks whether a sign-in may go on: see access/access.h and tokens.h. */
static void handle_attempt(struct host_process *self, const struct control_message *attempt)
{
	struct control_message verdict = { .type = CONTROL_VERDICT, .id = attempt->id };
	struct supervisor *supervisor = self->supervisor;
	usec_t now = clock_now(), wait = 0;

	switch (attempt->kind) {
	case CONTROL_KIND_LINK:
		verdict.ok = tokens_use_link(&supervisor->tokens, attempt->hash, now);
		break;
	case CONTROL_KIND_RESUME:
		verdict.ok = tokens_check_resume(&supervisor->tokens, attempt->hash, now);
		break;
	case CONTROL_KIND_PIN:
		verdict.ok = attempts_take(&supervisor->attempts, attempt->source, now, &wait);
		verdict.retry_after = (uint32_t)((wait + USEC_PER_SEC - 1) / USEC_PER_SEC);
		break;
	}
	if (!verdict.ok)
		log_info("a sign-in from %s was refused", attempt->source);
	host_process_send(self, &verdict);
}

static void handle_message(struct host_process *self, struct control_message *message)
{
	struct supervisor *supervisor = self->supervisor;

	switch (message->type) {
	case CONTROL_ATTEMPT:
		handle_attempt(self, message);
		break;
	case CONTROL_SIGNED_IN:
		tokens_add_resume(&supervisor->tokens, message->hash, clock_now());
		attempts_forgive(&supervisor->attempts, message->source, clock_now());
		log_info("signed in from %s", message->source);
		break;
	case CONTROL_LINK:
		tokens_add_link(&supervisor->tokens, message->hash, clock_now());
		end_link(self, message->id, message->token);
		break;
	case CONTROL_VIEWERS:
		set_viewers(self, TAKE_PTR(message->body));
		supervisor_publish(supervisor);
		break;
	default:
		break;
	}
}

static void handle_line(void *data, char *line, size_t n)
{
	struct host_process *self = data;
	struct control_message message;

	if (control_decode(line, n, &message) < 0) {
		log_warning("the host sent a message that makes no sense");
		return;
	}
	handle_message(self, &message);
	control_message_finish(&message);
}

/* Its end as a process follows; a host that only closed the channel is of no use. */
static void handle_channel_end(void *data, int error)
{
	struct host_process *self = data;

	if (error)
		log_warning("the channel to the host failed: %s", strerror(-error));
	line_channel_destroy(self->channel);
	self->channel = NULL;
	end_link(self, 0, NULL);
	child_stop(&self->child);
}

static const struct line_channel_events channel_events = {
	.handle_line = handle_line,
	.handle_end = handle_channel_end,
};

int host_process_create(struct host_process **ret, struct supervisor *supervisor)
{
	struct host_process *self = mem_new(struct host_process);

	if (!self)
		return -ENOMEM;
	self->supervisor = supervisor;
	child_init(&self->child, supervisor->event, handle_ended, self);
	*ret = self;
	return 0;
}

void host_process_destroy(struct host_process *self)
{
	if (!self)
		return;
	clear_run(self);
	child_finish(&self->child);
	free(self);
}

/* The configuration as a descriptor to read from: a memfd, so that nobody waits for a reader. */
static int make_stdin(struct supervisor *supervisor)
{
	CLEANUP(free) char *text = NULL;
	CLEANUP(close) int fd = -1;
	const char *names[SETTINGS_N_LISTEN];
	size_t n;
	int r;

	for (size_t i = 0; i < supervisor->listen.n; i++)
		names[i] = supervisor->listen.names[i];
	r = host_config_for_host(supervisor->config, &supervisor->settings, names,
		supervisor->listen.n, &text, &n);
	if (r < 0)
		return r;
	fd = memfd_create("host-config", MFD_CLOEXEC);
	if (fd < 0)
		r = -errno;
	if (r == 0)
		r = sys_write_all(fd, text, n);
	explicit_bzero(text, n);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int handle_ready_limit(sd_event_source *source, uint64_t usec, void *data)
{
	struct host_process *self = data;

	(void)source;
	(void)usec;
	log_error("the host does not become ready");
	child_stop(&self->child);
	return 0;
}

static int start(struct host_process *self, const char *offline_reason)
{
	struct supervisor *supervisor = self->supervisor;
	CLEANUP(spawn_env) struct spawn_env env = { 0 };
	CLEANUP(free) char *program = NULL;
	CLEANUP(close) int config_fd = -1;
	CLEANUP(close) int ours = -1;
	CLEANUP(close) int theirs = -1;
	char listen_args[SETTINGS_N_LISTEN][24], reason[128];
	const char *argv[8 + SETTINGS_N_LISTEN] = { "afar-host", "--host-config=-",
		"--signal-parent", "--control-fd=3" };
	struct spawn spawn = { .argv = argv, .directory = "/" };
	size_t n = 4;
	int pair[2], r;

	config_fd = make_stdin(supervisor);
	if (config_fd < 0)
		return config_fd;
	if (asprintf(&program, "%s/afar-host", supervisor->program_dir) < 0)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	r = supervisor_make_env(supervisor, &env);
	if (r == 0)
		r = spawn_env_set(&env, "AFAR_LOG_BARE", "1");
	if (r < 0)
		return r;
	spawn.path = program;
	spawn.envp = (const char *const *)env.vars;
	spawn_map(&spawn, config_fd, STDIN_FILENO);
	spawn_map(&spawn, theirs, CONTROL_FD);
	for (size_t i = 0; i < supervisor->listen.n; i++) {
		int number = LISTEN_FD + (int)i;

		snprintf(listen_args[i], sizeof(listen_args[i]), "--listen-fd=%d", number);
		spawn_map(&spawn, supervisor->listen.fds[i], number);
		argv[n++] = listen_args[i];
	}
	if (offline_reason) {
		snprintf(reason, sizeof(reason), "--report-offline-reason=%s", offline_reason);
		argv[n++] = reason;
	}
	argv[n] = NULL;
	r = line_channel_create(
		&self->channel, supervisor->event, ours, &limits, &channel_events, self);
	if (r < 0)
		return r;
	ours = -1;
	return child_start(&self->child, &spawn, &supervisor->components[POLICY_HOST].output);
}

int host_process_start(struct supervisor *supervisor, char *text, size_t size)
{
	struct host_process *self = supervisor->host;
	int r;

	log_info("starting the host");
	r = start(self, NULL);
	if (r == 0)
		r = sd_event_add_time_relative(supervisor->event, &self->ready_timer,
			CLOCK_MONOTONIC, READY_LIMIT_USEC, 0, handle_ready_limit, self);
	if (r < 0) {
		snprintf(text, size, "afar-host cannot be started: %s", strerror(-r));
		clear_run(self);
		return r;
	}
	host_process_send_display(self);
	return 0;
}

void host_process_start_offline(struct host_process *self, const char *reason)
{
	int r = start(self, reason);

	self->is_offline_page = true;
	if (r < 0) {
		log_error("the status page cannot be started: %s", strerror(-r));
		clear_run(self);
	}
}

void host_process_stop(struct supervisor *supervisor)
{
	child_stop(&supervisor->host->child);
}

pid_t host_process_pid(const struct supervisor *supervisor)
{
	return supervisor->host->child.pid;
}

void host_process_handle_signal(struct host_process *self, pid_t sender)
{
	if (sender != self->child.pid || self->is_offline_page)
		return;
	self->ready_timer = sd_event_source_unref(self->ready_timer);
	log_info("Host ready to receive connections.");
	supervisor_event(self->supervisor, POLICY_IS_READY, POLICY_HOST, false);
}

void host_process_send(struct host_process *self, const struct control_message *message)
{
	CLEANUP(free) char *line = NULL;
	size_t n;
	int r;

	if (!self->channel)
		return;
	r = control_encode(message, &line, &n);
	if (r == 0)
		r = line_channel_send(self->channel, line, n);
	if (r < 0)
		log_warning("a message to the host was lost: %s", strerror(-r));
}

void host_process_send_display(struct host_process *self)
{
	const struct display *display = self->supervisor->display;
	const char *name = display_name(display);
	struct control_message message = { .type = CONTROL_DISPLAY_DOWN };

	if (name) {
		message.type = CONTROL_DISPLAY_UP;
		snprintf(message.display, sizeof(message.display), "%s", name);
		snprintf(message.xauthority, sizeof(message.xauthority), "%s",
			display_authority(display) ? display_authority(display) : "");
	} else {
		snprintf(message.component, sizeof(message.component), "display");
		snprintf(message.reason, sizeof(message.reason), "%s", display_why(display));
	}
	host_process_send(self, &message);
}

int host_process_make_link(struct host_process *self,
	void (*done)(void *data, const char *token), void *data)
{
	struct control_message message = { .type = CONTROL_MAKE_LINK };

	for (size_t i = 0; i < N_LINKS; i++) {
		if (self->links[i].id)
			continue;
		if (!self->channel)
			return -ENOTCONN;
		if (++self->last_id == 0)
			self->last_id = 1;
		self->links[i] = (struct link_wait){ self->last_id, done, data };
		message.id = self->last_id;
		host_process_send(self, &message);
		return 0;
	}
	return -EBUSY;
}

void host_process_forget_link(struct host_process *self, const void *data)
{
	for (size_t i = 0; i < N_LINKS; i++) {
		if (self->links[i].data == data)
			self->links[i] = (struct link_wait){ 0 };
	}
}
