/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* A command line in one line, for comparing: "start child-process size=1x1 x=-a". */

#include "base/mem.h"
#include "base/str.h"
#include "ctl/contract/command-line.h"

static inline char *command_line_text(const struct command_line *line)
{
	static const char *const names[OPTION_N] = {
		[OPTION_FOREGROUND] = "foreground",
		[OPTION_START] = "start",
		[OPTION_STOP] = "stop",
		[OPTION_GET_STATUS] = "get-status",
		[OPTION_CHECK_RUNNING] = "check-running",
		[OPTION_RELOAD] = "reload",
		[OPTION_ENABLE_AND_START] = "enable-and-start",
		[OPTION_HELP] = "help",
		[OPTION_CHILD_PROCESS] = "child-process",
		[OPTION_NEW_SESSION] = "new-session",
	};
	struct strbuf text = { 0 };

	for (int i = 0; i < OPTION_N; i++) {
		if (line->given[i] && names[i])
			strbuf_printf(&text, "%s ", names[i]);
	}
	if (line->config)
		strbuf_printf(&text, "config=%s ", line->config);
	if (line->add_user_as_root)
		strbuf_printf(&text, "user=%s ", line->add_user_as_root);
	if (line->given[OPTION_WATCH_RESOLUTION])
		strbuf_printf(&text, "watch=%ld,%ld ", line->watch_px[0], line->watch_px[1]);
	for (size_t i = 0; i < line->n_sizes; i++)
		strbuf_printf(&text, "size=%s ", line->sizes[i]);
	for (size_t i = 0; i < line->n_x_options; i++)
		strbuf_printf(&text, "x=%s ", line->x_options[i]);
	if (text.length)
		text.text[text.length - 1] = '\0';
	return text.text ? text.text : xstrdup("");
}
