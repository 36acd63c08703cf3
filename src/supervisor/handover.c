/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/keeper-socket.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/notify-socket.h"
#include "base/report-fd.h"
#include "base/sys.h"
#include "supervisor/child.h"
#include "supervisor/host-process.h"
#include "supervisor/keeper.h"
#include "supervisor/record.h"
#include "supervisor/supervisor.h"

#define VERSION 1
#define STATE "state"
#define REPORT "report"
#define TEXT_MAX (1024 * 1024)

/* --- what a predecessor left --- */

/* Without it nothing can be taken over: then its children are strangers, and are ended. */
static int read_legacy(struct handover *self, int fd)
{
	CLEANUP(free) char *text = NULL;
	json_error_t error;
	size_t n;
	int r = slots_open(&self->slots, fd);

	if (r == 0)
		r = slots_read(&self->slots, &text, &n);
	if (r < 0)
		return r;
	self->legacy = json_loadb(text, n, 0, &error);
	if (!json_is_object(self->legacy) || record_integer(self->legacy, "version", 0) < 1) {
		json_decref(self->legacy);
		self->legacy = NULL;
		return -EBADMSG;
	}
	return 0;
}

static void take_report(struct handover *self)
{
	int fd = keeper_take(self->keeper, REPORT);

	if (fd < 0)
		return;
	if (dup2(fd, REPORT_FD) >= 0)
		self->report_is_kept = true;
	close(fd);
}

int handover_open(struct handover *self)
{
	int r, fd;

	*self = (struct handover){ 0 };
	if (!fd_is_open(KEEPER_FD))
		return 0;
	fcntl(KEEPER_FD, F_SETFD, FD_CLOEXEC);
	r = keeper_open(&self->keeper, KEEPER_FD);
	if (r < 0)
		return r;
	take_report(self);
	fd = keeper_take(self->keeper, STATE);
	r = fd < 0 ? -ENODATA : read_legacy(self, fd);
	if (r == 0 || !keeper_n_deaths(self->keeper))
		return 0;
	if (fd >= 0)
		log_error("what the last supervisor knew cannot be read, its desktop is ended: %s",
			strerror(-r));
	slots_finish(&self->slots);
	self->report_is_kept = false;
	return keeper_drop_all(self->keeper);
}

json_t *handover_legacy(const struct handover *self, const char *key)
{
	return json_object_get(self->legacy, key);
}

json_t *handover_part(const struct handover *self, const char *name)
{
	return json_object_get(handover_legacy(self, "parts"), name);
}

void handover_keep_text(struct handover *self, const char *name, const char *text, size_t n)
{
	CLEANUP(close) int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd >= 0 && sys_write_all(fd, text, n) == 0)
		keeper_keep(self->keeper, name, fd);
}

int handover_take_text(struct handover *self, const char *name, char **ret, size_t *ret_n)
{
	CLEANUP(close) int fd = keeper_take(self->keeper, name);

	if (fd < 0)
		return -ENOENT;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return sys_read_fd(fd, TEXT_MAX, ret, ret_n);
}

/* --- writing it down --- */

/* By names that never change: the keys of "components" and "parts". */
static const char *const names[POLICY_N_COMPONENTS] = {
	[POLICY_HOST] = "host",
	[POLICY_CRASH_UPLOADER] = "crash-uploader",
	[POLICY_SESSION] = "session",
	[POLICY_PRE_SESSION] = "pre-session",
	[POLICY_AUDIO] = "audio",
	[POLICY_DISPLAY] = "display",
	[POLICY_BUS] = "bus",
};

static json_t *save_component(const struct component *self)
{
	return json_pack("{s:o, s:o, s:i, s:I, s:i, s:I, s:I}", "last_end",
		record_end(&self->last_end), "ends", record_ends(&self->ends), "pid",
		(int)self->output.pid,
		"since", (json_int_t)self->since_wall, "published", (int)self->published,
		"next_try_wall", (json_int_t)self->next_try_wall, "next_try",
		(json_int_t)self->next_try);
}

