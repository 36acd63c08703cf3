/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/host-process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
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
#include "supervisor/audio/audio.h"
#include "supervisor/child.h"
#include "supervisor/contract-config.h"
#include "supervisor/display/display.h"
#include "supervisor/host-exit.h"
#include "supervisor/lock.h"
#include "supervisor/session-script.h"
#include "supervisor/supervisor.h"
#include "wire/host-config.h"

#define CONTROL_FD 3
#define LISTEN_FD 4 /* the first */
#define N_LINKS 8
#define RETELL_USEC (1 * USEC_PER_SEC)
#define READY_LIMIT_USEC (30 * USEC_PER_SEC)
#define ARGUMENTS_MAX 256

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
	sd_event_source *retell_timer; /* always there: it is for when memory is short */
	bool is_unheard;	       /* that a message was lost has been said */
	bool is_offline_page;
	struct link_wait links[N_LINKS];
	uint32_t last_id;

	/* How it ended, while we ask whether the display is to blame. */
	int end_code, end_status;
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

static void handle_blame(void *data, bool alive)
{
	struct host_process *self = data;

	supervisor_child_ended(
		self->supervisor, POLICY_HOST, self->end_code, self->end_status, !alive);
}

/* EXIT-1: what starting it again cannot mend. */
static void handle_hopeless(struct host_process *self, int status)
{
	struct supervisor *supervisor = self->supervisor;

	log_info("%s%s.", host_exit_text(status),
		supervisor->flavour->gives_up_whole ? " - exiting" : "");
	if (host_exit_means_deleted(status) && !supervisor->flavour->host_is_ours) {
		int r = contract_config_clear(supervisor->paths.config_file);

		if (r < 0)
			log_error("Failed to save config: %s", strerror(-r));
	}
	supervisor_child_is_hopeless(supervisor, POLICY_HOST, CLD_EXITED, status);
}

