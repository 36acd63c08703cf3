/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The floor of a key press: bare damage → ShmGetImage → socket.
 *
 *	floor-key DISPLAY AUTHORITY TRIES
 *
 * square runs on that display. A child waits for damage, has exactly the damaged rectangle
 * copied into shared memory, and writes it to a TCP connection over loopback as it is. The
 * parent presses a key through XTEST and reads until the new colour has come: one line of
 * microseconds for each try. Tries are spread at random, as keys of people are.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xcb/damage.h>
#include <xcb/shm.h>
#include <xcb/xtest.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "bench/square.h"
#include "loop/xcb-connect.h"

#define KEYCODE 38 /* A, in X's numbers of an evdev keyboard */
#define LIMIT_SEC 60
#define PIXELS_MAX (64 << 20)

/* What is sent before the pixels. */
struct header {
	uint16_t width, height;
};

struct probe {
	xcb_connection_t *connection;
	xcb_window_t root;
	xcb_damage_damage_t damage;
	xcb_shm_seg_t segment;
	const uint8_t *pixels;
	int socket;
};

static xcb_connection_t *connect_or_exit(char **argv)
{
	xcb_connection_t *c;

	if (xcb_connect_file(argv[1], argv[2], &c, NULL) < 0) {
		fprintf(stderr, "floor-key: no display %s\n", argv[1]);
		exit(1);
	}
	return c;
}

static const xcb_screen_t *first_screen(xcb_connection_t *c)
{
	return xcb_setup_roots_iterator(xcb_get_setup(c)).data;
}

static bool is_whole(ssize_t n, size_t wanted)
{
	return n >= 0 && (size_t)n == wanted;
}

/* --- the probe --- */

static bool send_all(int fd, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;

	while (n > 0) {
		ssize_t written = write(fd, at, n);

		if (written <= 0)
			return false;
		at += written;
		n -= (size_t)written;
	}
	return true;
}

static bool attach_memory(struct probe *self, const xcb_screen_t *screen)
{
	size_t size = (size_t)screen->width_in_pixels * screen->height_in_pixels * 4;
	int fd = memfd_create("floor-key", MFD_CLOEXEC);
	void *pixels;

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return false;
	pixels = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (pixels == MAP_FAILED)
		return false;
	self->pixels = pixels;
	self->segment = xcb_generate_id(self->connection);
	xcb_shm_attach_fd(self->connection, self->segment, fd, 0);
	return true;
}

static bool probe_init(struct probe *self, char **argv, int socket)
{
	const xcb_screen_t *screen;

	self->connection = connect_or_exit(argv);
	self->socket = socket;
	screen = first_screen(self->connection);
	self->root = screen->root;
	if (!xcb_get_extension_data(self->connection, &xcb_damage_id)->present
		|| !xcb_get_extension_data(self->connection, &xcb_shm_id)->present)
		return false;
	free(xcb_damage_query_version_reply(
		self->connection, xcb_damage_query_version(self->connection, 1, 1), NULL));
	self->damage = xcb_generate_id(self->connection);
	xcb_damage_create(self->connection, self->damage, self->root,
		XCB_DAMAGE_REPORT_LEVEL_RAW_RECTANGLES);
	return attach_memory(self, screen);
}

static bool probe_send(struct probe *self, const xcb_rectangle_t *at)
{
	struct header header = { at->width, at->height };
	xcb_shm_get_image_reply_t *reply = xcb_shm_get_image_reply(self->connection,
		xcb_shm_get_image(self->connection, self->root, at->x, at->y, at->width, at->height,
			~0U, XCB_IMAGE_FORMAT_Z_PIXMAP, self->segment, 0),
		NULL);

	if (!reply)
		return false;
	free(reply);
	return send_all(self->socket, &header, sizeof(header))
	       && send_all(self->socket, self->pixels, (size_t)at->width * at->height * 4);
}

static int run_probe(char **argv, int socket)
{
	xcb_generic_event_t *event;
	struct probe self = { 0 };
	uint8_t notify;

	if (!probe_init(&self, argv, socket))
		return 1;
	notify = xcb_get_extension_data(self.connection, &xcb_damage_id)->first_event
		 + XCB_DAMAGE_NOTIFY;
	/* An empty rectangle tells the parent that the probe is in place. */
	if (xcb_flush(self.connection) <= 0 || !send_all(socket, &(struct header){ 0 }, 4))
		return 1;
	while ((event = xcb_wait_for_event(self.connection))) {
		bool ok = (event->response_type & 0x7f) != notify
			  || probe_send(&self, &((xcb_damage_notify_event_t *)event)->area);

		free(event);
		if (!ok)
			return 1;
	}
	return 0;
}

/* --- the reader --- */

static bool read_rectangle(int fd, uint8_t *pixels, size_t size, struct header *ret)
{
	size_t n;

	if (!is_whole(recv(fd, ret, sizeof(*ret), MSG_WAITALL), sizeof(*ret)))
		return false;
	n = (size_t)ret->width * ret->height * 4;
	return n <= size && (n == 0 || is_whole(recv(fd, pixels, n, MSG_WAITALL), n));
}

static void press(xcb_connection_t *c, uint8_t type)
{
	xcb_test_fake_input(c, type, KEYCODE, XCB_CURRENT_TIME, XCB_NONE, 0, 0, 0);
	xcb_flush(c);
}

static bool run_reader(char **argv, int fd, int tries)
{
	static const uint32_t colours[] = SQUARE_COLOURS;
	static uint8_t pixels[PIXELS_MAX]; /* the first damage may be all there is */
	xcb_connection_t *c = connect_or_exit(argv);
	struct header header;

	xcb_prefetch_extension_data(c, &xcb_test_id);
	if (!read_rectangle(fd, pixels, sizeof(pixels), &header))
		return false;
	for (int i = 0; i < tries; i++) {
		uint32_t seen;
		usec_t start;

		usleep(4000 + (unsigned)random() % 8000);
		start = clock_now();
		press(c, XCB_KEY_PRESS);
		do {
			if (!read_rectangle(fd, pixels, sizeof(pixels), &header))
				return false;
			memcpy(&seen, pixels, sizeof(seen));
		} while (header.width != SQUARE_PX || (seen & 0xffffff) != colours[(i + 1) % 2]);
		printf("%" PRIu64 "\n", clock_now() - start);
		press(c, XCB_KEY_RELEASE);
	}
	xcb_disconnect(c);
	return true;
}

/* Both ends of a TCP connection over loopback. */
static bool make_connection(int ret[2])
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok;

	ret[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ok = bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0
	     && listen(listener, 1) == 0
	     && getsockname(listener, (struct sockaddr *)&address, &length) == 0
	     && connect(ret[0], (struct sockaddr *)&address, sizeof(address)) == 0
	     && (ret[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0
	     && setsockopt(ret[1], IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)) == 0;
	fd_close(listener);
	return ok;
}

int main(int argc, char **argv)
{
	int fds[2];
	pid_t pid;
	bool ok;

	if (argc != 4 || !make_connection(fds)) {
		fprintf(stderr, "usage: floor-key DISPLAY AUTHORITY TRIES\n");
		return 1;
	}
	alarm(LIMIT_SEC);
	/* The same program goes on in the child: base/spawn.h only starts others. */
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		_exit(run_probe(argv, fds[1]));
	}
	close(fds[1]);
	ok = pid > 0 && run_reader(argv, fds[0], atoi(argv[3]));
	if (!ok)
		fprintf(stderr, "floor-key: the probe ended\n");
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return ok ? 0 : 1;
}