/* Adds a new value; NULL, for the whole, when there is none or no memory for it. */
static json_t *put(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) == 0)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *append(json_t *list, json_t *value)
{
	if (json_array_append_new(list, value) == 0)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *save_components(const struct supervisor *supervisor)
{
	json_t *object = json_object();

	for (int c = 0; c < POLICY_N_COMPONENTS && object; c++)
		object = put(object, names[c], save_component(&supervisor->components[c]));
	return object;
}

static json_t *save_parts(const struct supervisor *supervisor)
{
	json_t *object = json_object();

	for (int c = 0; c < POLICY_N_COMPONENTS && object; c++) {
		if (component_rules[c].save)
			object = put(object, names[c], component_rules[c].save(supervisor));
	}
	return object;
}

static json_t *save_children(const struct supervisor *supervisor)
{
	json_t *list = json_array();
	const struct child *child;

	list_for_each(child, &supervisor->family.children, link)
	{
		if (child->pid && list)
			list = append(list,
				json_pack("{s:s, s:i, s:I, s:I}", "name", child->name, "pid",
					(int)child->pid, "start_time",
					(json_int_t)child->start_time, "run",
					(json_int_t)child->run));
	}
	return list;
}

static json_t *save_listen(const struct listen_set *self)
{
	json_t *list = json_array();

	for (size_t i = 0; i < self->n && list; i++)
		list = append(list, json_string(self->names[i]));
	return json_pack("{s:i, s:o}", "port", (int)self->port, "names", list);
}

static void list_streams(struct supervisor *supervisor, struct outlog_stream **ret)
{
	for (int c = 0; c < POLICY_N_COMPONENTS; c++)
		ret[c] = &supervisor->components[c].output;
}

static json_t *save_outputs(struct supervisor *supervisor)
{
	struct outlog_stream *streams[POLICY_N_COMPONENTS];

	list_streams(supervisor, streams);
	return outlog_save(supervisor->log, streams, POLICY_N_COMPONENTS);
}

static json_t *save_report(const struct supervisor *supervisor)
{
	return json_pack("{s:i, s:I, s:I, s:b, s:b}", "told", (int)supervisor->told, "n_failures",
		(json_int_t)supervisor->n_failures_told, "wake",
		(json_int_t)supervisor->wake_told, "end", supervisor->end_told, "manager_knows",
		supervisor->notify.is_ready);
}

/* NULL when out of memory: json_pack() passes the failure of any part on. */
static json_t *make_document(struct supervisor *supervisor)
{
	return json_pack(
		"{s:i, s:o, s:o, s:o, s:I, s:o, s:O?, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:O?}",
		"version", VERSION, "policy", record_policy(&supervisor->policy), "components",
		save_components(supervisor), "children", save_children(supervisor), "last_run",
		(json_int_t)supervisor->family.last_run, "parts", save_parts(supervisor), "config",
		supervisor->config, "listen", save_listen(&supervisor->listen), "tokens",
		record_tokens(&supervisor->tokens), "attempts",
		record_attempts(&supervisor->attempts), "outputs", save_outputs(supervisor),
		"report", save_report(supervisor), "since", (json_int_t)supervisor->since,
		"since_wall", (json_int_t)supervisor->since_wall, "viewers", supervisor->viewers);
}

static int write_document(struct supervisor *supervisor)
{
	json_t *document = make_document(supervisor);
	char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;
	int r = -ENOMEM;

	json_decref(document);
	if (text) {
		r = slots_write(&supervisor->handover.slots, text, strlen(text));
		explicit_bzero(text, strlen(text)); /* it has the host's key */
		free(text);
	}
	return r;
}

/* Whoever waits for a start would wait for the guard's copy, too. */
void handover_keep_report(struct supervisor *supervisor)
{
	struct handover *self = &supervisor->handover;
	bool is_awaited = report_is_awaited(&supervisor->report);

	if (is_awaited && !self->report_is_kept)
		keeper_keep(self->keeper, REPORT, supervisor->report.fd);
	else if (!is_awaited && self->report_is_kept)
		keeper_drop(self->keeper, REPORT);
	self->report_is_kept = is_awaited;
}

static void save(struct supervisor *supervisor)
{
	struct handover *self = &supervisor->handover;
	int r;

	handover_keep_report(supervisor);
	r = write_document(supervisor);
	if (r < 0 && !self->has_failed)
		log_error("what a next supervisor has to know cannot be written down: %s",
			strerror(-r));
	self->has_failed = r < 0;
	self->is_dirty = r < 0;
}

static int handle_post(sd_event_source *source, void *data)
{
	struct supervisor *supervisor = data;

	(void)source;
	if (supervisor->handover.is_dirty)
		save(supervisor);
	return 0;
}

void handover_touch(struct supervisor *supervisor)
{
	supervisor->handover.is_dirty = true;
}

/* --- taking over --- */

static void adopt_component(struct component *self, const json_t *from)
{
	if (!json_is_object(from))
		return;
	record_read_end(&self->last_end, json_object_get(from, "last_end"));
	record_read_ends(&self->ends, json_object_get(from, "ends"));
	self->output.pid = (pid_t)record_integer(from, "pid", 0);
	self->since_wall = (usec_t)record_integer(from, "since", 0);
	self->published = (enum component_state)record_integer(from, "published", 0);
	self->next_try_wall = (usec_t)record_integer(from, "next_try_wall", 0);
	self->next_try = (usec_t)record_integer(from, "next_try", 0);
}

static void adopt_report(struct supervisor *supervisor)
{
	const json_t *from = handover_legacy(&supervisor->handover, "report");

	supervisor->told = (enum status_state)record_integer(from, "told", STATUS_STARTING);
	supervisor->n_failures_told = (unsigned)record_integer(from, "n_failures", 0);
	supervisor->wake_told = (usec_t)record_integer(from, "wake", 0);
	supervisor->end_told = record_bool(from, "end", false);
	if (record_bool(from, "manager_knows", false))
		notify_is_known_ready(&supervisor->notify);
}

/* It may have ended since the guard told us of all that had; the guard knows. */
static int adopt_process(struct keeper *keeper, struct child *child, pid_t pid, uint64_t start_time,
	uint64_t run)
{
	int r = child_adopt(child, pid, start_time, run, keeper_has_end(keeper, pid));

	if (r == -ESRCH && keeper_refresh(keeper) == 0 && keeper_has_end(keeper, pid))
		r = child_adopt(child, pid, start_time, run, true);
	return r;
}

static void adopt_child(struct supervisor *supervisor, const json_t *from)
{
	struct handover *self = &supervisor->handover;
	struct child *child = family_find_name(&supervisor->family, record_text(from, "name"));
	json_int_t pid = record_integer(from, "pid", 0);
	uint64_t start_time = (uint64_t)record_integer(from, "start_time", 0);
	uint64_t run = (uint64_t)record_integer(from, "run", 0);
	int r;

	if (!child || child->pid || pid <= 1 || pid > INT32_MAX)
		return;
	r = adopt_process(self->keeper, child, (pid_t)pid, start_time, run);
	if (r < 0)
		log_warning("%s (process %d) ended while its supervisor was being replaced",
			child->name, (int)pid);
}

static void adopt_all_children(struct supervisor *supervisor)
{
	json_t *item;
	size_t i;

	json_array_foreach(handover_legacy(&supervisor->handover, "children"), i, item)
		adopt_child(supervisor, item);
	supervisor->family.last_run =
		(uint64_t)record_integer(supervisor->handover.legacy, "last_run", 0);
}

/* Parts whose state says that they run, and the processes that do. */
static void adopt_parts(struct supervisor *supervisor)
{
	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		if (component_rules[c].adopt)
			component_rules[c].adopt(
				supervisor, handover_part(&supervisor->handover, names[c]));
	}
}

