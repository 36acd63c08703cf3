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
#include "supervisor/takeover.h"

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
	if (dup2(fd, fd_within_limit(REPORT_FD)) >= 0)
		self->report_is_kept = true;
	close(fd);
}

int handover_open(struct handover *self)
{
	int r, fd;

	*self = (struct handover){ 0 };
	fd = fd_within_limit(KEEPER_FD);
	if (!fd_is_open(fd))
		return 0;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	r = keeper_open(&self->keeper, fd);
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
		object = put(object, record_component(c), save_component(&supervisor->components[c]));
	return object;
}

static json_t *save_parts(const struct supervisor *supervisor)
{
	json_t *object = json_object();

	for (int c = 0; c < POLICY_N_COMPONENTS && object; c++) {
		if (component_rules[c].save)
			object = put(object, record_component(c), component_rules[c].save(supervisor));
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

static json_t *save_outputs(struct supervisor *supervisor)
{
	struct outlog_stream *streams[POLICY_N_COMPONENTS];

	supervisor_list_outputs(supervisor, streams);
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

int handover_begin(struct supervisor *supervisor)
{
	struct handover *self = &supervisor->handover;
	int r;

	if (!self->keeper)
		return 0;
	if (self->legacy) {
		takeover_adopt(supervisor);
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
	return keeper_listen(self->keeper, supervisor->event, &takeover_events, supervisor);
}

/* --- becoming another program --- */

static char *program_path(const struct supervisor *supervisor)
{
	return mem_printf("%s/afar-supervisor", supervisor->program_dir);
}

static void inherit(struct supervisor *supervisor, bool yes)
{
	fcntl(fd_within_limit(KEEPER_FD), F_SETFD, yes ? 0 : FD_CLOEXEC);
	if (supervisor->notify.fd >= 0)
		fcntl(supervisor->notify.fd, F_SETFD, yes ? 0 : FD_CLOEXEC);
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
