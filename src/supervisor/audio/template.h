/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Text with variables, filled in: $name or ${name}, and $$ for a dollar. What is no variable of
 * ours stays as it is (AUDIO-6).
 */

#include <stddef.h>

#include "base/str.h"

#define TEMPLATE_MAX (64 * 1024)         /* bytes, of a file */
#define TEMPLATE_FILLED_MAX (256 * 1024) /* and of what is made of it */

struct template_variable {
	const char *name, *value;
};

/**
 * template_fill() - fill in @text
 * @variables:  ends with one whose name is NULL
 * @ret:        zeroed; the caller finishes it, always
 *
 * Returns 0, -EFBIG or -ENOMEM.
 */
int template_fill(const char *text, size_t n, const struct template_variable *variables,
	struct strbuf *ret);

/**
 * template_read() - the text of a template
 * @directories:  where @name.template is looked for, in order; NULL-terminated
 * @ret:          allocated
 *
 * Returns 0 or negative errno; -ENOENT when it is in none of them.
 */
int template_read(const char *const *directories, const char *name, char **ret, size_t *ret_n);
