/* SPDX-License-Identifier: BSD-3-Clause */
/* Xorg with the dummy video driver: XORG-1..5. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/program.h"
#include "base/sys.h"
#include "supervisor/display/display.h"

#define DEBIAN_BINARY "/usr/lib/xorg/Xorg"
#define MODULES "/usr/lib/xorg/modules"

/* XORG-3. Settings and names are the contract's: hosts recognise a virtual desktop by them. */
static const char config[] =
	"Section \"Files\"\n"
	"  ModulePath \"" MODULES "\"\n"
	"EndSection\n"
	"\n"
	"Section \"ServerFlags\"\n"
	"  Option \"AutoAddDevices\" \"false\"\n"
	"  Option \"AutoEnableDevices\" \"false\"\n"
	"  Option \"DontVTSwitch\" \"true\"\n"
	"  Option \"PciForceNone\" \"true\"\n"
	"EndSection\n"
	"\n"
	"Section \"InputDevice\"\n"
	"  Identifier \"Chrome Remote Desktop Input\"\n"
	"  Option \"CoreKeyboard\" \"true\"\n"
	"  Option \"CorePointer\" \"true\"\n"
	"  Driver \"void\"\n"
	"EndSection\n"
	"\n"
	"Section \"Device\"\n"
	"  Identifier \"Chrome Remote Desktop Videocard\"\n"
	"  Driver \"dummy\"\n"
	"  VideoRam 1048576\n"
	"EndSection\n"
	"\n"
	"Section \"Monitor\"\n"
	"  Identifier \"Chrome Remote Desktop Monitor\"\n"
	"EndSection\n"
	"\n"
	"Section \"Screen\"\n"
	"  Identifier \"Chrome Remote Desktop Screen\"\n"
	"  Device \"Chrome Remote Desktop Videocard\"\n"
	"  Monitor \"Chrome Remote Desktop Monitor\"\n"
	"  DefaultDepth 24\n"
	"  SubSection \"Display\"\n"
	"    Viewport 0 0\n"
	"    Depth 24\n"
	"  EndSubSection\n"
	"EndSection\n"
	"\n"
	"Section \"ServerLayout\"\n"
	"  Identifier \"Chrome Remote Desktop Layout\"\n"
	"  Screen \"Chrome Remote Desktop Screen\"\n"
	"  InputDevice \"Chrome Remote Desktop Input\"\n"
	"EndSection\n";

static const char *const outputs[] = { "DUMMY0", "DUMMY1", "DUMMY2", "DUMMY3", NULL };

static const char *binary(void)
{
	if (access(DEBIAN_BINARY, X_OK) == 0)
		return DEBIAN_BINARY;
	return program_exists("Xorg") ? "Xorg" : NULL;
}

static bool is_installed(void)
{
	static const char *const drivers[] = {
		MODULES "/drivers/dummy_drv.so",
		"/usr/lib64/xorg/modules/drivers/dummy_drv.so",
	};

	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		if (access(drivers[i], R_OK) == 0)
			return binary() != NULL;
	}
	return false;
}

/* It lives no longer than the server: nobody waits for a disk here. */
static int write_config(const char *directory, const char *path)
{
	CLEANUP(close) int fd = -1;
	int r = sys_make_dirs(directory);

	if (r < 0)
		return r;
	fd = sys_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	return fd < 0 ? fd : sys_write_all(fd, config, sizeof(config) - 1);
}

static int prepare(const struct display_launch *launch, struct display_argv *ret)
{
	char *directory = ret->texts[0], *file = ret->texts[1], *none = ret->texts[2];
	char *ready = ret->texts[3];
	const size_t size = sizeof(ret->texts[0]);
	int r;

	if ((size_t)snprintf(directory, size, "%s/xorg", launch->directory) >= size - 10)
		return -ENAMETOOLONG;
	snprintf(file, size, "%.280s/xorg.conf", directory);
	snprintf(none, size, "%.280s/none", directory);
	snprintf(ready, size, "%d", launch->ready_fd);
	r = write_config(directory, file);
	if (r < 0)
		return r;
	display_argv_add(ret, binary());
	display_argv_add(ret, launch->name);
	display_argv_add(ret, "-auth");
	display_argv_add(ret, launch->authority);
	for (const char *const *arg = (const char *const[]){ "-nolisten", "tcp", "-noreset",
		     "-logfile", "/dev/null", "-verbose", "3", "-configdir", NULL };
		*arg; arg++)
		display_argv_add(ret, *arg);
	display_argv_add(ret, directory);
	display_argv_add(ret, "-config");
	display_argv_add(ret, none);
	display_argv_add(ret, "-displayfd");
	display_argv_add(ret, ready);
	if (geteuid() == 0) {
		/* It would switch the console's virtual terminal under whoever sits there. */
		display_argv_add(ret, "-sharevts");
		display_argv_add(ret, "-novtswitch");
	}
	return 0;
}

const struct display_impl display_xorg = {
	.name = "Xorg",
	.is_installed = is_installed,
	.prepare = prepare,
	.outputs = outputs,
};
