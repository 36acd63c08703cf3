/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/audio/template.h"

#include <errno.h>
#include <stdbool.h>

#include "base/mem.h"
#include "base/sys.h"

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static size_t name_length(const char *at, const char *end)
{
	size_t n = 0;

	if (at == end || !is_name_start(*at))
		return 0;
	while (at + n < end && (is_name_start(at[n]) || (at[n] >= '0' && at[n] <= '9')))
		n++;
	return n;
}

static const char *find_value(
	const struct template_variable *variables, const char *name, size_t n)
{
	for (; variables->name; variables++) {
		if (strlen(variables->name) == n && memcmp(variables->name, name, n) == 0)
			return variables->value;
	}
	return NULL;
}

/* @at is behind a dollar. Appends what stands for it; returns how much of @at that used up. */
static size_t fill_one(const char *at, const char *end,
	const struct template_variable *variables, struct strbuf *ret)
{
	bool braced = at < end && *at == '{';
	const char *name = at + braced;
	size_t n = name_length(name, end);
	const char *value = NULL;

	if (at < end && *at == '$') {
		strbuf_append(ret, "$", 1);
		return 1;
	}
	if (n && (!braced || (name + n < end && name[n] == '}')))
		value = find_value(variables, name, n);
	if (!value) {
		strbuf_append(ret, "$", 1);
		return 0;
	}
	strbuf_append(ret, value, strlen(value));
	return n + 2 * braced;
}

int template_fill(const char *text, size_t n, const struct template_variable *variables,
	struct strbuf *ret)
{
	const char *end = text + n;

	while (text < end) {
		const char *dollar = memchr(text, '$', (size_t)(end - text));
		const char *stop = dollar ? dollar : end;

		strbuf_append(ret, text, (size_t)(stop - text));
		text = stop;
		if (dollar) {
			text++;
			text += fill_one(text, end, variables, ret);
		}
		if (ret->failed)
			return -ENOMEM;
		if (ret->length > TEMPLATE_FILLED_MAX)
			return -EFBIG;
	}
	return 0;
}

int template_read(const char *const *directories, const char *name, char **ret, size_t *ret_n)
{
	for (; *directories; directories++) {
		CLEANUP(free) char *path = mem_printf("%s/%s.template", *directories, name);
		int r;

		if (!path)
			return -ENOMEM;
		r = sys_read_file(path, TEMPLATE_MAX, ret, ret_n);
		if (r != -ENOENT && r != -ENOTDIR)
			return r;
	}
	return -ENOENT;
}
