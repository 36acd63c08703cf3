/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "wire/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* What was read can be written, and reads the same again. */
static void check_round_trip(const struct control_message *message)
{
	struct control_message again;
	CLEANUP(free) char *line = NULL;
	size_t n;
	int r = control_encode(message, &line, &n);

	if (r == -EMSGSIZE)
		return; /* jansson escapes some of what came unescaped */
	if (r < 0 || line[n - 1] != '\n' || control_decode(line, n - 1, &again) < 0
		|| again.type != message->type || again.id != message->id)
		abort();
	control_message_finish(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct control_message message;

	if (control_decode((const char *)bytes, n, &message) < 0)
		return 0;
	if (message.type != CONTROL_UNKNOWN)
		check_round_trip(&message);
	control_message_finish(&message);
	return 0;
}
