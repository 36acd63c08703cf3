/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/control.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "wire/json-memory.h"
#include "wire/text.h"

/* What a field is in JSON, and what makes one acceptable. */
enum field_kind {
	FIELD_COUNT,  /* 0 … UINT32_MAX */
	FIELD_BOOL,
	FIELD_SIGN_IN, /* enum control_kind by name */
	FIELD_TEXT,
	FIELD_HASH,
	FIELD_TOKEN,
	FIELD_OBJECT,
	FIELD_ARRAY,
	FIELD_ANY,
};

struct field {
	const char *key;
	enum field_kind kind;
	size_t offset; /* in struct control_message */
	size_t size;   /* of a text, with its NUL */
};

#define FIELD(key_, kind_)                                                                     \
	{                                                                                      \
		.key = #key_, .kind = kind_, .offset = offsetof(struct control_message, key_), \
		.size = sizeof(((struct control_message *)NULL)->key_)                         \
	}

static const struct field field_id = FIELD(id, FIELD_COUNT);
static const struct field field_ok = FIELD(ok, FIELD_BOOL);
static const struct field field_now = FIELD(now, FIELD_BOOL);
static const struct field field_retry_after = FIELD(retry_after, FIELD_COUNT);
static const struct field field_kind = FIELD(kind, FIELD_SIGN_IN);
static const struct field field_display = FIELD(display, FIELD_TEXT);
static const struct field field_xauthority = FIELD(xauthority, FIELD_TEXT);
static const struct field field_component = FIELD(component, FIELD_TEXT);
static const struct field field_reason = FIELD(reason, FIELD_TEXT);
static const struct field field_source = FIELD(source, FIELD_TEXT);
static const struct field field_hash = FIELD(hash, FIELD_HASH);
static const struct field field_token = FIELD(token, FIELD_TOKEN);
static const struct field field_object = FIELD(body, FIELD_OBJECT);
static const struct field field_array = FIELD(body, FIELD_ARRAY);
static const struct field field_body = FIELD(body, FIELD_ANY);

#define FIELDS_MAX 4

/* Each type's name and the fields that it must have; it has no others. */
static const struct type {
	const char *name;
	const struct field *fields[FIELDS_MAX];
} types[] = {
	[CONTROL_STATUS] = { "status", { &field_object } },
	[CONTROL_SETTINGS] = { "settings", { &field_object } },
	[CONTROL_DISPLAY_UP] = { "display_up", { &field_display, &field_xauthority } },
	[CONTROL_DISPLAY_DOWN] = { "display_down", { &field_component, &field_reason } },
	[CONTROL_VERDICT] = { "verdict", { &field_id, &field_ok, &field_retry_after } },
	[CONTROL_MAKE_LINK] = { "make_link", { &field_id } },
	[CONTROL_TAKEN_OVER] = { "taken_over", { 0 } },
	[CONTROL_PING] = { "ping", { &field_id } },
	[CONTROL_TELL_STATS] = { "tell_stats", { &field_id } },
	[CONTROL_ATTEMPT] = { "attempt",
		{ &field_id, &field_kind, &field_source, &field_hash } },
	[CONTROL_SIGNED_IN] = { "signed_in", { &field_source, &field_hash } },
	[CONTROL_LINK] = { "link", { &field_id, &field_token, &field_hash } },
	[CONTROL_VIEWERS] = { "viewers", { &field_array } },
	[CONTROL_PONG] = { "pong", { &field_id } },
	[CONTROL_STATS] = { "stats", { &field_id, &field_object } },
	[CONTROL_DISPLAY_ANSWERS] = { "display_answers", { &field_display, &field_ok } },
	[CONTROL_GET_STATUS] = { "get_status", { 0 } },
	[CONTROL_GET_LINK] = { "get_link", { 0 } },
	[CONTROL_GET_STATS] = { "get_stats", { 0 } },
	[CONTROL_RELOAD] = { "reload", { 0 } },
	[CONTROL_REPLACE] = { "replace", { &field_now } },
	[CONTROL_REPLY] = { "reply", { &field_body } },
	[CONTROL_ERROR] = { "error", { &field_reason } },
};

_Static_assert(ARRAY_SIZE(types) == CONTROL_ERROR + 1, "each type of message has its fields");

static const char *const kinds[] = {
	[CONTROL_KIND_LINK] = "link",
	[CONTROL_KIND_PIN] = "pin",
	[CONTROL_KIND_RESUME] = "resume",
};

/* A PIN's attempt shows no hash: nobody but the host may be able to guess it. */
static bool is_needed(const struct field *field, const struct control_message *message)
{
	return field != &field_hash || message->type != CONTROL_ATTEMPT
	       || message->kind != CONTROL_KIND_PIN;
}

static bool consists_of(const char *text, size_t n, const char *set)
{
	return strlen(text) == n && strspn(text, set) == n;
}

static bool is_hash(const char *text)
{
	return consists_of(text, CONTROL_HASH_SIZE - 1, "0123456789abcdef");
}

/* The supervisor shows a link's token to the user, so it must be harmless on a terminal. */
static bool is_token(const char *text)
{
	return consists_of(text, CONTROL_TOKEN_SIZE - 1,
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
}

static int decode_text(const struct field *field, const json_t *value, char *ret)
{
	const char *text = json_string_value(value);

	if (!text || strlen(text) >= field->size)
		return -EBADMSG;
	if (field->kind == FIELD_HASH && !is_hash(text))
		return -EBADMSG;
	if (field->kind == FIELD_TOKEN && !is_token(text))
		return -EBADMSG;
	memcpy(ret, text, strlen(text) + 1);
	return 0;
}

static int decode_count(const json_t *value, uint32_t *ret)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < 0 || number > UINT32_MAX)
		return -EBADMSG;
	*ret = (uint32_t)number;
	return 0;
}

