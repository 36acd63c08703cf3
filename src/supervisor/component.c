/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/component.h"

#include "supervisor/bus.h"
#include "supervisor/display/display.h"
#include "supervisor/host-process.h"
#include "supervisor/session.h"

const struct component_rules component_rules[POLICY_N_COMPONENTS] = {
	[POLICY_HOST] = {
		.name = "host",
		.label = "the host",
		.offline_reason = "HOST_RETRIES_EXCEEDED",
		.start = host_process_start,
		.stop = host_process_stop,
		.pid = host_process_pid,
	},
	[POLICY_DISPLAY] = {
		.name = "display",
		.label = "the X server",
		.offline_reason = "X_SERVER_RETRIES_EXCEEDED",
		.start = display_start,
		.stop = display_stop,
		.pid = display_pid,
	},
	[POLICY_BUS] = {
		.name = "bus",
		.label = "the session bus",
		.start = bus_start,
		.stop = bus_stop,
		.pid = bus_pid,
	},
	[POLICY_SESSION] = {
		.name = "session",
		.label = "the session",
		.offline_reason = "SESSION_RETRIES_EXCEEDED",
		.start = session_start,
		.stop = session_stop,
		.pid = session_pid,
	},
};
