/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/transport/admission.h"

#include <arpa/inet.h>
#include <string.h>

#define SOURCE_LOOPBACK 0
/* Keeps IPv4 apart from every IPv6 /64 in use: an address of 2000::/3 never starts like this. */
#define SOURCE_IPV4 (UINT64_C(0xffff) << 32)

/* The IPv4 address in @address, if it is one, plain or mapped. */
static bool as_ipv4(const struct sockaddr_in6 *address, struct in_addr *ret)
{
	if (address->sin6_family == AF_INET) {
		*ret = ((const struct sockaddr_in *)(const void *)address)->sin_addr;
		return true;
	}
	if (!IN6_IS_ADDR_V4MAPPED(&address->sin6_addr))
		return false;
	memcpy(ret, address->sin6_addr.s6_addr + 12, sizeof(*ret));
	return true;
}

uint64_t admission_source(const struct sockaddr_in6 *address)
{
	struct in_addr ipv4;
	uint64_t network = 0;

	if (as_ipv4(address, &ipv4)) {
		uint32_t host = ntohl(ipv4.s_addr);

		return host >> 24 == 127 ? SOURCE_LOOPBACK : SOURCE_IPV4 | host;
	}
	if (IN6_IS_ADDR_LOOPBACK(&address->sin6_addr))
		return SOURCE_LOOPBACK;
	for (unsigned i = 0; i < sizeof(network); i++)
		network = network << 8 | address->sin6_addr.s6_addr[i];
	return network;
}

void admission_source_text(const struct sockaddr_in6 *address, char *text, size_t size)
{
	struct in_addr ipv4;
	const char *r;

	if (as_ipv4(address, &ipv4))
		r = inet_ntop(AF_INET, &ipv4, text, (socklen_t)size);
	else
		r = inet_ntop(AF_INET6, &address->sin6_addr, text, (socklen_t)size);
	if (!r)
		text[0] = '\0';
}

void admission_init(struct admission *self)
{
	list_init(&self->visitors);
	self->n = 0;
}

/* The oldest of those at the earliest stage; of @source alone, if there is one. */
static struct visitor *find_victim(struct admission *self, const uint64_t *source)
{
	struct visitor *victim = NULL;
	struct visitor *visitor;

	list_for_each(visitor, &self->visitors, link) {
		if (source && visitor->source != *source)
			continue;
		if (!victim || visitor->stage < victim->stage)
			victim = visitor;
	}
	return victim;
}

static size_t count_source(const struct admission *self, uint64_t source)
{
	const struct visitor *visitor;
	size_t n = 0;

	list_for_each(visitor, &self->visitors, link)
		n += visitor->source == source;
	return n;
}

struct visitor *admission_victim(struct admission *self, uint64_t source)
{
	if (source != SOURCE_LOOPBACK && count_source(self, source) >= ADMISSION_SOURCE_MAX)
		return find_victim(self, &source);
	return self->n >= ADMISSION_MAX ? find_victim(self, NULL) : NULL;
}

struct visitor *admission_any_victim(struct admission *self)
{
	return find_victim(self, NULL);
}

void admission_enter(
	struct admission *self, struct visitor *visitor, uint64_t source, usec_t now)
{
	*visitor = (struct visitor){
		.stage = VISITOR_SILENT,
		.source = source,
		.deadline = now + ADMISSION_REQUEST_USEC,
	};
	list_append(&self->visitors, &visitor->link);
	self->n++;
}

void admission_leave(struct admission *self, struct visitor *visitor)
{
	if (list_empty(&visitor->link))
		return;
	list_remove(&visitor->link);
	self->n--;
}

usec_t admission_deadline(const struct admission *self)
{
	usec_t earliest = USEC_NEVER;
	const struct visitor *visitor;

	list_for_each(visitor, &self->visitors, link) {
		if (visitor->deadline < earliest)
			earliest = visitor->deadline;
	}
	return earliest;
}

struct visitor *admission_late(struct admission *self, usec_t now)
{
	struct visitor *visitor;

	list_for_each(visitor, &self->visitors, link) {
		if (visitor->deadline <= now)
			return visitor;
	}
	return NULL;
}
