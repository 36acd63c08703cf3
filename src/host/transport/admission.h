/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Counts the connections that nobody signed in on yet, in all and for each
 * source, and says which one has to go when there is no room: a flood of
 * silent connections must never keep a newcomer out. Pure; the clock is the
 * caller's.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/list.h"

#define ADMISSION_MAX 100
/* Loopback is one source with many users behind it: only ADMISSION_MAX holds there. */
#define ADMISSION_SOURCE_MAX 32
#define ADMISSION_REQUEST_USEC (10 * USEC_PER_SEC)

/* In the order in which they have to go. */
enum visitor_stage {
	VISITOR_SILENT,	  /* not a byte yet */
	VISITOR_IDLE,	  /* had its answer, may ask again */
	VISITOR_ASKING,	  /* a request has begun */
	VISITOR_UPGRADED, /* speaks the stream's protocol, not signed in */
};

/* Embedded in what the transport keeps of a connection. */
struct visitor {
	struct list link; /* an unlinked ring once it has left */
	enum visitor_stage stage;
	uint64_t source;
	usec_t deadline; /* for its first request; USEC_NEVER once it was complete */
};

struct admission {
	struct list visitors; /* oldest first */
	size_t n;
};

/* The network that counts as one source: an IPv4 address, an IPv6 /64, all of loopback. */
uint64_t admission_source(const struct sockaddr_in6 *address);

/* @address: AF_INET or AF_INET6; the text without port, an IPv4-mapped one as IPv4. */
void admission_source_text(const struct sockaddr_in6 *address, char *text, size_t size);

void admission_init(struct admission *self);

/* The one that has to go before a newcomer from @source may enter; NULL: there is room. */
struct visitor *admission_victim(struct admission *self, uint64_t source);

/* The first one that has to go when a resource runs out; NULL: there is none. */
struct visitor *admission_any_victim(struct admission *self);

void admission_enter(
	struct admission *self, struct visitor *visitor, uint64_t source, usec_t now);

/* Safe on one that left already. */
void admission_leave(struct admission *self, struct visitor *visitor);

/* The earliest deadline; USEC_NEVER when there is none. */
usec_t admission_deadline(const struct admission *self);

/* One whose deadline has passed; NULL when there is none. */
struct visitor *admission_late(struct admission *self, usec_t now);
