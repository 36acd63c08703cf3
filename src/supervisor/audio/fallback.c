/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/audio/fallback.h"

#include <errno.h>

#include "base/mem.h"
#include "base/str.h"
#include "supervisor/audio/place.h"

static const char daemon_conf[] = "default-sample-format = s16le\n"
				  "default-sample-rate = 48000\n"
				  "default-sample-channels = 2\n";

/* Debian's libpulse starts nothing by itself unless it is told to. */
static const char client_conf[] = "autospawn = yes\n";

int fallback_write(const struct place *place, const char *sink)
{
	CLEANUP(strbuf) struct strbuf script = { 0 };
	int r;

	strbuf_printf(&script,
		"load-module module-native-protocol-unix\n"
		"load-module module-pipe-sink sink_name=%s file=\"%s\" rate=48000 channels=2 "
		"format=s16le\n",
		sink, place->fifo);
	if (script.failed)
		return -ENOMEM;
	r = place_write(place, "daemon.conf", daemon_conf, sizeof(daemon_conf) - 1);
	if (r == 0)
		r = place_write(place, "default.pa", script.text, script.length);
	if (r == 0)
		r = place_write(place, "client.conf", client_conf, sizeof(client_conf) - 1);
	return r;
}
