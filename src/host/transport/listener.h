/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Accepts on the listening sockets that the supervisor bound, and keeps each
 * newcomer until it says something, so that a silent one costs a descriptor
 * and a few hundred bytes and no parser ever hears of it.
 */

#include <stddef.h>
#include <systemd/sd-event.h>

#include "host/transport/admission.h"

struct listener;

struct newcomer {
	int fd; /* connected, non-blocking; taken */
	uint64_t source;
	usec_t deadline; /* by which its request must be complete */
	char address[64]; /* text, without port */
};

struct listener_events {
	/* A newcomer that said something. */
	void (*handle_newcomer)(void *data, const struct newcomer *newcomer);
	/* No room, or too late: ends a connection of the owner's, which is @visitor. */
	void (*drop)(void *data, struct visitor *visitor);
};

/**
 * listener_create() - accept from now on
 * @fds:    listening sockets; taken on success
 * @events: borrowed
 *
 * Returns 0 or negative errno.
 */
int listener_create(struct listener **ret, sd_event *event, const int *fds, size_t n_fds,
	const struct listener_events *events, void *data);

/* Where the owner's connections count, from handle_newcomer on. Its deadlines are kept here. */
struct admission *listener_admission(struct listener *self);

/* Deadlines changed: call after admission_enter() and after a visitor's deadline was set. */
void listener_arm(struct listener *self);

/* Closes the listening sockets and the silent newcomers. Takes NULL. */
void listener_destroy(struct listener *self);
