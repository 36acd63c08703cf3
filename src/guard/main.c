/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * afar-guard: started by `afar start` only, or by the contract's command under that one's name.
 *
 *	afar-guard LOCK-FD LOCK-FILE SOCKET RUNTIME-DIR RUNTIME-BASE SUPERVISOR ARGUMENT…
 *
 * RUNTIME-BASE is "-" when it is not ours to remove. Descriptor REPORT_FD,
 * if open, goes to the supervisor.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/flavour.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/report-fd.h"
#include "base/spawn.h"
#include "base/str.h"
#include "base/sys.h"
#include "guard/guard.h"

/* Who runs, and where to talk to it: see ctl/instance.h, the reader. */
static int write_lock(int fd, const char *socket)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "%d %llu\n%s\n", (int)getpid(),
		(unsigned long long)proc_start_time(getpid()), socket);

	if (n < 0 || (size_t)n >= sizeof(text))
		return -1;
	return ftruncate(fd, 0) < 0 ? -1 : sys_write_all(fd, text, (size_t)n);
}

int main(int argc, char **argv)
{
	struct guard guard = { .lock_fd = -1, .report_fd = -1, .manager_fd = -1 };
	unsigned long lock_fd;

	log_init("guard");
	spawn_raise_limit();
	if (flavour_of_command(argv[0])->logs_to_stderr)
		log_use_contract_format();
	if (argc < 7 || str_to_uint(argv[1], 3, 1023, &lock_fd) < 0) {
		fputs("afar-guard is started by `afar start`\n", stderr);
		return 2;
	}
	guard.lock_fd = (int)lock_fd;
	guard.lock_file = argv[2];
	guard.runtime_dir = argv[4];
	guard.runtime_base = str_equal(argv[5], "-") ? NULL : argv[5];
	/*
	 * Its visible command line begins with a bare name, as ours does: the vendor's package
	 * kills all whose command line begins with its folder (PKG-9).
	 */
	guard.program = argv[6];
	argv[6] = (char *)str_basename(argv[6]);
	guard.supervisor = (const char *const *)argv + 6;
	guard.report_fd = report_fd_find();
	if (write_lock(guard.lock_fd, argv[3]) < 0) {
		log_error("cannot write %s: is the disk full?", guard.lock_file);
		return 1;
	}
	return guard_run(&guard);
}
