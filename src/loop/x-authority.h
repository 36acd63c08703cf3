/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What an X authority file has for one display: Xsecurity(7), XauReadAuth(3).
 * Neither XAUTHORITY nor ~/.Xauthority is looked at here.
 */

#include <stddef.h>

struct x_authority {
	char name[64]; /* MIT-MAGIC-COOKIE-1; "": none */
	char data[256];
	size_t n;
};

/**
 * x_authority_read() - the entry to show to the server of display :@number
 *
 * MIT-MAGIC-COOKIE-1 only. An entry of family local under this machine's name goes before one
 * of family wild, and that before one of family local under another name: a machine may have
 * been renamed since. Returns 0; -ENODATA when the file has none; an error of reading it.
 */
int x_authority_read(const char *path, unsigned number, struct x_authority *ret);