static policy_set with_process(const struct supervisor *supervisor)
{
	policy_set set = 0;

	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		if (component_rules[c].pid(supervisor))
			set |= POLICY_BIT(c);
	}
	return set;
}

static void stop_again(struct supervisor *supervisor)
{
	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		if (supervisor->policy.entries[c].state == COMPONENT_STOPPING)
			component_rules[c].stop(supervisor);
	}
}

static void adopt(struct supervisor *supervisor)
{
	struct handover *self = &supervisor->handover;
	struct outlog_stream *streams[POLICY_N_COMPONENTS];
	usec_t now = clock_now();
	policy_set lost;

	adopt_all_children(supervisor);
	family_end_unknown(&supervisor->family, supervisor->family.last_run);
	list_streams(supervisor, streams);
	outlog_adopt(supervisor->log, streams, POLICY_N_COMPONENTS,
		handover_legacy(self, "outputs"));
	record_read_policy(&supervisor->policy, handover_legacy(self, "policy"), now);
	for (int c = 0; c < POLICY_N_COMPONENTS; c++)
		adopt_component(&supervisor->components[c],
			json_object_get(handover_legacy(self, "components"), names[c]));
	record_read_tokens(&supervisor->tokens, handover_legacy(self, "tokens"));
	record_read_attempts(&supervisor->attempts, handover_legacy(self, "attempts"), now);
	supervisor->since = (usec_t)record_integer(self->legacy, "since", 0);
	supervisor->since_wall = (usec_t)record_integer(self->legacy, "since_wall", 0);
	if (json_is_array(handover_legacy(self, "viewers")))
		supervisor->viewers = json_incref(handover_legacy(self, "viewers"));
	adopt_report(supervisor);
	if (supervisor->settings.display == SETTINGS_DISPLAY_ATTACH)
		policy_forget(&supervisor->policy, POLICY_DISPLAY, now);
	lost = policy_adopt(&supervisor->policy, with_process(supervisor), now);
	adopt_parts(supervisor);
	stop_again(supervisor);
	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		if (lost & POLICY_BIT(c))
			supervisor_child_lost(supervisor, c);
	}
	log_info("the desktop was taken over; supervisors have died %d times",
		keeper_n_deaths(self->keeper));
}