static void handle_ended(void *data, int code, int status)
{
	struct host_process *self = data;
	struct supervisor *supervisor = self->supervisor;

	clear_run(self);
	if (self->is_offline_page) {
		log_error("the status page ended too: browsers find nobody now");
		return;
	}
	if (code == CLD_EXITED && host_exit_text(status)) {
		handle_hopeless(self, status);
		return;
	}
	if (code == CLD_EXITED)
		log_info("Host exited with status %d.", status);
	else
		log_info("Host terminated by signal %d.", status);
	self->end_code = code;
	self->end_status = status;
	if (supervisor->flavour->host_is_independent)
		supervisor_child_ended(supervisor, POLICY_HOST, code, status, false);
	else
		display_check(supervisor->display, handle_blame, self);
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
	int r = control_decode(line, n, &message);

	if (r < 0) {
		log_warning("a message of the host's was lost: %s",
			r == -ENOMEM ? "out of memory" : "it makes no sense");
		end_link(self, 0, NULL); /* it may have been the one that somebody waits for */
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

static int handle_retell_time(sd_event_source *source, uint64_t usec, void *data)
{
	struct host_process *self = data;

	(void)source;
	(void)usec;
	supervisor_publish(self->supervisor);
	host_process_send_display(self);
	return 0;
}

int host_process_create(struct host_process **ret, struct supervisor *supervisor)
{
	struct host_process *self = mem_new(struct host_process);
	int r;

	if (!self)
		return -ENOMEM;
	self->supervisor = supervisor;
	child_init(&self->child, supervisor->event, handle_ended, self);
	self->child.name = "host";
	r = sd_event_add_time(supervisor->event, &self->retell_timer, CLOCK_MONOTONIC, 0, 0,
		handle_retell_time, self);
	if (r >= 0)
		r = sd_event_source_set_enabled(self->retell_timer, SD_EVENT_OFF);
	if (r < 0) {
		host_process_destroy(self);
		return r;
	}
	*ret = self;
	return 0;
}

void host_process_destroy(struct host_process *self)
{
	if (!self)
		return;
	clear_run(self);
	sd_event_source_unref(self->retell_timer);
	child_finish(&self->child);
	free(self);
}

static int config_text(struct supervisor *supervisor, char **ret, size_t *ret_n)
{
	const char *names[SETTINGS_N_LISTEN];

	if (!supervisor->flavour->host_is_ours)
		return host_config_plain(supervisor->config, ret, ret_n);
	for (size_t i = 0; i < supervisor->listen.n; i++)
		names[i] = supervisor->listen.names[i];
	return host_config_for_host(supervisor->config, &supervisor->settings, names,
		supervisor->listen.n, ret, ret_n);
}

int host_process_make_stdin(struct supervisor *supervisor)
{
	CLEANUP(free) char *text = NULL;
	CLEANUP(close) int fd = -1;
	size_t n;
	int r = config_text(supervisor, &text, &n);

	if (r < 0)
		return r;
	/* A memfd, so that nobody waits for a reader. */
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

/* The command line: what the contract has (HL-1), and what ours gets besides. */
struct arguments {
	const char *argv[ARGUMENTS_MAX];
	size_t n;
	char texts[8][512]; /* what some of them point to */
	size_t n_texts;
	char *extra; /* those of the user, split in place */
};

static void add(struct arguments *self, const char *argument)
{
	if (self->n < ARGUMENTS_MAX - 1)
		self->argv[self->n++] = argument;
}

__attribute__((format(printf, 2, 3))) static void add_text(
	struct arguments *self, const char *format, ...)
{
	char *text = self->texts[self->n_texts++];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(self->texts[0]), format, args);
	va_end(args);
	add(self, text);
}

/* START-8: words between white space, no quotes; set but empty is one empty argument. */
static int add_extra(struct arguments *self, const char *text)
{
	static const char blanks[] = " \t\n\v\f\r";

	if (!text)
		return 0;
	if (!*text) {
		add(self, "");
		return 0;
	}
	self->extra = mem_dup(text, strlen(text));
	if (!self->extra)
		return -ENOMEM;
	for (char *save, *word = strtok_r(self->extra, blanks, &save); word;
		word = strtok_r(NULL, blanks, &save))
		add(self, word);
	return 0;
}

static int add_all(struct arguments *self, struct supervisor *supervisor, const char *program,
	const char *offline_reason)
{
	const char *fifo = supervisor->audio ? audio_fifo(supervisor->audio) : NULL;
	int r;

	add(self, program);
	add(self, "--host-config=-");
	if (fifo)
		add_text(self, "--audio-pipe-name=%s", fifo);
	add_text(self, "--ssh-auth-sockname=%s", supervisor->ssh_socket);
	r = add_extra(self, getenv(supervisor->flavour->host_params_env));
	if (r < 0)
		return r;
	if (supervisor->flavour->host_is_ours) {
		add_text(self, "--control-fd=%d", CONTROL_FD);
		for (size_t i = 0; i < supervisor->listen.n; i++)
			add_text(self, "--listen-fd=%d", LISTEN_FD + (int)i);
	}
	if (offline_reason)
		add_text(self, "--report-offline-reason=%s", offline_reason);
	add(self, "--signal-parent");
	return 0;
}

/* What only our own host has: the channel and the sockets. */
static int open_channel(struct host_process *self, struct spawn *spawn, int *ret_theirs)
{
	struct supervisor *supervisor = self->supervisor;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	r = line_channel_create(
		&self->channel, supervisor->event, pair[0], &limits, &channel_events, self);
	if (r < 0) {
		close(pair[0]);
		close(pair[1]);
		return r;
	}
	*ret_theirs = pair[1];
	spawn_map(spawn, *ret_theirs, CONTROL_FD);
	for (size_t i = 0; i < supervisor->listen.n; i++)
		spawn_map(spawn, supervisor->listen.fds[i], LISTEN_FD + (int)i);
	return 0;
}

static int start(struct host_process *self, const char *offline_reason)
{
	struct supervisor *supervisor = self->supervisor;
	bool is_ours = supervisor->flavour->host_is_ours;
	CLEANUP(spawn_env) struct spawn_env env = { 0 };
	CLEANUP(free) char *program = NULL;
	CLEANUP(close) int config_fd = -1;
	CLEANUP(close) int theirs = -1;
	struct arguments arguments = { 0 };
	struct spawn spawn = { .argv = arguments.argv, .directory = is_ours ? "/" : NULL };
	int r;

	config_fd = host_process_make_stdin(supervisor);
	if (config_fd < 0)
		return config_fd;
	program = mem_printf("%s/%s", is_ours ? supervisor->program_dir : supervisor->script_dir,
		supervisor->flavour->host_program);
	if (!program)
		return -ENOMEM;
	r = supervisor_make_env(supervisor, &env);
	if (r == 0 && is_ours)
		r = spawn_env_set(&env, "AFAR_LOG_BARE", "1");
	if (r == 0)
		r = add_all(&arguments, supervisor,
			is_ours ? supervisor->flavour->host_program : program, offline_reason);
	if (r == 0 && is_ours)
		r = open_channel(self, &spawn, &theirs);
	if (r == 0) {
		log_info("Launching host process");
		session_script_log(NULL, arguments.argv);
		spawn.path = program;
		spawn.envp = (const char *const *)env.vars;
		spawn_map(&spawn, config_fd, STDIN_FILENO);
		r = child_start(&self->child, &spawn,
			&supervisor->components[POLICY_HOST].output);
	}
	free(arguments.extra);
	return r;
}

int host_process_start(struct supervisor *supervisor, char *text, size_t size)
{
	struct host_process *self = supervisor->host;
	int r;

	r = start(self, NULL);
	/* The vendor's host is ready once its directory has answered, however long that takes. */
	if (r == 0 && supervisor->flavour->host_is_ours)
		r = sd_event_add_time_relative(supervisor->event, &self->ready_timer,
			CLOCK_MONOTONIC, READY_LIMIT_USEC, 0, handle_ready_limit, self);
	if (r < 0) {
		snprintf(text, size, "%s cannot be started: %s", supervisor->flavour->host_program,
			strerror(-r));
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

void host_process_retell(struct host_process *self)
{
	if (!self->channel)
		return;
	sd_event_source_set_time_relative(self->retell_timer, RETELL_USEC);
	sd_event_source_set_enabled(self->retell_timer, SD_EVENT_ONESHOT);
}

int host_process_send(struct host_process *self, const struct control_message *message)
{
	CLEANUP(free) char *line = NULL;
	size_t n;
	int r;

	if (!self->channel)
		return -ENOTCONN;
	r = control_encode(message, &line, &n);
	if (r == 0)
		r = line_channel_send(self->channel, line, n);
	if (r < 0 && !self->is_unheard)
		log_warning("a message to the host was lost: %s", strerror(-r));
	self->is_unheard = r < 0;
	if (r == -ENOMEM)
		host_process_retell(self);
	return r;
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
	int r;

	for (size_t i = 0; i < N_LINKS; i++) {
		if (self->links[i].id)
			continue;
		if (!self->channel)
			return -ENOTCONN;
		if (++self->last_id == 0)
			self->last_id = 1;
		self->links[i] = (struct link_wait){ self->last_id, done, data };
		message.id = self->last_id;
		r = host_process_send(self, &message);
		if (r < 0)
			self->links[i] = (struct link_wait){ 0 };
		return r;
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
