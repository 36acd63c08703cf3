/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/reader.h"

void reader_init(struct reader *self, const void *bytes, size_t n)
{
	*self = (struct reader){ .at = bytes, .end = (const uint8_t *)bytes + n };
}

const uint8_t *reader_bytes(struct reader *self, size_t n)
{
	const uint8_t *bytes = self->at;

	if (self->failed || n > reader_left(self)) {
		self->failed = true;
		self->at = self->end;
		return NULL;
	}
	self->at += n;
	return bytes;
}

uint8_t reader_u8(struct reader *self)
{
	const uint8_t *b = reader_bytes(self, 1);

	return b ? b[0] : 0;
}

uint16_t reader_u16(struct reader *self)
{
	const uint8_t *b = reader_bytes(self, 2);

	return b ? (uint16_t)(b[0] | b[1] << 8) : 0;
}

uint32_t reader_u32(struct reader *self)
{
	const uint8_t *b = reader_bytes(self, 4);

	return b ? (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16
				| (uint32_t)b[3] << 24
		 : 0;
}
