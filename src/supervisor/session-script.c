/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/session-script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

int session_script_init(struct session_script *self, const char *path)
{
	struct strbuf text = { 0 };

	*self = (struct session_script){ .argv = { "/bin/sh" } };
	if (access(path, X_OK) == 0) {
		str_quote(&text, path);
		self->argv[1] = "-c";
		self->argv[2] = text.text;
	} else {
		strbuf_append(&text, path, strlen(path));
		self->argv[1] = text.text;
	}
	if (text.failed) {
		strbuf_finish(&text);
		*self = (struct session_script){ 0 };
		return -ENOMEM;
	}
	self->text = text.text;
	return 0;
}

void session_script_finish(struct session_script *self)
{
	free(self->text);
	*self = (struct session_script){ 0 };
}

void session_script_log(const char *what, const char *const *argv)
{
	CLEANUP(strbuf) struct strbuf text = { 0 };

	for (const char *const *arg = argv; *arg; arg++) {
		/* As Python shows a string: in the other quotes when it has the usual ones. */
		char quote = strchr(*arg, '\'') && !strchr(*arg, '"') ? '"' : '\'';

		strbuf_printf(&text, "%s%c", arg == argv ? "" : ", ", quote);
		for (const char *at = *arg; *at; at++) {
			if (*at == '\\' || *at == quote)
				strbuf_append(&text, "\\", 1);
			strbuf_append(&text, at, 1);
		}
		strbuf_append(&text, &quote, 1);
	}
	log_info("%s%s[%s]", what ? what : "", what ? ": " : "",
		text.text && !text.failed ? text.text : "");
}
