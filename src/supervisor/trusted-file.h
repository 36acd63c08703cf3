/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Files that say what is run in the user's name: they have to belong to the user or to root, and
 * nobody else may write them (T11 and CFG-06 of the threat model, D-32).
 */

/**
 * trusted_file_check() - may this file be heeded?
 * @ret_why:  on -EPERM a sentence for the user (allocated)
 *
 * Returns 0, -EPERM, or another negative errno when it cannot be looked at.
 */
int trusted_file_check(const char *path, char **ret_why);
