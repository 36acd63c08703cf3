/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The floor of memory: a process that has what ours cannot do without, and does nothing.
 *
 *	floor-memory DISPLAY AUTHORITY
 *	floor-memory-web DISPLAY AUTHORITY
 *
 * The first: an event loop, a connection to the X server, JSON (the supervisor). The second, built
 * with WITH_WEB: libwebsockets on top (the host). Writes "ready" once all is there, and stays.
 */
#include <stdbool.h>
#include <stdio.h>
#include <jansson.h>
#include <systemd/sd-event.h>
#ifdef WITH_WEB
#include <libwebsockets.h>
#endif

#include "loop/xcb-connect.h"

#ifdef WITH_WEB
static bool start_web(void)
{
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
	};

	lws_set_log_level(0, NULL);
	return lws_create_context(&info) != NULL;
}
#else
static bool start_web(void)
{
	return true;
}
#endif

int main(int argc, char **argv)
{
	sd_event *event = NULL;
	xcb_connection_t *c;
	json_t *object;

	if (argc != 3 || sd_event_default(&event) < 0
		|| xcb_connect_file(argv[1], argv[2], &c, NULL) < 0 || !start_web()) {
		fprintf(stderr, "floor-memory: no display\n");
		return 1;
	}
	object = json_loads("{\"state\":\"ready\"}", 0, NULL);
	printf("%s\n", json_string_value(json_object_get(object, "state")));
	fflush(stdout);
	return sd_event_loop(event) < 0;
}
