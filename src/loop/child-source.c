/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/child-source.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/mem.h"

struct watched {
	sd_event_child_handler_t handler;
	void *data;
};

static int handle_child(sd_event_source *source, const siginfo_t *info, void *data)
{
	struct watched *self = data;

	if (info->si_code == CLD_CONTINUED)
		return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return self->handler(source, info, self->data);
}

int child_source_add(sd_event *event, sd_event_source **ret, pid_t pid,
	sd_event_child_handler_t handler, void *data)
{
	struct watched *self = mem_new(struct watched);
	sd_event_source *source;
	int r;

	if (!self)
		return -ENOMEM;
	*self = (struct watched){ .handler = handler, .data = data };
	/* With WCONTINUED, too, sd-event goes by SIGCHLD: see child-source.h. */
	r = sd_event_add_child(event, &source, pid, WEXITED | WCONTINUED, handle_child, self);
	if (r < 0) {
		free(self);
		return r;
	}
	sd_event_source_set_destroy_callback(source, free);
	*ret = source;
	return 0;
}
