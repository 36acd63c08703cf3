/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define REPLACEMENT "\xef\xbf\xbd"

/*
 * The length of the character at @at, 0 when it is no valid UTF-8 (RFC 3629:
 * no overlong forms, no surrogates, nothing above U+10FFFF). The NUL at the
 * end of the text is no continuation byte, so nothing behind it is read.
 */
static size_t char_length(const uint8_t *at)
{
	if (at[0] < 0x80)
		return at[0] >= 0x20 || at[0] == '\t' ? at[0] != 0x7f : 0;
	if (at[0] < 0xc2 || at[0] > 0xf4 || (at[1] & 0xc0) != 0x80)
		return 0;
	if (at[0] < 0xe0)
		return 2;
	if ((at[2] & 0xc0) != 0x80)
		return 0;
	if (at[0] < 0xf0)
		return (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ? 0 : 3;
	if ((at[3] & 0xc0) != 0x80)
		return 0;
	return (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f) ? 0 : 4;
}

json_t *text_to_json_within(const char *text, size_t max)
{
	CLEANUP(strbuf) struct strbuf clean = { 0 };

	while (*text) {
		size_t n = char_length((const uint8_t *)text);
		const char *from = n ? text : REPLACEMENT;
		size_t n_from = n ? n : strlen(REPLACEMENT);

		if (n_from > max - clean.length)
			break;
		strbuf_append(&clean, from, n_from);
		if (clean.failed)
			return NULL;
		text += n ? n : 1;
	}
	return json_string_nocheck(clean.text ? clean.text : "");
}

json_t *text_to_json(const char *text)
{
	return text ? text_to_json_within(text, SIZE_MAX) : json_null();
}
