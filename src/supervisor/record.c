/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/record.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "wire/text.h"

/* Never changed: supervisors of all versions find each other's by them. */
static const char *const component_keys[POLICY_N_COMPONENTS] = {
	[POLICY_HOST] = "host",
	[POLICY_CRASH_UPLOADER] = "crash-uploader",
	[POLICY_SESSION] = "session",
	[POLICY_PRE_SESSION] = "pre-session",
	[POLICY_AUDIO] = "audio",
	[POLICY_DISPLAY] = "display",
	[POLICY_BUS] = "bus",
};

const char *record_component(enum policy_component component)
{
	return component_keys[component];
}

json_int_t record_integer(const json_t *object, const char *key, json_int_t fallback)
{
	const json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool record_bool(const json_t *object, const char *key, bool fallback)
{
	const json_t *value = json_object_get(object, key);

	return json_is_boolean(value) ? json_is_true(value) : fallback;
}

const char *record_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* One between @min and @max, or @fallback. */
static json_int_t bounded(
	const json_t *object, const char *key, json_int_t min, json_int_t max, json_int_t fallback)
{
	json_int_t value = record_integer(object, key, fallback);

	return value >= min && value <= max ? value : fallback;
}

/* A time that is over: a wrong one must not make anybody wait for ever. */
static usec_t past(const json_t *object, const char *key, usec_t now)
{
	return (usec_t)bounded(object, key, 0, (json_int_t)now, (json_int_t)now);
}

static usec_t any_time(const json_t *object, const char *key)
{
	return (usec_t)record_integer(object, key, 0);
}

static json_t *record_entry(const struct policy_entry *self)
{
	const struct relaunch *relaunch = &self->relaunch;

	return json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:I}", "state", (int)self->state,
		"next_try", (json_int_t)self->next_try, "since", (json_int_t)self->since,
		"n_starts", (json_int_t)self->n_starts, "started", (json_int_t)relaunch->started,
		"earliest", (json_int_t)relaunch->earliest, "n_short",
		(json_int_t)relaunch->n_short);
}

json_t *record_policy(const struct policy *self)
{
	json_t *entries = json_object();

	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		if (json_object_set_new(
			    entries, component_keys[c], record_entry(&self->entries[c]))
			< 0) {
			json_decref(entries);
			return NULL;
		}
	}
	return json_pack("{s:I, s:b, s:b, s:b, s:b, s:i, s:I, s:i, s:o}", "unsettled",
		(json_int_t)self->unsettled, "blamed_display", self->blamed_display, "was_ready",
		self->was_ready, "ending", self->ending, "stopping", self->stopping,
		"exit_status", self->exit_status, "since", (json_int_t)self->since, "state",
		(int)self->state, "entries", entries);
}

static void read_entry(struct policy_entry *self, const json_t *from, usec_t now)
{
	if (!json_is_object(from))
		return;
	self->state = (enum component_state)bounded(
		from, "state", COMPONENT_OFF, COMPONENT_FAILED, COMPONENT_WAITING);
	self->next_try = any_time(from, "next_try");
	self->since = past(from, "since", now);
	self->n_starts = (unsigned)bounded(from, "n_starts", 0, UINT_MAX, 0);
	self->relaunch.started = past(from, "started", now);
	self->relaunch.earliest = any_time(from, "earliest");
	self->relaunch.n_short = (unsigned)bounded(from, "n_short", 0, UINT_MAX, 0);
}

void record_read_policy(struct policy *self, const json_t *from, usec_t now)
{
	const json_t *entries = json_object_get(from, "entries");

	if (!json_is_object(from))
		return;
	for (int c = 0; c < POLICY_N_COMPONENTS; c++)
		read_entry(&self->entries[c], json_object_get(entries, component_keys[c]), now);
	self->blamed_display = record_bool(from, "blamed_display", false);
	self->was_ready = record_bool(from, "was_ready", false);
	self->ending = record_bool(from, "ending", false);
	self->stopping = record_bool(from, "stopping", false);
	self->exit_status = (int)bounded(from, "exit_status", 0, 255, 1);
	self->since = past(from, "since", now);
	self->state = (enum status_state)bounded(
		from, "state", STATUS_STARTING, STATUS_STOPPED, STATUS_STARTING);
}

static int add_tokens(json_t *list, const struct token_entry *entries, size_t n, bool is_link)
{
	for (size_t i = 0; i < n; i++) {
		if (!entries[i].hash[0])
			continue;
		if (json_array_append_new(list,
			    json_pack("{s:s, s:I, s:b}", "hash", entries[i].hash, "until",
				    (json_int_t)entries[i].until, "link", is_link))
			< 0)
			return -1;
	}
	return 0;
}

json_t *record_tokens(const struct tokens *self)
{
	json_t *list = json_array();

	if (add_tokens(list, self->links, TOKENS_N_LINKS, true) < 0
		|| add_tokens(list, self->resumes, TOKENS_N_RESUMES, false) < 0) {
		json_decref(list);
		return NULL;
	}
	return list;
}

