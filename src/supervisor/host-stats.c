/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/host-stats.h"

#include <errno.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/proc.h"
#include "loop/limit.h"
#include "supervisor/display/display.h"
#include "supervisor/host-process.h"
#include "supervisor/supervisor.h"
#include "supervisor/watchdog.h"
#include "version.h"

#define N_WAITS 16
#define ANSWER_LIMIT_USEC (1 * USEC_PER_SEC)

#define NO_HOST "the host does not run, so that nothing is counted: see `afar status`"
#define NO_ANSWER                                                                              \
	"the host does not answer: see `afar status`; one that is older than the daemon is "   \
	"replaced by `afar reload --exec --now`"
#define LOST "the host has ended, or its answer made no sense: see `afar status`"
#define TOO_MANY "too many ask at once; try again"
#define NO_MEMORY "out of memory"

struct wait {
	void (*done)(void *data, json_t *document, const char *why); /* NULL: free */
	void *data;
};

struct host_stats {
	struct supervisor *supervisor; /* borrowed */
	struct limit limit;
	uint32_t id; /* of the question that was not answered yet; 0: there is none */
	uint32_t last_id;
	struct wait waits[N_WAITS];
};

/* @document: borrowed. Whoever is told may be gone then, with all that it asked. */
static void finish(struct host_stats *self, json_t *document, const char *why)
{
	limit_stop(&self->limit);
	self->id = 0;
	for (size_t i = 0; i < N_WAITS; i++) {
		struct wait wait = self->waits[i];

		self->waits[i] = (struct wait){ 0 };
		if (wait.done)
			wait.done(wait.data, json_incref(document), why);
	}
}

/* Of an X server that is not ours nothing is known. */
static json_t *display_cpu(const struct supervisor *supervisor)
{
	pid_t pid = display_pid(supervisor);
	struct proc_stat stat;

	if (!pid || proc_stat_read(pid, &stat) < 0)
		return json_null();
	return json_integer((json_int_t)stat.cpu_usec);
}

/* The host's part, and what it cannot know; its keys never replace ours. */
static json_t *make_document(const struct supervisor *supervisor, const json_t *body)
{
	char now[CLOCK_TEXT_MAX];
	json_t *document = json_pack("{si ss ss s{so sI}}", "schema", HOST_STATS_SCHEMA,
		"version", AFAR_VERSION, "now", clock_format(clock_wall(), now), "cpu",
		"display", display_cpu(supervisor), "supervisor", (json_int_t)clock_cpu());

	if (document && json_object_update_missing(document, (json_t *)body) < 0) {
		json_decref(document);
		return NULL;
	}
	return document;
}

void host_stats_handle_answer(struct host_stats *self, uint32_t id, const json_t *body)
{
	json_t *document;

	if (!self->id || id != self->id)
		return;
	document = make_document(self->supervisor, body);
	finish(self, document, NO_MEMORY);
	json_decref(document);
}

void host_stats_handle_loss(struct host_stats *self)
{
	if (self->id)
		finish(self, NULL, LOST);
}

static void handle_limit(void *data)
{
	finish(data, NULL, NO_ANSWER);
}

static void send_question(struct host_stats *self)
{
	struct supervisor *supervisor = self->supervisor;
	struct control_message message = { .type = CONTROL_TELL_STATS };
	int r;

	if (++self->last_id == 0)
		self->last_id = 1;
	message.id = self->id = self->last_id;
	r = limit_start(&self->limit, supervisor->event, ANSWER_LIMIT_USEC, handle_limit, self);
	if (r < 0) {
		finish(self, NULL, NO_MEMORY);
		return;
	}
	r = host_process_send(supervisor->host, &message);
	if (r < 0)
		finish(self, NULL, r == -ENOTCONN ? NO_HOST : NO_ANSWER);
	else
		watchdog_want_host(supervisor->watchdog);
}

void host_stats_ask(struct host_stats *self,
	void (*done)(void *data, json_t *document, const char *why), void *data)
{
	size_t i = 0;

	while (i < N_WAITS && self->waits[i].done)
		i++;
	if (i == N_WAITS) {
		done(data, NULL, TOO_MANY);
		return;
	}
	self->waits[i] = (struct wait){ done, data };
	if (!self->id)
		send_question(self);
}

void host_stats_forget(struct host_stats *self, const void *data)
{
	for (size_t i = 0; i < N_WAITS; i++) {
		if (self->waits[i].data == data)
			self->waits[i] = (struct wait){ 0 };
	}
}

int host_stats_create(struct host_stats **ret, struct supervisor *supervisor)
{
	struct host_stats *self = mem_new(struct host_stats);

	if (!self)
		return -ENOMEM;
	self->supervisor = supervisor;
	*ret = self;
	return 0;
}

void host_stats_destroy(struct host_stats *self)
{
	if (!self)
		return;
	limit_stop(&self->limit);
	free(self);
}
