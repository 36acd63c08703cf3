/* SPDX-License-Identifier: BSD-3-Clause */
/* Sound, and what stands in its way: AUDIO-5, AUDIO-10, AUDIO-12, D-11. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/program.h"
#include "base/str.h"
#include "ctl/doctor/doctor.h"

#define PULSE_NAME "org.pulseaudio.Server"

struct version {
	unsigned major, minor, patch;
};

/* The number behind "… @word " at the end of a line: "Compiled with libpipewire 0.3.65". */
static bool find_version(const char *text, const char *word, struct version *ret)
{
	for (const char *at = text; (at = strstr(at, word)); at += strlen(word)) {
		struct version version = { 0 };

		if (sscanf(at + strlen(word), " %4u.%4u.%4u", &version.major, &version.minor,
			    &version.patch)
			>= 2) {
			*ret = version;
			return true;
		}
	}
	return false;
}

static bool is_at_least(const struct version *v, unsigned major, unsigned minor, unsigned patch)
{
	if (v->major != major)
		return v->major > major;
	if (v->minor != minor)
		return v->minor > minor;
	return v->patch >= patch;
}

/* 0 with @ret; else what is wrong is said. */
static int ask_version(struct doctor_result *result, const char *program, struct version *ret)
{
	const char *argv[] = { program, "--version", NULL };
	CLEANUP(free) char *said = NULL;
	int r = doctor_run(argv, &said);

	if (r == -ETIMEDOUT)
		doctor_say(result, DOCTOR_NOTE, "install it anew", "`%s --version` does not end",
			program);
	else if (r < 0)
		doctor_say(result, DOCTOR_NOTE, "install it anew", "%s cannot be run (%s)", program,
			strerror(-r));
	else if (r > 0)
		doctor_say(result, DOCTOR_NOTE, "install it anew",
			"`%s --version` ended with exit status %d", program, r);
	else if (!find_version(said, program, ret))
		doctor_say(result, DOCTOR_NOTE, "install it anew", "%s does not tell its version",
			program);
	else
		return 0;
	return -EINVAL;
}

/* Only a note each time: a desktop without sound is a desktop. */
static void check_sound(const struct doctor *doctor, struct doctor_result *result)
{
	static const char advice[] = "apt install pipewire pipewire-pulse wireplumber";
	struct version pipewire, manager = { 0 };

	(void)doctor;
	if (!program_exists("pipewire")) {
		if (program_exists("pulseaudio"))
			doctor_say(result, DOCTOR_OK, NULL, "there is PulseAudio, and no PipeWire");
		else
			doctor_say(result, DOCTOR_NOTE, advice, "there is no sound: PipeWire is missing");
		return;
	}
	if (ask_version(result, "pipewire", &pipewire) < 0)
		return;
	if (!is_at_least(&pipewire, 0, 3, 53)) {
		doctor_say(result, DOCTOR_NOTE, "upgrade it", "PipeWire %u.%u.%u is older than 0.3.53",
			pipewire.major, pipewire.minor, pipewire.patch);
		return;
	}
	if (program_exists("wireplumber")) {
		if (ask_version(result, "wireplumber", &manager) < 0)
			return;
	} else if (!program_exists("pipewire-media-session")) {
		doctor_say(result, DOCTOR_NOTE, "apt install wireplumber",
			"PipeWire has no session manager");
		return;
	}
	doctor_say(result, DOCTOR_OK, NULL, "PipeWire %u.%u.%u, %s %u.%u.%u", pipewire.major,
		pipewire.minor, pipewire.patch,
		program_exists("wireplumber") ? "WirePlumber" : "pipewire-media-session",
		manager.major, manager.minor, manager.patch);
}

/* Has somebody that name on the user's bus? No bus: no; none is started for that. */
static bool name_is_taken(const struct doctor *doctor, const char *name)
{
	const char *given = getenv("DBUS_SESSION_BUS_ADDRESS");
	CLEANUP(free) char *own = xprintf("%s/bus", doctor->paths->runtime_base);
	CLEANUP(free) char *bus = NULL;
	CLEANUP(free) char *argument = xprintf("string:%s", name);
	CLEANUP(free) char *said = NULL;
	const char *argv[] = { "dbus-send", NULL, "--print-reply=literal", "--reply-timeout=1000",
		"--dest=org.freedesktop.DBus", "/org/freedesktop/DBus",
		"org.freedesktop.DBus.NameHasOwner", argument, NULL };

	if (str_empty(given) && access(own, F_OK) < 0)
		return false;
	bus = str_empty(given) ? xprintf("--bus=unix:path=%s", own) : xprintf("--bus=%s", given);
	argv[1] = bus;
	return doctor_run(argv, &said) == 0 && strstr(said, "true");
}

static void check_other_sound(const struct doctor *doctor, struct doctor_result *result)
{
	static const char *const variables[] = { "PIPEWIRE_REMOTE", "PIPEWIRE_RUNTIME_DIR",
		"PULSE_SERVER", "PULSE_RUNTIME_PATH", "PULSE_SINK" };

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		if (!str_empty(getenv(variables[i])))
			doctor_say(result, DOCTOR_NOTE, "unset it before `afar start`",
				"%s is set here, and leads programs to another sound server",
				variables[i]);
	}
	if (!doctor->runs && name_is_taken(doctor, PULSE_NAME))
		doctor_say(result, DOCTOR_NOTE, "log out at the machine if the desktop has no sound",
			"another sound server of yours has the name " PULSE_NAME
			" on the session bus");
	doctor_say(result, DOCTOR_OK, NULL, "no other sound server is in the way");
}

const struct doctor_check doctor_sound_checks[] = {
	{ .name = "sound", .run = check_sound },
	{ .name = "other-sound", .run = check_other_sound },
	{ 0 },
};