static int decode_kind(const json_t *value, enum control_kind *ret)
{
	const char *name = json_string_value(value);

	for (size_t i = 0; name && i < ARRAY_SIZE(kinds); i++) {
		if (str_equal(name, kinds[i])) {
			*ret = (enum control_kind)i;
			return 0;
		}
	}
	return -EBADMSG;
}

static int decode_body(const struct field *field, json_t *value, json_t **ret)
{
	if (!value || (field->kind == FIELD_OBJECT && !json_is_object(value))
		|| (field->kind == FIELD_ARRAY && !json_is_array(value)))
		return -EBADMSG;
	*ret = json_incref(value);
	return 0;
}

static int decode_field(
	const struct field *field, json_t *object, struct control_message *message)
{
	json_t *value = json_object_get(object, field->key);
	void *to = (char *)message + field->offset;

	switch (field->kind) {
	case FIELD_COUNT:
		return decode_count(value, to);
	case FIELD_BOOL:
		if (!json_is_boolean(value))
			return -EBADMSG;
		*(bool *)to = json_is_true(value);
		return 0;
	case FIELD_SIGN_IN:
		return decode_kind(value, to);
	case FIELD_TEXT:
	case FIELD_HASH:
	case FIELD_TOKEN:
		return decode_text(field, value, to);
	case FIELD_OBJECT:
	case FIELD_ARRAY:
	case FIELD_ANY:
		return decode_body(field, value, to);
	}
	return -EBADMSG;
}

static int decode_type(const json_t *object, enum control_type *ret)
{
	const char *name = json_string_value(json_object_get(object, "type"));

	if (!name)
		return -EBADMSG;
	*ret = CONTROL_UNKNOWN;
	for (size_t i = CONTROL_UNKNOWN + 1; i < ARRAY_SIZE(types); i++) {
		if (str_equal(name, types[i].name))
			*ret = (enum control_type)i;
	}
	return 0;
}

static int decode_object(json_t *object, struct control_message *message)
{
	const struct field *const *fields;
	int r = decode_type(object, &message->type);

	if (r < 0)
		return r;
	fields = types[message->type].fields;
	for (size_t i = 0; i < FIELDS_MAX && fields[i]; i++) {
		if (!is_needed(fields[i], message))
			continue;
		r = decode_field(fields[i], object, message);
		if (r < 0)
			return r;
	}
	return 0;
}

int control_decode(const char *line, size_t n, struct control_message *ret)
{
	struct control_message message = { 0 };
	json_error_t error;
	json_t *object;
	int r;

	if (n >= CONTROL_LINE_MAX)
		return -EBADMSG;
	object = json_memory_load(line, n, JSON_REJECT_DUPLICATES, &error);
	if (!object)
		return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EBADMSG;
	r = decode_object(object, &message);
	json_decref(object);
	if (r < 0) {
		control_message_finish(&message);
		return r;
	}
	*ret = message;
	return 0;
}

/* A new reference; NULL when out of memory. */
static json_t *encode_field(const struct field *field, const struct control_message *message)
{
	const void *from = (const char *)message + field->offset;

	switch (field->kind) {
	case FIELD_COUNT:
		return json_integer(*(const uint32_t *)from);
	case FIELD_BOOL:
		return json_boolean(*(const bool *)from);
	case FIELD_SIGN_IN:
		return json_string(kinds[*(const enum control_kind *)from]);
	case FIELD_TEXT:
	case FIELD_HASH:
	case FIELD_TOKEN:
		/* Replaced bytes make it longer, and the reader would not take it. */
		return text_to_json_within(from, field->size - 1);
	case FIELD_OBJECT:
	case FIELD_ARRAY:
	case FIELD_ANY:
		return json_incref(message->body);
	}
	return NULL;
}

static json_t *encode_object(const struct control_message *message)
{
	const struct type *type = &types[message->type];
	json_t *object = json_pack("{ss}", "type", type->name);

	for (size_t i = 0; object && i < FIELDS_MAX && type->fields[i]; i++) {
		const struct field *field = type->fields[i];

		if (!is_needed(field, message))
			continue;
		if (json_object_set_new_nocheck(
			    object, field->key, encode_field(field, message))
			< 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

int control_encode(const struct control_message *self, char **ret_line, size_t *ret_n)
{
	json_t *object = encode_object(self);
	char *line;
	size_t n;

	if (!object)
		return -ENOMEM;
	n = json_dumpb(object, NULL, 0, JSON_COMPACT);
	if (!n || n >= CONTROL_LINE_MAX) {
		json_decref(object);
		return n ? -EMSGSIZE : -ENOMEM;
	}
	line = mem_alloc(n + 2, 1);
	if (line && json_dumpb(object, line, n, JSON_COMPACT) != n) {
		free(line); /* it needs memory of its own, each time */
		line = NULL;
	}
	json_decref(object);
	if (!line)
		return -ENOMEM;
	line[n] = '\n';
	*ret_line = line;
	*ret_n = n + 1;
	return 0;
}

void control_message_finish(struct control_message *self)
{
	json_decref(self->body);
	explicit_bzero(self, sizeof(*self));
}
