/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Which configuration file is meant, where a flavour leaves that to whoever
 * starts it: --config, else host#MD5.json of this machine's name in the
 * configuration directory. Its canonical path is what tells one instance from
 * another. CLI-5, CONST-6.
 *
 * The name in the file's name is a trap: a machine that was given another one
 * no longer finds its host. So when that file is missing and just one of its
 * kind is there, that one is meant (D-20).
 */

#include "base/flavour.h"

struct config_path {
	char *path;	/* canonical; the file need not exist */
	char *expected; /* the file that @path stands in for (D-20); NULL: it does not */
};

/**
 * config_path_find() - what --config and the machine's name amount to
 * @home:  as paths_home() has it
 * @given: --config's value; NULL: none
 *
 * Returns 0, or negative errno: a relative @given in a directory that is gone.
 */
int config_path_find(const struct flavour *flavour, const char *home, const char *given,
	struct config_path *ret);

void config_path_finish(struct config_path *self);

static inline void cleanup_config_path(struct config_path *self)
{
	config_path_finish(self);
}

/**
 * config_path_resolve() - the path without links, ".", ".." and "//"
 *
 * As realpath(3), but parts that are not there, or that cannot be looked at, stay as they are; so
 * does a link that leads back to itself. Allocated, or negative errno as config_path_find().
 */
int config_path_resolve(const char *path, char **ret);

/* The same with all links left as they are. */
int config_path_absolute(const char *path, char **ret);

#define CONFIG_PATH_HASH_MAX 33

/* MD5 of @text in hexadecimal digits; returns @hash. It names files and keeps no secrets. */
char *config_path_hash(const char *text, char hash[CONFIG_PATH_HASH_MAX]);
