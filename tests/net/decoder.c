/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decodes a viewer's PICTUREs. On stdin comes, for each: u8 codec, as docs/protocol.md counts them,
 * u8 1 for a key, u16 width, u16 height, u32 N, in the machine's own order, and N bytes. On stdout
 * goes the green of each pixel, row by row. It ends with stdin, or with 1 at what it cannot decode.
 */
#include <stdio.h>

#include "base/mem.h"
#include "unit/picture-decoder.h"

struct __attribute__((packed)) head {
	uint8_t codec;
	uint8_t key;
	uint16_t width;
	uint16_t height;
	uint32_t n;
};

static bool decode(struct picture_decoder *decoder, const struct head *head)
{
	size_t n = (size_t)head->width * head->height;
	uint8_t *bytes = xalloc(head->n, 1);
	uint32_t *pixels = xalloc(n, sizeof(*pixels));
	bool right = fread(bytes, 1, head->n, stdin) == head->n
		     && picture_decode(decoder, bytes, head->n, pixels, head->width, head->height);

	for (size_t i = 0; right && i < n; i++)
		putchar((int)(pixels[i] >> 8 & 255));
	free(pixels);
	free(bytes);
	return right && fflush(stdout) == 0;
}

int main(void)
{
	struct picture_decoder *decoder = NULL;
	struct head head;
	bool right = true;

	while (right && fread(&head, sizeof(head), 1, stdin) == 1) {
		if (head.key || !decoder) {
			if (decoder)
				picture_decoder_destroy(decoder);
			decoder = picture_decoder_create((enum codec_id)head.codec);
		}
		right = decode(decoder, &head);
	}
	if (decoder)
		picture_decoder_destroy(decoder);
	return !right;
}