void record_read_tokens(struct tokens *self, const json_t *from)
{
	json_t *item;
	size_t i;

	json_array_foreach(from, i, item)
	{
		const char *hash = record_text(item, "hash");
		usec_t until = any_time(item, "until");

		if (record_bool(item, "link", false) && until >= TOKENS_LINK_USEC)
			tokens_add_link(self, hash, until - TOKENS_LINK_USEC);
		else if (until >= TOKENS_RESUME_USEC)
			tokens_add_resume(self, hash, until - TOKENS_RESUME_USEC);
	}
}

static json_t *record_bucket(const char *source, const struct attempts_bucket *self)
{
	return json_pack("{s:s, s:I, s:I}", "source", source, "credit", (json_int_t)self->credit,
		"at", (json_int_t)self->at);
}

json_t *record_attempts(const struct attempts *self)
{
	json_t *list = json_array();

	if (json_array_append_new(list, record_bucket("", &self->all)) < 0)
		goto fail;
	for (size_t i = 0; i < ATTEMPTS_N_SOURCES; i++) {
		if (self->sources[i].source[0]
			&& json_array_append_new(list, record_bucket(self->sources[i].source,
							       &self->sources[i].bucket))
				< 0)
			goto fail;
	}
	return list;
fail:
	json_decref(list);
	return NULL;
}

static void read_bucket(struct attempts_bucket *self, const json_t *from, usec_t now)
{
	/* More than a full one is cut at its next use. */
	self->credit = (usec_t)bounded(from, "credit", 0, 3600 * (json_int_t)USEC_PER_SEC, 0);
	self->at = past(from, "at", now);
}

void record_read_attempts(struct attempts *self, const json_t *from, usec_t now)
{
	size_t i, n = 0;
	json_t *item;

	json_array_foreach(from, i, item)
	{
		const char *source = record_text(item, "source");

		if (!source[0]) {
			read_bucket(&self->all, item, now);
		} else if (n < ATTEMPTS_N_SOURCES && strlen(source) < sizeof(self->sources[0].source)) {
			snprintf(self->sources[n].source, sizeof(self->sources[n].source), "%s", source);
			read_bucket(&self->sources[n++].bucket, item, now);
		}
	}
}

json_t *record_end(const struct status_end *self)
{
	json_t *tail = json_array();

	for (unsigned i = 0; i < self->n_log_tail; i++) {
		if (json_array_append_new(tail, text_to_json(self->log_tail[i])) < 0) {
			json_decref(tail);
			return NULL;
		}
	}
	return json_pack("{s:b, s:b, s:i, s:I, s:o, s:o}", "known", self->known, "by_signal",
		self->by_signal, "number", self->number, "at", (json_int_t)self->at, "text",
		text_to_json(self->text), "log_tail", tail);
}

void record_read_end(struct status_end *self, const json_t *from)
{
	json_t *line;
	size_t i;

	if (!json_is_object(from))
		return;
	*self = (struct status_end){
		.known = record_bool(from, "known", false),
		.by_signal = record_bool(from, "by_signal", false),
		.number = (int)bounded(from, "number", 0, INT_MAX, 0),
		.at = any_time(from, "at"),
	};
	snprintf(self->text, sizeof(self->text), "%s", record_text(from, "text"));
	json_array_foreach(json_object_get(from, "log_tail"), i, line)
	{
		if (i == STATUS_LOG_TAIL_LINES)
			break;
		snprintf(self->log_tail[i], STATUS_LOG_LINE_MAX, "%s",
			json_is_string(line) ? json_string_value(line) : "");
		self->n_log_tail = (unsigned)i + 1;
	}
}

static json_t *record_past_end(const struct status_past_end *self)
{
	return json_pack("{s:I, s:i, s:i, s:b, s:b, s:b, s:o}", "at", (json_int_t)self->at, "pid",
		(int)self->pid, "number", self->number, "by_signal", self->by_signal, "core",
		self->core, "asked", self->asked, "text", text_to_json(self->text));
}

/* Oldest first. */
json_t *record_ends(const struct status_ends *self)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < self->n; i++) {
		unsigned at = (self->next + STATUS_N_ENDS - self->n + i) % STATUS_N_ENDS;

		if (json_array_append_new(list, record_past_end(&self->ring[at])) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

void record_read_ends(struct status_ends *self, const json_t *from)
{
	json_t *item;
	size_t i;

	json_array_foreach(from, i, item)
	{
		struct status_past_end end = {
			.at = any_time(item, "at"),
			.pid = (pid_t)bounded(item, "pid", 0, INT_MAX, 0),
			.number = (int)bounded(item, "number", 0, INT_MAX, 0),
			.by_signal = record_bool(item, "by_signal", false),
			.core = record_bool(item, "core", false),
			.asked = record_bool(item, "asked", false),
		};

		snprintf(end.text, sizeof(end.text), "%s", record_text(item, "text"));
		status_ends_add(self, &end);
	}
}
