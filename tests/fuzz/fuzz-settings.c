/* SPDX-License-Identifier: BSD-3-Clause */
/* afar.conf as a user, or somebody worse, may have written it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/flavour.h"
#include "base/mem.h"
#include "wire/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	CLEANUP(free) char *text = mem_dup(bytes, n);
	struct settings settings, before;
	char why[SETTINGS_WHY_MAX] = "";
	unsigned line = 0;

	settings_init(&settings, &flavour_afar);
	before = settings;
	if (settings_read(&settings, text, NULL, NULL, &line, why) < 0) {
		if (!why[0] || memcmp(&settings, &before, sizeof(before)) != 0)
			abort();
	} else if (!settings.n_sizes || settings.n_sizes > SETTINGS_N_SIZES
		|| settings.n_listen > SETTINGS_N_LISTEN || settings.n_names > SETTINGS_N_NAMES) {
		abort();
	}
	return 0;
}