static void handle_ended(void *data, pid_t pid, int status)
{
	struct supervisor *supervisor = data;
	struct child *child = family_find(&supervisor->family, pid);

	if (child && child->is_adopted)
		child_handle_end(child, status);
	else
		keeper_forget(supervisor->handover.keeper, pid);
}

static void handle_signalled(void *data, pid_t pid)
{
	struct supervisor *supervisor = data;

	host_process_handle_signal(supervisor->host, pid);
}

/* Started, and not written down before the end came. */
static void handle_known(void *data, pid_t pid)
{
	struct supervisor *supervisor = data;

	if (family_find(&supervisor->family, pid))
		return;
	kill(-pid, SIGKILL);
	keeper_forget(supervisor->handover.keeper, pid);
}

int handover_begin(struct supervisor *supervisor)
{
	static const struct keeper_events events = {
		.handle_ended = handle_ended,
		.handle_signalled = handle_signalled,
		.handle_known = handle_known,
	};
	struct handover *self = &supervisor->handover;
	int r;

	if (!self->keeper)
		return 0;
	if (self->legacy) {
		adopt(supervisor);
	} else {
		/* Of one whose knowledge cannot be read. */
		if (keeper_n_deaths(self->keeper))
			family_end_unknown(&supervisor->family, 0);
		r = slots_create(&self->slots);
		if (r < 0)
			return r;
		keeper_keep(self->keeper, STATE, self->slots.fd);
	}
	r = sd_event_add_post(supervisor->event, &self->post, handle_post, supervisor);
	if (r < 0)
		return r;
	save(supervisor);
	json_decref(self->legacy);
	self->legacy = NULL;
	return keeper_listen(self->keeper, supervisor->event, &events, supervisor);
}

static char *program_path(const struct supervisor *supervisor)
{
	return mem_printf("%s/afar-supervisor", supervisor->program_dir);
}

static void inherit(struct supervisor *supervisor, bool yes)
{
	fcntl(KEEPER_FD, F_SETFD, yes ? 0 : FD_CLOEXEC);
	if (supervisor->notify.fd >= 0)
		fcntl(NOTIFY_FD, F_SETFD, yes ? 0 : FD_CLOEXEC);
}

/* What is kept is asked for first: the new program finds it in its socket. Returns on failure only. */
static int become(struct supervisor *supervisor, const char *program)
{
	int r;

	save(supervisor);
	if (supervisor->handover.has_failed)
		return -ENOMEM;
	r = keeper_repeat(supervisor->handover.keeper);
	if (r < 0)
		return r;
	log_info("becoming the program that is installed now: %s", program);
	inherit(supervisor, true);
	execv(program, (char *const *)supervisor->argv);
	r = -errno;
	inherit(supervisor, false);
	keeper_up(supervisor->handover.keeper);
	return r;
}

static int handle_exec(sd_event_source *source, void *data)
{
	struct supervisor *supervisor = data;
	CLEANUP(free) char *program = program_path(supervisor);
	int r = program ? become(supervisor, program) : -ENOMEM;

	(void)source;
	supervisor->handover.exec = sd_event_source_unref(supervisor->handover.exec);
	log_error("the supervisor stays the program that it is: %s", strerror(-r));
	return 0;
}

int handover_prepare_exec(struct supervisor *supervisor, bool now)
{
	CLEANUP(free) char *program = program_path(supervisor);
	struct handover *self = &supervisor->handover;
	int r;

	if (!self->keeper)
		return -ENOTCONN;
	if (!program)
		return -ENOMEM;
	if (access(program, X_OK) < 0)
		return -errno;
	host_process_want_new(supervisor->host, now);
	if (self->exec)
		return 0;
	r = sd_event_add_defer(supervisor->event, &self->exec, handle_exec, supervisor);
	if (r >= 0)
		/* Before anybody else asks us anything. */
		r = sd_event_source_set_priority(self->exec, SD_EVENT_PRIORITY_IMPORTANT);
	return r < 0 ? r : 0;
}

void handover_finish(struct handover *self)
{
	self->post = sd_event_source_unref(self->post);
	self->exec = sd_event_source_unref(self->exec);
	json_decref(self->legacy);
	self->legacy = NULL;
	slots_finish(&self->slots);
	keeper_destroy(self->keeper);
	self->keeper = NULL;
}
