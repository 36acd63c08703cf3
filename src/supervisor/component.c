/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/component.h"

#include "supervisor/audio/audio.h"
#include "supervisor/bus.h"
#include "supervisor/crash-uploader.h"
#include "supervisor/display/display.h"
#include "supervisor/host-process.h"
#include "supervisor/pre-session.h"
#include "supervisor/session.h"

/* CONST-4. */
#define SESSION_OUTPUT_LIMIT_USEC (300 * USEC_PER_SEC)

const struct component_rules component_rules[POLICY_N_COMPONENTS] = {
	[POLICY_HOST] = {
		.name = "host",
		.label = "the host",
		.inhibitor = "host",
		.offline_reason = "HOST_RETRIES_EXCEEDED",
		.start = host_process_start,
		.stop = host_process_stop,
		.pid = host_process_pid,
		.save = host_process_save,
		.adopt = host_process_adopt,
	},
	[POLICY_DISPLAY] = {
		.name = "display",
		.label = "the X server",
		.inhibitor = "Display server",
		.offline_reason = "X_SERVER_RETRIES_EXCEEDED",
		.start = display_start,
		.stop = display_stop,
		.pid = display_pid,
		.save = display_save,
		.adopt = display_adopt,
	},
	[POLICY_BUS] = {
		.name = "bus",
		.label = "the session bus",
		.start = bus_start,
		.stop = bus_stop,
		.pid = bus_pid,
		.save = bus_save,
		.adopt = bus_adopt,
	},
	[POLICY_SESSION] = {
		.name = "session",
		.label = "the session",
		.inhibitor = "session",
		.offline_reason = "SESSION_RETRIES_EXCEEDED",
		.output_prefix = "Session output: ",
		.output_limit = SESSION_OUTPUT_LIMIT_USEC,
		.start = session_start,
		.stop = session_stop,
		.pid = session_pid,
		.save = session_save,
		.adopt = session_adopt,
	},
	[POLICY_PRE_SESSION] = {
		.name = "pre-session",
		.label = "the pre-session script",
		.offline_reason = "SESSION_RETRIES_EXCEEDED", /* its failures are the session's */
		.output_prefix = "Pre-session output: ",
		.start = pre_session_start,
		.stop = pre_session_stop,
		.pid = pre_session_pid,
		.adopt = pre_session_adopt,
	},
	[POLICY_CRASH_UPLOADER] = {
		.name = "crash-uploader",
		.label = "the crash uploader",
		.inhibitor = "Crash uploader",
		.offline_reason = "CRASH_UPLOADER_RETRIES_EXCEEDED",
		.start = crash_uploader_start,
		.stop = crash_uploader_stop,
		.pid = crash_uploader_pid,
	},
	[POLICY_AUDIO] = {
		.label = "sound",
		.inhibitor = "PipeWire",
		.start = audio_start,
		.stop = audio_stop,
		.pid = audio_pid,
		.save = audio_save,
		.adopt = audio_adopt,
	},
};
