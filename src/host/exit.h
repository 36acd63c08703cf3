/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Exit codes of afar-host that it uses itself, of spec HOST-8. 100 and above are permanent. */
enum host_exit {
	HOST_EXIT_SUCCESS = 0,
	HOST_EXIT_INITIALISATION = 2,
	HOST_EXIT_COMMAND_LINE = 3,
	HOST_EXIT_INVALID_CONFIG = 100,
};
