/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A link of any kind between two network name spaces of its own: it delays, limits the rate,
 * queues up to a limit, and loses packets. Needs root.
 *
 *	relay ROUND-TRIP-MS LOSS-PERCENT KBIT QUEUE-BYTES
 *
 * 10.99.0.1 is in the first, 10.99.0.2 in the second, a tun device each; KBIT 0 is no limit. It
 * writes "ready A B": the name spaces are /proc/PID/fd/A and B. A line on stdin with four
 * such numbers changes the link, an empty one asks for "passed N lost N dropped N queued N":
 * packets of both ways, and the most bytes that have waited since it was last asked. It ends
 * with stdin. Without what it needs it ends with 77.
 *
 * The random numbers are the same in every run; which packet meets them is not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/sys.h"
#include "unit/random.h"

#define PACKET_MAX 2048
#define CANNOT_RUN 77

struct link {
	unsigned rtt_msec, loss_percent, kbit, queue;
};

struct packet {
	struct list link;
	usec_t at; /* it arrives */
	size_t n;
	uint8_t bytes[];
};

/* One way. */
struct way {
	int from, to;
	struct list packets;
	usec_t free; /* all that was taken has left for the other end by then */
};

struct relay {
	struct link link;
	struct random random;
	struct way ways[2];
	unsigned long passed, lost, dropped;
	uint64_t queued;
};

static void cannot(const char *what)
{
	fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
	exit(CANNOT_RUN);
}

static void set_address(struct ifreq *request, const char *text)
{
	struct sockaddr_in *address = (struct sockaddr_in *)&request->ifr_addr;

	*address = (struct sockaddr_in){ .sin_family = AF_INET };
	inet_pton(AF_INET, text, &address->sin_addr);
}

/* This process is in it from now on. Returns the descriptor of the device. */
static int make_end(const char *own, const char *peer, int *ret_space)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	CLEANUP(close) int control = -1;
	int device;

	if (unshare(CLONE_NEWNET) < 0)
		cannot("a network name space");
	*ret_space = sys_open("/proc/self/ns/net", O_RDONLY, 0);
	device = sys_open("/dev/net/tun", O_RDWR | O_NONBLOCK, 0);
	if (*ret_space < 0 || device < 0)
		cannot("/dev/net/tun");
	snprintf(request.ifr_name, sizeof(request.ifr_name), "link0");
	control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (control < 0 || ioctl(device, TUNSETIFF, &request) < 0)
		cannot("a tun device");
	set_address(&request, own);
	if (ioctl(control, SIOCSIFADDR, &request) < 0)
		cannot(own);
	set_address(&request, peer);
	if (ioctl(control, SIOCSIFDSTADDR, &request) < 0)
		cannot(peer);
	request.ifr_flags = IFF_UP | IFF_RUNNING | IFF_POINTOPOINT;
	if (ioctl(control, SIOCSIFFLAGS, &request) < 0)
		cannot("its device");
	return device;
}

static usec_t usec_for(const struct relay *self, size_t n)
{
	return self->link.kbit ? n * 8 * USEC_PER_MSEC / self->link.kbit : 0;
}

static void take(
	struct relay *self, struct way *way, const uint8_t *bytes, size_t n, usec_t now)
{
	usec_t begins = way->free > now ? way->free : now;
	uint64_t waiting = (begins - now) * self->link.kbit / 8 / USEC_PER_MSEC;
	struct packet *packet;

	if ((unsigned)random_below(&self->random, 100) < self->link.loss_percent) {
		self->lost++;
		return;
	}
	if (self->link.queue && waiting + n > self->link.queue) {
		self->dropped++;
		return;
	}
	if (waiting + n > self->queued)
		self->queued = waiting + n;
	packet = xalloc(1, sizeof(*packet) + n);
	way->free = begins + usec_for(self, n);
	packet->at = way->free + self->link.rtt_msec * USEC_PER_MSEC / 2;
	packet->n = n;
	memcpy(packet->bytes, bytes, n);
	list_append(&way->packets, &packet->link);
}

static void receive(struct relay *self, struct way *way)
{
	uint8_t bytes[PACKET_MAX];
	ssize_t n;

	while ((n = read(way->from, bytes, sizeof(bytes))) > 0)
		take(self, way, bytes, (size_t)n, clock_now());
}

/* Returns when the next one arrives. After a change to a shorter way none overtakes another. */
static usec_t deliver(struct relay *self, struct way *way)
{
	while (!list_empty(&way->packets)) {
		struct packet *packet = list_first(&way->packets, struct packet, link);

		if (packet->at > clock_now())
			return packet->at;
		if (write(way->to, packet->bytes, packet->n) < 0)
			self->dropped++;
		else
			self->passed++;
		list_remove(&packet->link);
		free(packet);
	}
	return USEC_NEVER;
}

static bool parse(struct link *self, const char *text)
{
	return sscanf(text, "%u %u %u %u", &self->rtt_msec, &self->loss_percent, &self->kbit,
		       &self->queue) == 4;
}

/* A line is read at once: they are short, and written at once. Returns false at the end. */
static bool obey(struct relay *self)
{
	char line[128];
	ssize_t n = read(STDIN_FILENO, line, sizeof(line) - 1);

	if (n <= 0)
		return false;
	line[n] = '\0';
	if (line[0] != '\n')
		return parse(&self->link, line);
	printf("passed %lu lost %lu dropped %lu queued %lu\n", self->passed, self->lost,
		self->dropped, (unsigned long)self->queued);
	fflush(stdout);
	self->queued = 0;
	return true;
}

static void relay(struct relay *self)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = self->ways[0].from, .events = POLLIN },
		{ .fd = self->ways[1].from, .events = POLLIN },
	};

	for (;;) {
		usec_t next = deliver(self, &self->ways[0]);
		usec_t other = deliver(self, &self->ways[1]);
		usec_t now = clock_now();
		usec_t wait = (next < other ? next : other) - now;
		struct timespec limit = {
			.tv_sec = (time_t)(wait / USEC_PER_SEC),
			.tv_nsec = (long)(wait % USEC_PER_SEC) * 1000,
		};

		if (next <= now || other <= now)
			continue;
		if (ppoll(fds, ARRAY_SIZE(fds), wait < USEC_PER_SEC * 3600 ? &limit : NULL,
			    NULL) < 0)
			cannot("ppoll");
		if (fds[0].revents && !obey(self))
			return;
		for (size_t i = 0; i < ARRAY_SIZE(self->ways); i++) {
			if (fds[1 + i].revents)
				receive(self, &self->ways[i]);
		}
	}
}

int main(int argc, char **argv)
{
	struct relay self = { .random = { 1 } };
	char text[128] = "";
	int spaces[2];

	if (argc == 5)
		snprintf(text, sizeof(text), "%s %s %s %s", argv[1], argv[2], argv[3], argv[4]);
	if (!parse(&self.link, text)) {
		fprintf(stderr, "usage: relay ROUND-TRIP-MS LOSS-PERCENT KBIT QUEUE-BYTES\n");
		return 2;
	}
	self.ways[0].from = self.ways[1].to = make_end("10.99.0.1", "10.99.0.2", &spaces[0]);
	self.ways[1].from = self.ways[0].to = make_end("10.99.0.2", "10.99.0.1", &spaces[1]);
	list_init(&self.ways[0].packets);
	list_init(&self.ways[1].packets);
	printf("ready %d %d\n", spaces[0], spaces[1]);
	fflush(stdout);
	relay(&self);
	return 0;
}
