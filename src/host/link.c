/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/link.h"

#include <errno.h>

#include "base/log.h"
#include "base/mem.h"
#include "loop/line-channel.h"

struct link {
	struct line_channel *channel;
	const struct link_events *events; /* borrowed */
	void *data;
};

static void handle_line(void *data, char *line, size_t n)
{
	struct link *self = data;
	struct control_message message;
	int r;

	/* So begins one that takes over: the last one's line may lack its end. */
	if (!n)
		return;
	r = control_decode(line, n, &message);
	if (r == -ENOMEM) {
		log_warning("a message of the supervisor was lost: %s", strerror(-r));
		self->events->handle_lost(self->data);
		return;
	}
	if (r < 0) {
		log_warning("a message of the supervisor makes no sense: %s", strerror(-r));
		return;
	}
	self->events->handle_message(self->data, &message);
	control_message_finish(&message);
}

static void handle_end(void *data, int error)
{
	struct link *self = data;

	log_warning("the supervisor is gone: %s", error ? strerror(-error) : "it closed the line");
	self->events->handle_end(self->data);
}

int link_create(struct link **ret, sd_event *event, int fd, const struct link_events *events,
	void *data)
{
	static const struct line_channel_events channel_events = {
		.handle_line = handle_line,
		.handle_end = handle_end,
	};
	static const struct line_channel_limits limits = {
		.line_max = CONTROL_LINE_MAX,
		.queue_max = 2 * CONTROL_LINE_MAX,
	};
	struct link *self = mem_new(struct link);
	int r;

	if (!self)
		return -ENOMEM;
	*self = (struct link){ .events = events, .data = data };
	r = line_channel_create(&self->channel, event, fd, &limits, &channel_events, self);
	if (r < 0) {
		free(self);
		return r;
	}
	*ret = self;
	return 0;
}

int link_send(struct link *self, const struct control_message *message)
{
	char *line = NULL;
	size_t n = 0;
	int r = control_encode(message, &line, &n);

	if (r < 0)
		return r;
	r = line_channel_send(self->channel, line, n);
	explicit_bzero(line, n); /* a new link's token passes here */
	free(line);
	return r;
}

void link_destroy(struct link *self)
{
	if (!self)
		return;
	line_channel_destroy(self->channel);
	free(self);
}
