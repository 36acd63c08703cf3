/* SPDX-License-Identifier: BSD-3-Clause */
/* Xvfb: XVFB-1. It cannot grow, so it starts with the largest size and is shrunk (SIZE-3). */
#include <stdio.h>

#include "base/program.h"
#include "supervisor/display/display.h"

static const char *const outputs[] = { "screen", NULL };

static bool is_installed(void)
{
	return program_exists("Xvfb");
}

static int prepare(const struct display_launch *launch, struct display_argv *ret)
{
	const struct settings *settings = launch->settings;
	unsigned width = 0, height = 0;

	for (size_t i = 0; i < settings->n_sizes; i++) {
		if (settings->sizes[i].width > width)
			width = settings->sizes[i].width;
		if (settings->sizes[i].height > height)
			height = settings->sizes[i].height;
	}
	snprintf(ret->texts[0], sizeof(ret->texts[0]), "%ux%ux24", width, height);
	snprintf(ret->texts[1], sizeof(ret->texts[1]), "%d", launch->ready_fd);
	for (const char *const *arg = (const char *const[]){ "Xvfb", launch->name, "-auth",
		     launch->authority, "-nolisten", "tcp", "-noreset", "-displayfd",
		     ret->texts[1], "-screen", "0", ret->texts[0], NULL };
		*arg; arg++)
		display_argv_add(ret, *arg);
	return 0;
}

const struct display_impl display_xvfb = {
	.name = "Xvfb",
	.is_installed = is_installed,
	.prepare = prepare,
	.outputs = outputs,
	.starts_largest = true,
};
