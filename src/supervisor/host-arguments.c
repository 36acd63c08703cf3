/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/host-arguments.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "supervisor/audio/audio.h"
#include "supervisor/supervisor.h"

static void add(struct host_arguments *self, const char *argument)
{
	if (self->n < HOST_ARGUMENTS_MAX - 1)
		self->argv[self->n++] = argument;
}

__attribute__((format(printf, 2, 3))) static void add_text(
	struct host_arguments *self, const char *format, ...)
{
	char *text = self->texts[self->n_texts++];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(self->texts[0]), format, args);
	va_end(args);
	add(self, text);
}

/* START-8: words between white space, no quotes; set but empty is one empty argument. */
static int add_extra(struct host_arguments *self, const char *text)
{
	static const char blanks[] = " \t\n\v\f\r";

	if (!text)
		return 0;
	if (!*text) {
		add(self, "");
		return 0;
	}
	self->extra = mem_dup(text, strlen(text));
	if (!self->extra)
		return -ENOMEM;
	for (char *save, *word = strtok_r(self->extra, blanks, &save); word;
		word = strtok_r(NULL, blanks, &save))
		add(self, word);
	return 0;
}

int host_arguments_init(struct host_arguments *self, const struct supervisor *supervisor,
	const char *program, const char *offline_reason)
{
	const char *fifo = supervisor->audio ? audio_fifo(supervisor->audio) : NULL;
	int r;

	*self = (struct host_arguments){ 0 };
	add(self, program);
	add(self, "--host-config=-");
	if (fifo)
		add_text(self, "--audio-pipe-name=%s", fifo);
	add_text(self, "--ssh-auth-sockname=%s", supervisor->ssh_socket);
	r = add_extra(self, getenv(supervisor->flavour->host_params_env));
	if (r < 0)
		return r;
	if (supervisor->flavour->host_is_ours) {
		add_text(self, "--control-fd=%d", HOST_CONTROL_FD);
		for (size_t i = 0; i < supervisor->listen.n; i++)
			add_text(self, "--listen-fd=%d", HOST_LISTEN_FD + (int)i);
	}
	if (offline_reason)
		add_text(self, "--report-offline-reason=%s", offline_reason);
	add(self, "--signal-parent");
	return 0;
}

void host_arguments_finish(struct host_arguments *self)
{
	free(self->extra);
	self->extra = NULL;
}
