/* SPDX-License-Identifier: BSD-3-Clause */
/* afar link, afar pin: the ways in. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/spawn.h"
#include "base/str.h"
#include "base/sys.h"
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "wire/host-config.h"

/* Asks the running daemon; complains if there is none or it fails. */
static int ask(struct ctl *ctl, enum control_type request, json_t **ret)
{
	CLEANUP(free) char *why = NULL;
	struct instance instance;
	int error = 0;

	switch (instance_lock(&ctl->paths, &instance, NULL, &error)) {
	case INSTANCE_FREE:
		ctl_complain("afar is not running; `afar start` starts it");
		return CTL_NOT_RUNNING;
	case INSTANCE_ERROR:
		ctl_complain("cannot read %s: %s", ctl->paths.lock_file, strerror(-error));
		return CTL_FAILED;
	case INSTANCE_RUNNING:
		break;
	}
	if (call_daemon(&instance, request, ret, &why) < 0) {
		ctl_complain("%s", why);
		return CTL_FAILED;
	}
	return CTL_DONE;
}

int ctl_link(struct ctl *ctl, int argc, char **argv)
{
	json_t *body = NULL;
	const char *link;
	int status;

	if (ctl_no_arguments(argc, argv))
		return CTL_USAGE;
	status = ask(ctl, CONTROL_GET_LINK, &body);
	if (status != CTL_DONE)
		return status;
	link = json_string_value(json_object_get(body, "link"));
	puts(link ? link : "");
	json_decref(body);
	return CTL_DONE;
}

static int show_when(struct ctl *ctl)
{
	CLEANUP(free) char *text = NULL;
	char why[SETTINGS_WHY_MAX];
	json_t *config = NULL;
	const char *when;
	size_t n;
	int r;

	r = sys_read_file(ctl->paths.config_file, HOST_CONFIG_MAX, &text, &n);
	if (r == -ENOENT) {
		puts("There is no PIN yet: the first `afar start` makes one and shows it.");
		return CTL_DONE;
	}
	if (r < 0 || host_config_parse(text, n, &config, why) < 0) {
		ctl_complain("cannot read %s: %s", ctl->paths.config_file,
			r < 0 ? strerror(-r) : why);
		return CTL_FAILED;
	}
	when = json_string_value(json_object_get(config, "pin_set_at"));
	printf("The PIN was set at %s and is kept as a hash only; `afar pin --new` makes another.\n",
		when ? when : "an unknown time");
	json_decref(config);
	return CTL_DONE;
}

/* The supervisor's program knows how; it tells the PIN. */
static int run_maker(void)
{
	CLEANUP(free) char *program = ctl_program("afar-supervisor");
	const char *argv[] = { "afar-supervisor", "--new-pin", NULL };
	struct spawn spawn = { .argv = argv, .path = program };
	int status = 0;
	pid_t pid;

	spawn_map(&spawn, STDOUT_FILENO, STDOUT_FILENO);
	spawn_map(&spawn, STDERR_FILENO, STDERR_FILENO);
	pid = spawn_start(&spawn);
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		ctl_complain("cannot run %s: %s", program, strerror(pid < 0 ? (int)-pid : errno));
		return CTL_FAILED;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? CTL_DONE : CTL_FAILED;
}

int ctl_pin(struct ctl *ctl, int argc, char **argv)
{
	CLEANUP(free) char *why = NULL;
	struct instance instance;
	json_t *body = NULL;
	int error, status;

	if (argc == 1)
		return show_when(ctl);
	if (argc != 2 || !str_equal(argv[1], "--new")) {
		ctl_complain("'%s' is no option of `afar pin`: it has --new only", argv[argc - 1]);
		return CTL_USAGE;
	}
	status = run_maker();
	if (status != CTL_DONE)
		return status;
	if (instance_lock(&ctl->paths, &instance, NULL, &error) != INSTANCE_RUNNING)
		return CTL_DONE;
	if (call_daemon(&instance, CONTROL_RELOAD, &body, &why) < 0) {
		ctl_complain("the running daemon still has the old PIN: %s", why);
		return CTL_FAILED;
	}
	json_decref(body);
	puts("Browsers that are signed in have to sign in again at their next connection.");
	return CTL_DONE;
}
