/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/access/access.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "host/access/token.h"
#include "host/access/verifier.h"

#define TRIES_MAX 32
#define RESUME_SECONDS (12 * 60 * 60)
/* When the supervisor is not there: it is back, if at all, within this time. */
#define BUSY_SECONDS 2

enum try_state {
	TRY_ASKED,     /* the supervisor's verdict is awaited */
	TRY_QUEUED,    /* a PIN that waits for the worker */
	TRY_VERIFYING, /* a PIN that the worker has */
	TRY_UNASKED,   /* the supervisor could not be asked: refused from the loop */
};

struct access_try {
	struct list link;
	struct access *access; /* borrowed */
	enum try_state state;
	uint32_t id;
	enum control_kind kind;
	uint32_t retry_after;
	access_done_fn done;
	void *data;
	char source[64];
	char secret[ACCESS_PIN_MAX]; /* a PIN or a token; longer ones are never right */
};

struct access {
	access_send_fn send;
	void *data;
	char *pin_hash;
	struct verifier *verifier;
	sd_event_source *unasked; /* runs once when there are some */
	struct list tries;
	unsigned n_tries;
	uint32_t next_id;
};

static void try_free(struct access_try *try)
{
	list_remove(&try->link);
	try->access->n_tries--;
	sodium_memzero(try, sizeof(*try));
	free(try);
}

static void finish(struct access_try *try, const struct access_outcome *outcome)
{
	access_done_fn done = try->done;
	void *data = try->data;

	try_free(try);
	done(data, outcome);
}

static void refuse(struct access_try *try, const char *reason, uint32_t retry_after)
{
	const struct access_outcome outcome = { .reason = reason, .retry_after = retry_after };

	finish(try, &outcome);
}

/* In by link or PIN: from now on a resume token does, which the supervisor has to know. */
static void admit_with_new_token(struct access_try *try)
{
	struct access *self = try->access;
	struct access_outcome outcome = { .ok = true, .resume_seconds = RESUME_SECONDS };
	struct control_message message = { .type = CONTROL_SIGNED_IN };
	int r;

	token_make(outcome.resume);
	token_hash(outcome.resume, message.hash);
	snprintf(message.source, sizeof(message.source), "%s", try->source);
	r = self->send(self->data, &message);
	if (r < 0)
		log_warning("a new sign-in will not outlast its connection: %s", strerror(-r));
	finish(try, &outcome);
	sodium_memzero(&outcome, sizeof(outcome));
}

static void admit_with_same_token(struct access_try *try)
{
	struct access_outcome outcome = { .ok = true, .resume_seconds = RESUME_SECONDS };

	snprintf(outcome.resume, sizeof(outcome.resume), "%.*s", CONTROL_TOKEN_SIZE - 1,
		try->secret);
	finish(try, &outcome);
	sodium_memzero(&outcome, sizeof(outcome));
}

static struct access_try *find(struct access *self, enum try_state state)
{
	struct access_try *try;

	list_for_each(try, &self->tries, link) {
		if (try->state == state)
			return try;
	}
	return NULL;
}

/* Gives the worker the next PIN, if it is free. */
static void verify_next(struct access *self)
{
	struct access_try *try;

	while (!verifier_is_busy(self->verifier) && (try = find(self, TRY_QUEUED))) {
		if (!self->pin_hash) {
			refuse(try, "pin", try->retry_after);
			continue;
		}
		try->state = TRY_VERIFYING;
		verifier_start(self->verifier, self->pin_hash, try->secret);
		sodium_memzero(try->secret, sizeof(try->secret));
	}
}

static void handle_verified(void *data, bool ok)
{
	struct access *self = data;
	struct access_try *try = find(self, TRY_VERIFYING); /* NULL: cancelled meanwhile */

	if (try && ok)
		admit_with_new_token(try);
	else if (try)
		refuse(try, "pin", try->retry_after);
	verify_next(self);
}

static struct access_try *find_asked(struct access *self, uint32_t id)
{
	struct access_try *try;

	list_for_each(try, &self->tries, link) {
		if (try->state == TRY_ASKED && try->id == id)
			return try;
	}
	return NULL;
}

