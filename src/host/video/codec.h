/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * A picture codec: rectangles of the scene become the bodies of PICTURE messages
 * (docs/protocol.md). One codec is one sequence for the viewer's decoder; a picture of another
 * size begins another, with a key picture. No other picture is one unless it is asked for.
 * A picture is loaded, which is cheap and is the only time that its pixels are read, and then
 * encoded, which is not; so the second may be done by another thread. Nothing in here knows of
 * threads: a codec belongs to one at a time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As PICTURE has them. */
enum codec_id {
	CODEC_JPEG = 1,
	CODEC_VP9 = 2,
	CODEC_H264 = 3,
};

/* Pixels are 0x00RRGGBB, top byte ignored; both are borrowed for the call. */
struct codec_input {
	const uint32_t *pixels;
	size_t stride; /* pixels from one row to the next */
	unsigned width;
	unsigned height;
	bool key;            /* begin a new sequence, whatever came before */
	size_t target_bytes; /* for this picture, met on average; 0: as many as a good picture
				needs */
	unsigned quality; /* of JPEG, up to 100; 0: a film's, by @target_bytes */
	bool half; /* half as many pixels each way are coded, rounded up: another size */
};

struct codec_output {
	const uint8_t *bytes; /* borrowed until the next call */
	size_t n;
	bool key; /* needs none that came before */
	bool half; /* as it was loaded */
	size_t n_least; /* about so many it would be at the least quality; 0: any target is met */
};

struct codec;

struct codec_impl {
	enum codec_id id;
	const char *name; /* as "decodes" in SIGN_IN has it */
	/* Pixels each way, and in all. */
	unsigned side_min;
	unsigned side_max;
	size_t area_max;
	bool is_still; /* each picture is by itself, a key picture */
	struct codec *(*create)(void);
	int (*load)(struct codec *self, const struct codec_input *in);
	int (*encode)(struct codec *self, struct codec_output *ret);
	void (*destroy)(struct codec *self);
};

/* Embedded in the variant's own struct. */
struct codec {
	const struct codec_impl *impl;
	bool half; /* is what was loaded; it is here: */
	uint32_t *small;
	size_t n_small;
};

/* openh264: 4:2:0, one pass, no picture held back. */
extern const struct codec_impl codec_h264;
/* libvpx: the same at three times the CPU. For viewers without H.264, and for any size. */
extern const struct codec_impl codec_vp9;
/* libjpeg-turbo, 4:4:4. For who has no WebCodecs. */
extern const struct codec_impl codec_jpeg;
/* For tests: the first pixel's colour, whether it is a key picture, and a count of pictures. */
extern const struct codec_impl codec_fake;

/* Bodies of codec_fake. */
#define CODEC_FAKE_SIZE 5

/* For variants: what @in asks for, or what a good picture has; within sane bounds. */
size_t codec_target(const struct codec_input *in);

/* And whether that is so far from @former that the rate control is to know. */
static inline bool codec_target_differs(size_t former, size_t target)
{
	return (former > target ? former - target : target - former) * 8 > former;
}

/* Can pictures of this size be coded? */
bool codec_takes(const struct codec_impl *impl, unsigned width, unsigned height);

/* A side of a picture that is coded by half. */
static inline unsigned codec_half(unsigned side)
{
	return side / 2 + side % 2;
}

/* NULL: out of memory. */
static inline struct codec *codec_create(const struct codec_impl *impl)
{
	return impl->create();
}

/**
 * codec_load() - take over a picture: some 0.3 ms for a million pixels
 *
 * Returns 0; -ERANGE: not a size that codec_takes(); -ENOMEM. On failure what was loaded before
 * is lost.
 */
int codec_load(struct codec *self, const struct codec_input *in);

/**
 * codec_encode() - code the picture that was loaded
 *
 * Returns 0; -EINVAL: none was loaded since the last time; -ENOMEM, -EIO (what the library
 * gives no reason for): the next picture is a key picture. @ret is untouched on failure.
 */
int codec_encode(struct codec *self, struct codec_output *ret);

/* Takes NULL. */
void codec_destroy(struct codec *self);
