/* SPDX-License-Identifier: BSD-3-Clause */
#include "login/words.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

bool words_read(int argc, char **argv, struct words *ret)
{
	struct words words = { .arguments = argv + argc };

	if (argc < 2 || !str_equal(argv[1], "start"))
		return false;
	for (int i = 2; i < argc; i++) {
		if (str_equal(argv[i], "--")) {
			words.arguments = argv + i + 1;
			break;
		}
		if (str_equal(argv[i], "--foreground"))
			words.foreground = true;
		else if (str_equal(argv[i], "--user") && i + 1 < argc)
			words.user = argv[++i];
		else
			return false;
	}
	*ret = words;
	return true;
}

char *words_user(const char *user, const char *logname, uid_t uid)
{
	const char *const names[] = { user, logname };
	const struct passwd *pw;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (str_empty(names[i]) || strlen(names[i]) >= LOGIN_NAME_MAX)
			continue;
		pw = getpwnam(names[i]);
		if (pw && pw->pw_uid == uid)
			return xstrdup(pw->pw_name);
	}
	pw = getpwuid(uid);
	return pw ? xstrdup(pw->pw_name) : NULL;
}

int words_command(const char *script, const char *words, char *const *arguments, char **ret)
{
	CLEANUP(strbuf) struct strbuf out = { 0 };
	int r;

	strbuf_append(&out, "exec ", 5);
	r = strbuf_append_word(&out, script);
	strbuf_printf(&out, " %s", words);
	for (; r == 0 && *arguments; arguments++) {
		strbuf_append(&out, " ", 1);
		r = strbuf_append_word(&out, *arguments);
	}
	if (r < 0 || out.failed)
		return r < 0 ? r : -ENOMEM;
	*ret = TAKE_PTR(out.text);
	return 0;
}
