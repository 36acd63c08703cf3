/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages from a viewer: whatever comes, what is let through keeps its limits. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "wire/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct stream_message message;

	if (stream_parse(bytes, n, &message) < 0)
		return 0;
	assert(message.type == bytes[0]);
	if (message.type == STREAM_KEY)
		assert(message.key.code >= 1 && message.key.code <= STREAM_KEY_MAX);
	if (message.type == STREAM_BUTTON)
		assert(message.button.number >= 1 && message.button.number <= STREAM_BUTTON_MAX);
	if (message.type == STREAM_SIGN_IN && message.sign_in.version == STREAM_VERSION)
		assert(strlen(message.sign_in.secret) <= STREAM_SIGN_IN_MAX
			&& message.sign_in.decodes < 2U << STREAM_H264);
	return 0;
}
