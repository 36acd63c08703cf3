/* SPDX-License-Identifier: BSD-3-Clause */
/* host.json: whatever is read can be written, and read again as the same. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/flavour.h"
#include "base/mem.h"
#include "wire/host-config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	json_t *config = NULL, *again = NULL;
	CLEANUP(free) char *text = NULL;
	CLEANUP(free) char *for_host = NULL;
	const char *listen[] = { "127.0.0.1:2327" };
	struct settings settings;
	char why[SETTINGS_WHY_MAX];
	size_t length;

	if (host_config_parse((const char *)bytes, n, &config, why) < 0)
		return 0;
	settings_init(&settings, &flavour_afar);
	host_config_missing(config);
	if (host_config_text(config, &text, &length) < 0
		|| host_config_parse(text, length, &again, why) < 0 || !json_equal(config, again))
		abort();
	if (host_config_for_host(config, &settings, listen, 1, &for_host, &length) < 0)
		abort();
	json_decref(config);
	json_decref(again);
	return 0;
}
