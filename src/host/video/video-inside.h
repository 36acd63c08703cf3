/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What the videos' files share: video.c has the regions and the scene, sequence.c codes what is
 * in them, and video-viewer.c is what a pacer asks. video.h is the manual.
 */

#include "host/video/pace.h"
#include "host/video/video.h"

/* One region as one codec has it, for the viewers in step. */
struct video_sequence {
	struct list link;
	struct video *video;
	unsigned nth; /* region */
	struct rect at;
	const struct codec_impl *impl;
	bool late;
	struct video_coder *coder;
	struct pace pace;
	unsigned n_viewers;
	bool stale; /* the scene has changed since the newest picture, */
	bool key;   /* or somebody waits for a key picture */
	usec_t started;
};

/* The viewer gets that region as pictures, from the next key picture on, if it decodes any. */
void sequence_join(struct video_viewer *viewer, unsigned nth, bool late);

/* Nothing of that region is on its way to the viewer any more. The last one ends the sequence. */
void sequence_leave(struct video_viewer *viewer, unsigned nth);

/* Pixels in @box are others. */
void sequences_note_change(struct video *self, const struct rect *box);

/* All that may be coded now is begun, and the timer waits for the next. */
void sequences_start(struct video *self, usec_t now);

/* The timer waits for whatever may be coded next, or a region's rest. */
void sequences_arm(struct video *self);
