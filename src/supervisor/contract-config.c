/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/contract-config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "wire/host-config.h"
#include "wire/json-memory.h"

#define VENDORS_DOMAIN "@google.com"

int contract_config_load(const char *path, json_t **ret, char **ret_why)
{
	CLEANUP(free) char *text = NULL;
	char why[SETTINGS_WHY_MAX];
	json_error_t error;
	json_t *config;
	size_t n;
	int r;

	r = sys_read_file(path, HOST_CONFIG_MAX, &text, &n);
	if (r < 0) {
		*ret_why = mem_printf("%s", strerror(-r));
		return r;
	}
	config = json_memory_load(text, n, 0, &error);
	explicit_bzero(text, n);
	if (!config) {
		host_config_describe(&error, why);
		*ret_why = mem_dup(why, strlen(why));
		return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EBADMSG;
	}
	if (!json_is_object(config)) {
		*ret_why = mem_printf("it is not a JSON object");
		json_decref(config);
		return -EBADMSG;
	}
	*ret = config;
	return 0;
}

static bool is_set(const json_t *config, const char *key)
{
	const json_t *value = json_object_get(config, key);

	return value && !json_is_null(value);
}

bool contract_config_is_valid(const json_t *config)
{
	const char *id = json_string_value(json_object_get(config, "host_id"));

	return json_object_get(config, "host_name") && json_object_get(config, "private_key")
		&& !str_empty(id)
		&& (is_set(config, "service_account") || is_set(config, "xmpp_login"))
		&& is_set(config, "oauth_refresh_token");
}

/* What counts as true where the vendor's script looks at it. */
static bool is_truthy(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_NULL:
	case JSON_FALSE:
		return false;
	case JSON_TRUE:
		return true;
	case JSON_INTEGER:
		return json_integer_value(value) != 0;
	case JSON_REAL:
		return json_real_value(value) != 0;
	case JSON_STRING:
		return json_string_length(value) > 0;
	case JSON_ARRAY:
		return json_array_size(value) > 0;
	case JSON_OBJECT:
		return json_object_size(value) > 0;
	}
	return false;
}

bool contract_config_wants_crash_reports(const json_t *config)
{
	const char *owner = json_string_value(json_object_get(config, "host_owner"));
	const json_t *consent = json_object_get(config, "usage_stats_consent");
	size_t n = owner ? strlen(owner) : 0;

	if (n >= strlen(VENDORS_DOMAIN)
		&& str_equal(owner + n - strlen(VENDORS_DOMAIN), VENDORS_DOMAIN))
		return true;
	return consent && is_truthy(consent);
}

int contract_config_clear(const char *path)
{
	return sys_save_file(path, "{}", 2, SYS_SAVE_REPLACE);
}
