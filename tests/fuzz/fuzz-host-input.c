/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdint.h>
#include <stdlib.h>

#include "wire/host-input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct host_settings copy = { 0 };
	struct host_input input = { 0 };
	const char *why = NULL;

	if (host_input_parse((const char *)bytes, n, &input, &why) < 0) {
		if (!why || input.host_name)
			abort();
		return 0;
	}
	if (!input.host_name || host_settings_copy(&input.settings, &copy) < 0
		|| copy.n_names != input.settings.n_names)
		abort();
	host_settings_finish(&copy);
	host_input_finish(&input);
	return 0;
}
