/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/strays.h"

#include <systemd/sd-event.h>

#include "supervisor/family.h"
#include "supervisor/stale.h"

static bool is_one(const void *data, pid_t pid)
{
	return family_is_stray(data, pid);
}

static void handle_gone(void *data)
{
	sd_event_exit(data, 1);
}

/* Returns whether there were any. */
static int end_those_there(const struct family *family)
{
	struct stale *stale = NULL;
	sd_event *event = NULL;
	int r = sd_event_new(&event);

	if (r < 0)
		return r;
	r = stale_end_if(&stale, event, is_one, family, handle_gone, event);
	if (r >= 0 && stale)
		r = sd_event_loop(event);
	stale_destroy(stale);
	sd_event_unref(event);
	return r;
}

int strays_end(const struct family *family)
{
	int r;

	/* They may have forked while they were looked for. */
	do {
		r = end_those_there(family);
	} while (r > 0);
	return r;
}
