/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/host-config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "wire/json-memory.h"

void host_config_describe(const json_error_t *error, char why[SETTINGS_WHY_MAX])
{
	/* jansson's words end with a short token of the text: "invalid token near 's3cr3t'". */
	const char *near = strstr(error->text, " near ");
	int n = near ? (int)(near - error->text) : (int)strlen(error->text);

	snprintf(why, SETTINGS_WHY_MAX, "line %d: %.*s", error->line, n, error->text);
}

int host_config_parse(const char *text, size_t n, json_t **ret, char why[SETTINGS_WHY_MAX])
{
	json_error_t error;
	json_t *config = json_memory_load(text, n, JSON_REJECT_DUPLICATES, &error);

	if (!config) {
		host_config_describe(&error, why);
		return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EBADMSG;
	}
	if (!json_is_object(config)) {
		snprintf(why, SETTINGS_WHY_MAX, "it is not a JSON object");
		json_decref(config);
		return -EBADMSG;
	}
	*ret = config;
	return 0;
}

static int dump(const json_t *config, size_t flags, const char *end, char **ret, size_t *ret_n)
{
	char *text = json_memory_dump(config, flags);
	size_t n;
	char *more;

	if (!text)
		return -ENOMEM;
	n = strlen(text);
	more = mem_resize(text, n + strlen(end) + 1, 1);
	if (!more) {
		free(text);
		return -ENOMEM;
	}
	memcpy(more + n, end, strlen(end) + 1);
	*ret = more;
	*ret_n = n + strlen(end);
	return 0;
}

int host_config_text(const json_t *config, char **ret, size_t *ret_n)
{
	return dump(config, JSON_INDENT(2), "\n", ret, ret_n);
}

const char *host_config_missing(const json_t *config)
{
	static const char *const keys[] = { "host_id", "host_name", "private_key", "pin_hash" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *value = json_string_value(json_object_get(config, keys[i]));

		if (!value || !*value)
			return keys[i];
	}
	return NULL;
}

static json_t *strings(const char *const *texts, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n && array; i++) {
		if (json_array_append_new(array, json_string(texts[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

json_t *host_config_settings(const json_t *config, const struct settings *settings,
	const char *const *listen, size_t n_listen)
{
	const char *names[SETTINGS_N_NAMES];
	json_t *sizes = json_array();

	for (size_t i = 0; i < settings->n_names; i++)
		names[i] = settings->names[i];
	for (size_t i = 0; i < settings->n_sizes && sizes; i++) {
		json_t *pair = json_pack("[i, i]", (int)settings->sizes[i].width,
			(int)settings->sizes[i].height);

		if (json_array_append_new(sizes, pair) < 0) {
			json_decref(sizes);
			sizes = NULL;
		}
	}
	/* Each o is taken, whether the whole succeeds or not; a NULL one makes it fail. */
	return json_pack("{s: o, s: o, s: O?, s: o, s: {}}", "listen", strings(listen, n_listen),
		"names", strings(names, settings->n_names), "pin_hash",
		json_object_get(config, "pin_hash"), "sizes", sizes, "limits");
}

int host_config_for_host(const json_t *config, const struct settings *settings,
	const char *const *listen, size_t n_listen, char **ret, size_t *ret_n)
{
	json_t *own = host_config_settings(config, settings, listen, n_listen);
	json_t *whole = json_copy((json_t *)config);
	int r = -ENOMEM;

	if (json_object_set(whole, "afar", own) == 0)
		r = dump(whole, JSON_COMPACT | JSON_ENSURE_ASCII, "", ret, ret_n);
	json_decref(whole);
	json_decref(own);
	return r;
}

int host_config_plain(const json_t *config, char **ret, size_t *ret_n)
{
	return dump(config, JSON_COMPACT | JSON_ENSURE_ASCII, "", ret, ret_n);
}
