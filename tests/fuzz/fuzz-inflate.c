/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The page's inflater. Even first byte: what a script of bytes makes, deflated by zlib in any
 * pieces, must come back from it as it was. Odd: anything at all as a message, which it must
 * take or refuse as zlib does. All memory is as large as it says.
 */
/* Before zlib.h, which has the name, too. */
#define inflate page_inflate
#include "../../web/wasm/inflate.c"
#undef inflate

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/reader.h"

#define WINDOW (1U << 15)
#define PIECE_MAX 65536
#define TOTAL_MAX (160U << 10)
#define SCRIPT_MAX 4096
#define BEYOND (WINDOW + 65536) /* what zlib gets more: it is to go on where we are full */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* All that came out so far. */
static uint8_t history[TOTAL_MAX];
static size_t n_history;

static unsigned known(void)
{
	return n_history < WINDOW ? (unsigned)n_history : WINDOW;
}

/* As web/src/net/inflate.ts calls it. What came out is the caller's to free. */
static int run(const uint8_t *bytes, size_t n, unsigned room, uint8_t **ret_out)
{
	CLEANUP(free) uint8_t *in = malloc(n ? n : 1);
	CLEANUP(free) uint8_t *memory = malloc(known() + room ? known() + room : 1);
	uint8_t *out = memory + known();
	int r;

	assert(in && memory);
	memcpy(in, bytes, n);
	memcpy(memory, history + n_history - known(), known());
	r = page_inflate(in, (unsigned)n, out, known(), room);
	assert(r >= TOO_SMALL && r <= (int)room);
	assert(memcmp(memory, history + n_history - known(), known()) == 0);
	*ret_out = malloc(room + 1);
	assert(*ret_out);
	memcpy(*ret_out, out, r > 0 ? (size_t)r : 0);
	return r;
}

/* --- what a host sends --- */

static uint8_t piece[PIECE_MAX];

static size_t make_piece(struct reader *script, uint32_t *random)
{
	size_t n = reader_u16(script) % PIECE_MAX, back = reader_u16(script);
	unsigned kind = reader_u8(script), mask = reader_u8(script);

	if (n > TOTAL_MAX - n_history)
		n = TOTAL_MAX - n_history;
	for (size_t i = 0; i < n; i++) {
		*random = *random * 1664525 + 1013904223;
		if (kind % 4 == 0 || (kind % 4 == 3 && *random >> 28 == 0))
			piece[i] = (uint8_t)(*random >> 24 & mask);
		else if (kind % 4 == 1)
			piece[i] = (uint8_t)mask;
		else if (back < i)
			piece[i] = piece[i - back - 1];
		else
			piece[i] =
				back - i < n_history ? history[n_history - (back - i) - 1] : 0;
	}
	return n;
}

/* Whole blocks, as zlib's output is after a flush. */
static size_t deflate_piece(z_stream *deflater, uint8_t *out, size_t room, size_t n, int flush)
{
	int r;

	deflater->next_in = piece;
	deflater->avail_in = (unsigned)n;
	deflater->next_out = out;
	deflater->avail_out = (unsigned)room;
	r = deflate(deflater, flush);
	/* A second flush at the same place does nothing. */
	assert(r == Z_OK || (r == Z_BUF_ERROR && n == 0));
	assert(deflater->avail_out > 0);
	return room - deflater->avail_out;
}

static void check_piece(const uint8_t *message, size_t n_message, size_t n)
{
	uint8_t *out;

	if (n > 0) {
		assert(run(message, n_message, (unsigned)n - 1, &out) == TOO_SMALL);
		free(out);
	}
	assert(run(message, n_message, (unsigned)n, &out) == (int)n);
	assert(memcmp(out, piece, n) == 0);
	free(out);
	memcpy(history + n_history, piece, n);
	n_history += n;
}

static void start_deflater(z_stream *self, struct reader *script)
{
	int level = reader_u8(script) % 10, memory = 1 + reader_u8(script) % 9;
	int strategy = reader_u8(script) % 5, window = 9 + reader_u8(script) % 7;

	*self = (z_stream){ 0 };
	assert(deflateInit2(self, level, Z_DEFLATED, -window, memory, strategy) == Z_OK);
}

static void run_script(struct reader *script)
{
	static uint8_t message[2 * PIECE_MAX];
	uint32_t random = 1;
	z_stream deflater;

	start_deflater(&deflater, script);
	while (reader_left(script) > 0 && n_history < TOTAL_MAX) {
		unsigned what = reader_u8(script);
		size_t n, n_message;

		if (what % 8 == 7) { /* another compressor goes on */
			deflateEnd(&deflater);
			start_deflater(&deflater, script);
		}
		n = make_piece(script, &random);
		n_message = deflate_piece(&deflater, message, sizeof(message), n,
			what % 8 == 6 ? Z_FULL_FLUSH : Z_SYNC_FLUSH);
		check_piece(message, n_message, n);
	}
	deflateEnd(&deflater);
}

/* --- what nobody should --- */

/* As page_inflate() says it; with so much more room that what it finds too small is larger. */
static int ask_zlib(const uint8_t *bytes, size_t n, uint8_t *out, unsigned room)
{
	z_stream zlib = { .next_in = (uint8_t *)bytes, .avail_in = (unsigned)n };
	int r = Z_OK, result = DAMAGED;

	assert(inflateInit2(&zlib, -MAX_WBITS) == Z_OK);
	if (known())
		assert(inflateSetDictionary(&zlib, history + n_history - known(), known()) ==
			Z_OK);
	zlib.next_out = out;
	zlib.avail_out = room + BEYOND;
	while (zlib.total_out <= room && result == DAMAGED && r == Z_OK) {
		r = inflate(&zlib, Z_BLOCK);
		/* At a block's end, and nothing is left. */
		if (zlib.avail_in == 0 &&
			(r == Z_STREAM_END || (r == Z_OK && zlib.data_type & 128)))
			result = (int)zlib.total_out;
	}
	if (zlib.total_out > room)
		result = TOO_SMALL;
	inflateEnd(&zlib);
	return result;
}

static void run_message(struct reader *reader)
{
	static uint8_t wanted[PIECE_MAX + BEYOND];
	unsigned room = reader_u16(reader);
	size_t n;
	const uint8_t *bytes;
	uint8_t *out;
	int r;

	n_history = reader_u16(reader);
	for (size_t i = 0; i < n_history; i++)
		history[i] = (uint8_t)(i * i >> 3);
	n = reader_left(reader);
	bytes = reader_bytes(reader, n);
	if (n == 0)
		return;
	r = run(bytes, n, room, &out);
	/* We look first whether all of a stored block has come. */
	assert(r == ask_zlib(bytes, n, wanted, room) ||
		(r == DAMAGED && ask_zlib(bytes, n, wanted, room) == TOO_SMALL));
	assert(r < 0 || memcmp(out, wanted, (size_t)r) == 0);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct reader reader;

	n_history = 0;
	reader_init(&reader, bytes, n < SCRIPT_MAX ? n : SCRIPT_MAX);
	if (reader_u8(&reader) % 2 == 0)
		run_script(&reader);
	else
		run_message(&reader);
	return 0;
}
