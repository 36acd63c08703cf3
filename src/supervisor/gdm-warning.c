/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/gdm-warning.h"

#include <syslog.h>

#include "base/log.h"

#define TROUBLE                                                                                \
	"The display manager of this machine is GDM. Some versions of it refuse to let a user " \
	"log in at the machine while that user has another graphical session, such as this "   \
	"one: see https://gitlab.gnome.org/GNOME/gdm/-/issues/580. "

/* The vendor's host can be told so from afar, ours where it is. */
#define CONTRACT_REMEDY                                                                        \
	"Who is shut out by that can end this session by removing the machine on "             \
	"https://remotedesktop.google.com/access; that takes effect within about five minutes."
#define OWN_REMEDY                                                                             \
	"Who is shut out by that can end this session with `afar stop`, by ssh or on a text "  \
	"console."

void gdm_warning_tell(const struct flavour *flavour)
{
	const char *text = flavour->host_is_ours ? TROUBLE OWN_REMEDY : TROUBLE CONTRACT_REMEDY;

	log_warning("%s", text);
	openlog(flavour->name, LOG_PID, LOG_DAEMON);
	syslog(LOG_WARNING | LOG_DAEMON, "%s", text);
	closelog();
}
