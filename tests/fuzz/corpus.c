/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a fuzz target over every file of a corpus directory, as an ordinary
 * test: it passes when nothing crashes. One TAP line a file, and one for the
 * empty input, which libFuzzer always tries first.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sys.h"

#define FILE_MAX ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void run(const char *name, const void *bytes, size_t n, unsigned number)
{
	/* An exact copy, so that ASan sees a read of even the byte behind the end. */
	CLEANUP(free) uint8_t *copy = malloc(n ? n : 1);

	if (!copy)
		err(1, "%s", name);
	if (n)
		memcpy(copy, bytes, n);
	LLVMFuzzerTestOneInput(copy, n);
	printf("ok %u - %s\n", number, name);
	fflush(stdout);
}

static int is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	int n_entries;

	if (argc != 2)
		errx(2, "usage: %s CORPUS-DIRECTORY", argv[0]);
	n_entries = scandir(argv[1], &entries, is_file, alphasort);
	if (n_entries < 0)
		err(1, "%s", argv[1]);

	run("the empty input", "", 0, 1);
	for (int i = 0; i < n_entries; i++) {
		CLEANUP(free) char *path = xprintf("%s/%s", argv[1], entries[i]->d_name);
		CLEANUP(free) char *bytes = NULL;
		size_t n;
		int r = sys_read_file(path, FILE_MAX, &bytes, &n);

		if (r < 0) {
			errno = -r;
			err(1, "%s", path);
		}
		run(entries[i]->d_name, bytes, n, (unsigned)i + 2);
		free(entries[i]);
	}
	free(entries);
	printf("1..%d\n", n_entries + 1);
	return 0;
}
