/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/contract/root.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "ctl/contract/run.h"

static const char *const pkexec[] = { "/usr/bin/pkexec", NULL };
/* -k: a password given for something else is not taken for this. */
static const char *const sudo[] = { "/usr/bin/sudo", "-k", "--", NULL };

static int run_by(const char *const *by, const char *const *argv)
{
	CLEANUP(free) const char **list = NULL;
	size_t n = 0, n_by = 0;

	while (by[n_by])
		n_by++;
	while (argv[n])
		n++;
	list = xalloc(n_by + n + 1, sizeof(*list));
	memcpy(list, by, n_by * sizeof(*list));
	memcpy(list + n_by, argv, n * sizeof(*list));
	return run_program(list);
}

/* pkexec's way to say that nobody could be asked is the status of a command that is not there. */
static bool wants_sudo(int result)
{
	if (result == -ENOENT)
		return true;
	return (result < 0 || result == RUN_NOT_FOUND) && isatty(STDIN_FILENO);
}

int root_run(const char *const *argv)
{
	const char *program = pkexec[0];
	int r = -ENOENT;

	if (!str_empty(getenv("DISPLAY")))
		r = run_by(pkexec, argv);
	if (wants_sudo(r)) {
		program = sudo[0];
		r = run_by(sudo, argv);
		if (r == -ENOENT && getuid() == 0) {
			program = argv[0];
			r = run_program(argv);
		}
	}
	if (r >= 0)
		return r;
	log_error("Could not execute %s: %s", program, strerror(-r));
	return r == -ENOENT ? RUN_NOT_FOUND : RUN_NOT_EXECUTABLE;
}
