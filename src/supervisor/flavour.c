/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/flavour.h"

#include <stddef.h>

static const char *const afar_session_files[] = {
	".config/afar/session",
	"/etc/afar/session",
	NULL,
};

const struct flavour flavour_afar = {
	.name = "afar",
	.first_display = 20,
	.session_files = afar_session_files,
	.session_mark = "AFAR_SESSION",
	.host_is_independent = true,
};