void access_handle_verdict(struct access *self, const struct control_message *verdict)
{
	static const char *const reasons[] = {
		[CONTROL_KIND_LINK] = "link",
		[CONTROL_KIND_PIN] = "limit",
		[CONTROL_KIND_RESUME] = "resume",
	};
	struct access_try *try = find_asked(self, verdict->id);

	if (!try)
		return; /* cancelled meanwhile */
	if (!verdict->ok) {
		refuse(try, verdict->retry_after ? "limit" : reasons[try->kind],
			verdict->retry_after);
		return;
	}
	switch (try->kind) {
	case CONTROL_KIND_LINK:
		admit_with_new_token(try);
		break;
	case CONTROL_KIND_RESUME:
		admit_with_same_token(try);
		break;
	case CONTROL_KIND_PIN:
		try->state = TRY_QUEUED;
		try->retry_after = verdict->retry_after;
		verify_next(self);
		break;
	}
}

void access_handle_make_link(struct access *self, uint32_t id)
{
	struct control_message message = { .type = CONTROL_LINK, .id = id };
	int r;

	token_make(message.token);
	token_hash(message.token, message.hash);
	r = self->send(self->data, &message);
	if (r < 0)
		log_warning("cannot hand over a new link: %s", strerror(-r));
	sodium_memzero(&message, sizeof(message));
}

static int handle_unasked(sd_event_source *source, void *userdata)
{
	struct access *self = userdata;
	struct access_try *try;

	(void)source;
	while ((try = find(self, TRY_UNASKED)))
		refuse(try, "busy", BUSY_SECONDS);
	return 0;
}

void access_handle_end(struct access *self)
{
	struct access_try *try;

	list_for_each(try, &self->tries, link) {
		if (try->state == TRY_ASKED)
			try->state = TRY_UNASKED;
	}
	sd_event_source_set_enabled(self->unasked, SD_EVENT_ONESHOT);
}

static void ask(struct access_try *try, const char *secret)
{
	struct access *self = try->access;
	struct control_message message = {
		.type = CONTROL_ATTEMPT, .id = try->id, .kind = try->kind
	};

	snprintf(message.source, sizeof(message.source), "%s", try->source);
	if (try->kind != CONTROL_KIND_PIN)
		token_hash(secret, message.hash);
	if (self->send(self->data, &message) >= 0)
		return;
	try->state = TRY_UNASKED;
	sd_event_source_set_enabled(self->unasked, SD_EVENT_ONESHOT);
}

void access_handle_takeover(struct access *self)
{
	struct access_try *try;

	list_for_each(try, &self->tries, link) {
		if (try->state == TRY_ASKED)
			ask(try, try->secret);
	}
}

struct access_try *access_try(struct access *self, enum control_kind kind, const char *secret,
	const char *source, access_done_fn done, void *data)
{
	struct access_try *try;

	if (self->n_tries >= TRIES_MAX)
		return NULL;
	try = mem_new(struct access_try);
	if (!try)
		return NULL;
	*try = (struct access_try){
		.access = self, .id = self->next_id++, .kind = kind, .done = done, .data = data
	};
	/* Cut short, a secret that is too long would be right when its beginning is. */
	if (strlen(secret) < sizeof(try->secret))
		memcpy(try->secret, secret, strlen(secret) + 1);
	snprintf(try->source, sizeof(try->source), "%s", source);
	list_append(&self->tries, &try->link);
	self->n_tries++;
	ask(try, secret);
	return try;
}

void access_try_cancel(struct access_try *self)
{
	if (self)
		try_free(self);
}

int access_create(struct access **ret, sd_event *event, access_send_fn send, void *data)
{
	struct access *self;
	int r;

	if (sodium_init() < 0)
		return -EIO;
	self = mem_new(struct access);
	if (!self)
		return -ENOMEM;
	*self = (struct access){ .send = send, .data = data, .next_id = 1 };
	list_init(&self->tries);
	r = verifier_create(&self->verifier, event, handle_verified, self);
	if (r >= 0)
		r = sd_event_add_defer(event, &self->unasked, handle_unasked, self);
	if (r >= 0)
		r = sd_event_source_set_enabled(self->unasked, SD_EVENT_OFF);
	if (r < 0) {
		access_destroy(self);
		return r;
	}
	*ret = self;
	return 0;
}

int access_set_pin_hash(struct access *self, const char *pin_hash)
{
	char *copy = NULL;

	if (pin_hash) {
		copy = mem_dup(pin_hash, strlen(pin_hash));
		if (!copy)
			return -ENOMEM;
	}
	free(self->pin_hash);
	self->pin_hash = copy;
	return 0;
}

void access_destroy(struct access *self)
{
	if (!self)
		return;
	assert(list_empty(&self->tries));
	sd_event_source_disable_unref(self->unasked);
	verifier_destroy(self->verifier);
	free(self->pin_hash);
	free(self);
}
