/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What whoever administers a machine with GDM should know, START-7, D-6: many
 * versions of it let a user have one graphical session only, and a desktop of
 * ours counts. Whoever then cannot log in at the machine looks into the
 * system's log, so it stands there as well.
 *
 *	if (display_manager_is_gdm())
 *		gdm_warning_tell(self->flavour);
 */

#include "base/flavour.h"

/* To our log, and to syslog(3) as LOG_DAEMON, LOG_WARNING. At start only: syslog() may wait. */
void gdm_warning_tell(const struct flavour *flavour);
