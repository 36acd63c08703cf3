/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/host-input.h"

#include <errno.h>

#include "base/mem.h"
#include "wire/json-memory.h"

static int copy_name(const char *text, char **ret)
{
	char *copy = mem_dup(text, strlen(text));

	if (!copy)
		return -ENOMEM;
	free(*ret);
	*ret = copy;
	return 0;
}

/* A copy of a non-empty text; -EBADMSG when it is none. */
static int copy_text(const json_t *value, char **ret)
{
	return json_string_length(value) ? copy_name(json_string_value(value), ret) : -EBADMSG;
}

/* The same for a text that may be missing. */
static int copy_optional(const json_t *value, char **ret)
{
	return !value || json_is_null(value) ? 0 : copy_text(value, ret);
}

static int parse_names(const json_t *names, struct host_settings *settings)
{
	if (!names)
		return 0;
	if (!json_is_array(names) || json_array_size(names) > SETTINGS_N_NAMES)
		return -EBADMSG;
	for (size_t i = 0; i < json_array_size(names); i++) {
		int r = copy_text(json_array_get(names, i), &settings->names[i]);

		if (r < 0)
			return r;
		settings->n_names = i + 1;
	}
	return 0;
}

static int parse_settings(
	const json_t *afar, struct host_settings *settings, const char **ret_why)
{
	int r;

	*ret_why = "\"afar\" is no object";
	if (!json_is_object(afar))
		return -EBADMSG;
	*ret_why = "\"pin_hash\" is no text";
	r = copy_optional(json_object_get(afar, "pin_hash"), &settings->pin_hash);
	if (r < 0)
		return r;
	*ret_why = "\"names\" is no short list of names";
	return parse_names(json_object_get(afar, "names"), settings);
}

int host_settings_parse(const json_t *afar, struct host_settings *ret, const char **ret_why)
{
	struct host_settings settings = { 0 };
	int r = parse_settings(afar, &settings, ret_why);

	if (r < 0)
		host_settings_finish(&settings);
	else
		*ret = settings;
	return r;
}

static int parse_input(const json_t *root, struct host_input *input, const char **ret_why)
{
	const json_t *afar = json_object_get(root, "afar");
	int r;

	*ret_why = "it is no JSON object";
	if (!json_is_object(root))
		return -EBADMSG;
	*ret_why = "\"host_id\" is missing";
	if (!json_string_length(json_object_get(root, "host_id")))
		return -EBADMSG;
	*ret_why = "\"host_name\" is missing";
	r = copy_text(json_object_get(root, "host_name"), &input->host_name);
	if (r < 0)
		return r;
	*ret_why = "\"private_key\" is missing";
	if (!json_string_length(json_object_get(root, "private_key")))
		return -EBADMSG;
	/* host.json has a hash of its own; the daemon's settings win. */
	*ret_why = "\"pin_hash\" is no text";
	r = copy_optional(json_object_get(root, "pin_hash"), &input->settings.pin_hash);
	if (r < 0)
		return r;
	return afar ? parse_settings(afar, &input->settings, ret_why) : 0;
}

int host_input_parse(const char *text, size_t n, struct host_input *ret, const char **ret_why)
{
	struct host_input input = { 0 };
	json_error_t error;
	json_t *root = json_memory_load(text, n, JSON_REJECT_DUPLICATES, &error);
	int r;

	if (!root && json_error_code(&error) == json_error_out_of_memory)
		return -ENOMEM;
	r = parse_input(root, &input, ret_why);
	json_decref(root);
	if (r < 0)
		host_input_finish(&input);
	else
		*ret = input;
	return r;
}

int host_settings_copy(const struct host_settings *self, struct host_settings *ret)
{
	struct host_settings copy = { 0 };
	int r = self->pin_hash ? copy_name(self->pin_hash, &copy.pin_hash) : 0;

	while (r >= 0 && copy.n_names < self->n_names) {
		r = copy_name(self->names[copy.n_names], &copy.names[copy.n_names]);
		copy.n_names += r >= 0;
	}
	if (r < 0)
		host_settings_finish(&copy);
	else
		*ret = copy;
	return r;
}

void host_settings_finish(struct host_settings *self)
{
	free(self->pin_hash);
	for (size_t i = 0; i < self->n_names; i++)
		free(self->names[i]);
	*self = (struct host_settings){ 0 };
}

void host_input_finish(struct host_input *self)
{
	free(self->host_name);
	host_settings_finish(&self->settings);
	*self = (struct host_input){ 0 };
}
