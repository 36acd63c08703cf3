/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/flavour.h"

#include <stddef.h>

#include "base/mem.h"
#include "base/str.h"

static const char *const afar_session_files[] = {
	".config/afar/session",
	"/etc/afar/session",
	NULL,
};

static const char *const contract_session_files[] = {
	".chrome-remote-desktop-session",
	"/etc/chrome-remote-desktop-session",
	NULL,
};

const struct flavour flavour_afar = {
	.name = "afar",
	.config_dir = ".config/afar",
	.config_file = "host.json",
	.runtime_name = "afar",
	.unit = "afar",
	.host_program = "afar-host",
	.login_program = "afar-login",
	.sizes_env = "AFAR_DEFAULT_DESKTOP_SIZES",
	.xvfb_env = "AFAR_USE_XVFB",
	.host_params_env = "AFAR_HOST_EXTRA_PARAMS",
	.session_mark = "AFAR_SESSION",
	.session_files = afar_session_files,
	.pre_session_file = "/etc/afar/pre-session",
	.default_sizes = "1920x1080,3840x2160",
	.first_display = 20,
	.audio_prefix = "audio",
	.audio_sink = "afar",
	.healthy_after = 60 * USEC_PER_SEC,
	.fast_delay = 1 * USEC_PER_SEC,
	.slow_delay = 60 * USEC_PER_SEC,
	.slow_after = 5,
	.give_up_after = 15,
	.host_is_independent = true,
	.host_is_ours = true,
	.checks_owners = true,
};

const struct flavour flavour_contract = {
	.name = "chrome-remote-desktop",
	.config_dir = ".config/chrome-remote-desktop",
	.runtime_name = "chrome-remote-desktop",
	.unit = "chrome-remote-desktop",
	.host_program = "chrome-remote-desktop-host",
	.login_program = "user-session",
	.sizes_env = "CHROME_REMOTE_DESKTOP_DEFAULT_DESKTOP_SIZES",
	.xvfb_env = "CHROME_REMOTE_DESKTOP_USE_XVFB",
	.host_params_env = "CHROME_REMOTE_DESKTOP_HOST_EXTRA_PARAMS",
	.session_mark = "CHROME_REMOTE_DESKTOP_SESSION",
	.session_files = contract_session_files,
	.pre_session_file = "/etc/chrome-remote-desktop-pre-session",
	.default_sizes = "1600x1200,3840x2560",
	.first_display = 20,
	.authority_file = ".Xauthority",
	.audio_prefix = "crd_audio#",
	.audio_sink = "chrome_remote_desktop_session",
	.healthy_after = 60 * USEC_PER_SEC,
	.fast_delay = 5 * USEC_PER_SEC,
	.slow_delay = 60 * USEC_PER_SEC,
	.slow_after = 5,
	.give_up_after = 15,
	.logs_to_stderr = true,
	.relaunches_itself = true,
	.gives_up_whole = true,
	.forces_software_gl = true,
	.exports_ssh_socket = true,
	.has_crash_uploader = true,
	.chooses_by_dialog = true,
};

static const struct flavour *const flavours[] = { &flavour_afar, &flavour_contract };

const struct flavour *flavour_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(flavours); i++) {
		if (str_equal(flavours[i]->name, name))
			return flavours[i];
	}
	return NULL;
}

const struct flavour *flavour_of_command(const char *argv0)
{
	const struct flavour *found = flavour_by_name(str_basename(argv0 ? argv0 : ""));

	return found ? found : &flavour_afar;
}
