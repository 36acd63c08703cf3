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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "loop/limit.h"
#include "loop/line-channel.h"
#include "supervisor/audio/audio.h"
#include "supervisor/child.h"
#include "supervisor/contract-config.h"
#include "supervisor/display/display.h"
#include "supervisor/host-arguments.h"
#include "supervisor/host-exit.h"
#include "supervisor/host-stats.h"
#include "supervisor/keeper.h"
#include "supervisor/lock.h"
#include "supervisor/record.h"
#include "supervisor/session-script.h"
#include "supervisor/supervisor.h"
#include "supervisor/watchdog.h"
#include "wire/host-config.h"

#define CHANNEL "host-channel" /* with the guard */
#define N_LINKS 8
#define RETELL_USEC (1 * USEC_PER_SEC)
#define READY_LIMIT_USEC (30 * USEC_PER_SEC)

static const struct line_channel_limits limits = {
	.line_max = CONTROL_LINE_MAX,
	.queue_max = 4 * CONTROL_LINE_MAX,
};

/* Which file it was: an upgrade puts another in its place. */
struct program_id {
	json_int_t device, inode, mtime_nsec;
};

enum renewal {
	RENEWAL_NONE,
	RENEWAL_UNSEEN, /* when nobody looks on */
	RENEWAL_NOW,
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
	struct limit ready_limit;
	sd_event_source *retell_timer; /* always there: it is for when memory is short */
	bool is_unheard;	       /* that a message was lost has been said */
	bool is_offline_page;
	bool is_taken_over; /* while it starts */
	struct program_id program; /* of the one that runs */
	enum renewal renewal;
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

/* Whoever waits for the host's answer waits in vain. */
static void lose_answers(struct host_process *self)
{
	end_link(self, 0, NULL);
	host_stats_handle_loss(self->supervisor->host_stats);
}

static struct program_id identify(const char *program)
{
	struct program_id id = { 0 };
	struct stat st;

