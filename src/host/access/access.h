/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Who may come in: one-time links, the PIN, resume tokens (docs/protocol.md,
 * SIGN_IN). Limits and the hashes of tokens live in the supervisor, so that a
 * crash of the host neither resets a limit nor signs anybody out; this module
 * asks it, verifies PINs in a worker (Argon2id, one at a time) and makes
 * tokens.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "wire/control.h"

/* A PIN that is longer is wrong. */
#define ACCESS_PIN_MAX 64

struct access;
struct access_try;

struct access_outcome {
	bool ok;
	const char *reason;   /* of REFUSED; NULL when ok */
	uint32_t retry_after; /* seconds */
	char resume[CONTROL_TOKEN_SIZE]; /* when ok: a fresh resume token, or the one that was shown */
	uint32_t resume_seconds;
};

typedef void (*access_done_fn)(void *data, const struct access_outcome *outcome);

/**
 * access_try() - check one way in
 * @secret: link or resume token, or PIN; copied, wiped when done
 * @done:   called once, from the loop and never from within, unless cancelled
 *
 * Returns a handle that is valid until @done; NULL when out of memory or too many wait.
 */
struct access_try *access_try(struct access *self, enum control_kind kind, const char *secret,
	const char *source, access_done_fn done, void *data);

/* Takes NULL. */
void access_try_cancel(struct access_try *self);

/* To the supervisor; negative errno when it is not there or does not read. */
typedef int (*access_send_fn)(void *data, const struct control_message *message);

/**
 * access_create() - start the worker
 * @send: how messages reach the supervisor
 *
 * Returns 0 or negative errno.
 */
int access_create(struct access **ret, sd_event *event, access_send_fn send, void *data);

/* The PIN's Argon2id hash, copied; NULL: nobody comes in by PIN. -ENOMEM. */
int access_set_pin_hash(struct access *self, const char *pin_hash);

/* The supervisor answered an attempt. */
void access_handle_verdict(struct access *self, const struct control_message *verdict);

/* The supervisor wants a one-time link: answered at once. */
void access_handle_make_link(struct access *self, uint32_t id);

/* Another supervisor has taken over: it is asked what the last one did not answer. */
void access_handle_takeover(struct access *self);

/* The supervisor is gone, or its answer is: whoever waits for its answer is refused. */
void access_handle_end(struct access *self);

/* All tries must be done or cancelled. Takes NULL. */
void access_destroy(struct access *self);
