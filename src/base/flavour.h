/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What differs between the names under which the programs go: strings, paths, limits and a few
 * named rules, so that no code asks which flavour it is. "afar" is our own; "chrome-remote-desktop"
 * stands in the place of the vendor's script and keeps its contract (CONST-1..7).
 *
 * Paths without a leading '/' are below HOME.
 */

#include <stdbool.h>

#include "base/clock.h"

struct flavour {
	const char *name;	/* of the command, the group and the PAM service */
	const char *config_dir; /* ".config/afar" */
	const char *config_file; /* in it; NULL: named by whoever starts it, --config */
	const char *runtime_name; /* in the runtime directory */
	const char *unit;	  /* systemd's template: "afar" of afar@USER.service */

	/* Programs, beside the command or in libexec. */
	const char *host_program;
	const char *login_program; /* the setuid wrapper */

	/* Variables that are read (CONST-1), and the one that marks what belongs to a session. */
	const char *sizes_env;
	const char *xvfb_env;
	const char *host_params_env;
	const char *session_mark;

	const char *const *session_files; /* SESS-1; NULL-terminated */
	const char *pre_session_file;	  /* PRE-1 */
	const char *default_sizes;	  /* SIZE-1 */
	unsigned first_display;		  /* XCH-3 */
	const char *authority_file; /* gets the display's entry as well (XCH-4); NULL: none */

	/* Sound: AUDIO-1..4. */
	const char *audio_prefix; /* of the directory, before a hash of the host's id */
	const char *audio_sink;

	/* CONST-3; settings may change them. */
	usec_t healthy_after, fast_delay, slow_delay;
	unsigned slow_after, give_up_after;

	/* Rules. */
	bool host_is_independent; /* runs without a display and outlives it (else SUP-8, SUP-9) */
	bool host_is_ours;  /* gets --control-fd and --listen-fd, and settings in its configuration */
	bool logs_to_stderr; /* LOG-1, with all children's output; else to a file of ours */
	bool relaunches_itself; /* ends with 41 when a desktop ended well (SUP-2) */
	bool gives_up_whole; /* a component given up ends the daemon (SUP-3), as does a host that says
				it is hopeless (EXIT-1) */
	bool forces_software_gl; /* ENV-3 */
	bool exports_ssh_socket; /* ENV-5: SSH_AUTH_SOCK is the host's socket for security keys */
	bool has_crash_uploader; /* CRU-1, START-10 */
	bool checks_owners; /* of files that say what is run; by the contract whoever wrote them is heeded */
	bool chooses_by_dialog; /* without a session file the chooser asks (SESS-1) */
};

extern const struct flavour flavour_afar;
extern const struct flavour flavour_contract;

/* The exit status that asks whoever started us to start us anew (CONST-5). */
#define FLAVOUR_EXIT_RELAUNCH 41

/* By the basename of the command that was called; our own when it is no name of ours. */
const struct flavour *flavour_of_command(const char *argv0);

/* By its name, as the hidden option --flavour has it; NULL: none. */
const struct flavour *flavour_by_name(const char *name);