	if (stat(program, &st) == 0)
		id = (struct program_id){ (json_int_t)st.st_dev, (json_int_t)st.st_ino,
			(json_int_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec };
	return id;
}

static char *program_path(const struct supervisor *supervisor)
{
	const char *directory = supervisor->flavour->host_is_ours ? supervisor->program_dir
								  : supervisor->script_dir;

	return mem_printf("%s/%s", directory, supervisor->flavour->host_program);
}

/* Is what runs another program than what is installed? */
static bool is_outdated(const struct host_process *self)
{
	CLEANUP(free) char *program = program_path(self->supervisor);
	struct program_id id = program ? identify(program) : self->program;

	return id.inode
		&& (id.device != self->program.device || id.inode != self->program.inode
			|| id.mtime_nsec != self->program.mtime_nsec);
}

/* In the place of a host that an upgrade has left behind. */
static void renew(struct host_process *self)
{
	if (self->renewal == RENEWAL_NONE || !self->channel || self->is_offline_page)
		return;
	self->renewal = RENEWAL_NONE;
	if (!is_outdated(self))
		return;
	log_info("the host is replaced by the one that is installed now");
	supervisor_event(self->supervisor, POLICY_RESTART, POLICY_HOST, false);
}

/* @viewers: taken; NULL: none known. */
static void set_viewers(struct host_process *self, json_t *viewers)
{
	struct supervisor *supervisor = self->supervisor;
	size_t before = json_array_size(supervisor->viewers);

	json_decref(supervisor->viewers);
	supervisor->viewers = viewers;
	if (!json_array_size(viewers))
		renew(self);
	if (before && !json_array_size(viewers))
		lock_display(supervisor->lock);
	if (!before && json_array_size(viewers))
		display_look(supervisor->display);
	watchdog_handle_viewers(supervisor->watchdog);
}

static void close_channel(struct host_process *self)
{
	if (!self->channel)
		return;
	line_channel_destroy(self->channel);
	self->channel = NULL;
	keeper_drop(self->supervisor->handover.keeper, CHANNEL);
}

static void clear_run(struct host_process *self)
{
	limit_stop(&self->ready_limit);
	watchdog_host_is_gone(self->supervisor->watchdog);
	close_channel(self);
	set_viewers(self, NULL);
	lose_answers(self);
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
		display_check(supervisor->display, DISPLAY_BLAME_USEC, handle_blame, self);
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

static void is_ready(struct host_process *self)
{
	self->is_taken_over = false;
	limit_stop(&self->ready_limit);
	log_info("Host ready to receive connections.");
	if (self->supervisor->flavour->host_is_ours)
		watchdog_host_is_ready(self->supervisor->watchdog);
	supervisor_event(self->supervisor, POLICY_IS_READY, POLICY_HOST, false);
}

static void handle_message(struct host_process *self, struct control_message *message)
{
	struct supervisor *supervisor = self->supervisor;

	handover_touch(supervisor);
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
		/* Its signal may have come to nobody while we were replaced. */
		if (self->is_taken_over)
			is_ready(self);
		supervisor_publish(supervisor);
		break;
	case CONTROL_PONG:
		watchdog_handle_pong(supervisor->watchdog, message->id);
		break;
	case CONTROL_STATS:
		host_stats_handle_answer(supervisor->host_stats, message->id, message->body);
		break;
	case CONTROL_DISPLAY_ANSWERS:
		watchdog_handle_display(supervisor->watchdog, message->display, message->ok);
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
		lose_answers(self); /* it may have been the one that somebody waits for */
		if (r == -ENOMEM)
			watchdog_host_is_unheard(self->supervisor->watchdog);
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
	close_channel(self);
	lose_answers(self);
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
	child_init(&self->child, &supervisor->family, "host", handle_ended, self);
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

static void handle_ready_limit(void *data)
{
	struct host_process *self = data;

	log_error("the host does not become ready");
	child_stop(&self->child);
}

/* @fd: our end of it; taken. */
static int use_channel(struct host_process *self, int fd)
{
	int r = line_channel_create(&self->channel, self->supervisor->event, fd, &limits,
		&channel_events, self);

	if (r < 0)
		close(fd);
	return r;
}

/* What only our own host has: the channel and the sockets. */
static int open_channel(struct host_process *self, struct spawn *spawn, int *ret_theirs)
{
	struct supervisor *supervisor = self->supervisor;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	r = use_channel(self, pair[0]);
	if (r < 0) {
		close(pair[1]);
		return r;
	}
	keeper_keep(supervisor->handover.keeper, CHANNEL, pair[0]);
	*ret_theirs = pair[1];
	spawn_map(spawn, *ret_theirs, HOST_CONTROL_FD);
	for (size_t i = 0; i < supervisor->listen.n; i++)
		spawn_map(spawn, supervisor->listen.fds[i], HOST_LISTEN_FD + (int)i);
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
	struct host_arguments arguments = { 0 };
	struct spawn spawn = { .argv = arguments.argv, .directory = is_ours ? "/" : NULL };
	int r;

	config_fd = host_process_make_stdin(supervisor);
	if (config_fd < 0)
		return config_fd;
	program = program_path(supervisor);
	if (!program)
		return -ENOMEM;
	self->program = identify(program);
	r = supervisor_make_env(supervisor, &env);
	if (r == 0 && is_ours)
		r = spawn_env_set(&env, "AFAR_LOG_BARE", "1");
	if (r == 0)
		r = host_arguments_init(&arguments, supervisor,
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
	host_arguments_finish(&arguments);
	return r;
}

static int limit_ready(struct host_process *self)
{
	return limit_start(&self->ready_limit, self->supervisor->event, READY_LIMIT_USEC,
		handle_ready_limit, self);
}

int host_process_start(struct supervisor *supervisor, char *text, size_t size)
{
	struct host_process *self = supervisor->host;
	int r;

	r = start(self, NULL);
	/* The vendor's host is ready once its directory has answered, however long that takes. */
	if (r == 0 && supervisor->flavour->host_is_ours)
		r = limit_ready(self);
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
	handover_touch(self->supervisor);
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
	if (sender == self->child.pid && !self->is_offline_page)
		is_ready(self);
}

json_t *host_process_save(const struct supervisor *supervisor)
{
	const struct host_process *self = supervisor->host;

	return json_pack("{s:b, s:i, s:I, s:I, s:I}", "offline_page", self->is_offline_page,
		"renewal", (int)self->renewal, "device", self->program.device, "inode",
		self->program.inode, "mtime_nsec", self->program.mtime_nsec);
}

void host_process_want_new(struct host_process *self, bool now)
{
	self->renewal = now ? RENEWAL_NOW : RENEWAL_UNSEEN;
}

static void adopt_program(struct host_process *self, const json_t *from)
{
	json_int_t renewal = record_integer(from, "renewal", RENEWAL_NONE);

	self->program = (struct program_id){ record_integer(from, "device", 0),
		record_integer(from, "inode", 0), record_integer(from, "mtime_nsec", 0) };
	if (renewal == RENEWAL_NONE || !is_outdated(self))
		return;
	self->renewal = RENEWAL_UNSEEN;
	if (renewal == RENEWAL_NOW || !json_array_size(self->supervisor->viewers))
		renew(self);
}

void host_process_adopt(struct supervisor *supervisor, const json_t *from)
{
	struct control_message message = { .type = CONTROL_TAKEN_OVER };
	struct host_process *self = supervisor->host;
	int fd = keeper_take(supervisor->handover.keeper, CHANNEL);

	self->is_offline_page = record_bool(from, "offline_page", false);
	if (!self->child.pid || !supervisor->flavour->host_is_ours) {
		fd_close(fd);
		json_decref(supervisor->viewers);
		supervisor->viewers = NULL;
		return;
	}
	if (fd < 0 || use_channel(self, fd) < 0) {
		child_stop(&self->child); /* a host that hears nobody is of no use */
		return;
	}
	if (supervisor->policy.entries[POLICY_HOST].state == COMPONENT_STARTING) {
		self->is_taken_over = true;
		limit_ready(self);
	} else if (!self->is_offline_page) {
		watchdog_host_is_ready(supervisor->watchdog);
	}
	adopt_program(self, from);
	/* What our predecessor began to say may lack its end. */
	line_channel_send(self->channel, "\n", 1);
	host_process_send(self, &message);
	/* That there is none it knows, or is about to see. */
	if (display_name(supervisor->display))
		host_process_send_display(self);
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
	if (r == -ENOBUFS)
		watchdog_want_host(self->supervisor->watchdog);
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
		watchdog_want_host(self->supervisor->watchdog);
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
