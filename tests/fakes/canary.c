/* SPDX-License-Identifier: BSD-3-Clause */
/* A library that must never be loaded: leaves a file where it can. */
#include <fcntl.h>
#include <unistd.h>

__attribute__((constructor)) static void sing(void)
{
	int fd = open(CANARY_FILE, O_WRONLY | O_CREAT, 0666);

	if (fd >= 0)
		close(fd);
}
