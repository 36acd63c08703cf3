/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The X authority file: a fresh random cookie that only the owner of the file
 * can read, written by us and never on a command line (ISO-01). One entry of
 * FamilyWild, so that it holds under any host name. Format: Xau(3). It is made anew for each
 * server, so nobody reads what a crash leaves of it.
 */

#define COOKIE_NAME "MIT-MAGIC-COOKIE-1"
#define COOKIE_BYTES 16

/* Makes or replaces @path, 0600. @number: of the display. Returns 0 or negative errno. */
int authority_write(const char *path, unsigned number);
