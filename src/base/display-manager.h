/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Which display manager the machine has, as far as it matters: GDM refuses a
 * local login to a user who has a session already (START-7, D-6).
 */

#include <stdbool.h>

/* CLI-8: Debian's file names GDM, or a process of that name runs. */
bool display_manager_is_gdm(void);
