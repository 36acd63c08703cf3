/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/video/codec.h"

#include <errno.h>
#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

#include "base/mem.h"
#include "host/video/planes.h"

/*
 * The rate control thinks in bits and pictures a second. We think in bytes a picture: that many
 * times RATE, whatever the clock says.
 */
#define RATE 30

struct vp9 {
	struct codec codec;
	struct planes planes;
	vpx_image_t image; /* wraps the planes */
	bool loaded;
	bool key;
	unsigned kilobits; /* for RATE pictures */

	/* For the size in the configuration. */
	vpx_codec_ctx_t encoder;
	vpx_codec_enc_cfg_t config;
	bool running;
	int64_t n_pictures;
};

static struct codec *create(void)
{
	struct vp9 *self = mem_new(struct vp9);

	if (!self)
		return NULL;
	self->codec.impl = &codec_vp9;
	return &self->codec;
}

static void stop(struct vp9 *self)
{
	if (self->running)
		vpx_codec_destroy(&self->encoder);
	self->running = false;
}

static void destroy(struct codec *codec)
{
	struct vp9 *self = (struct vp9 *)codec;

	stop(self);
	planes_finish(&self->planes);
	free(self);
}

static int load(struct codec *codec, const struct codec_input *in)
{
	struct vp9 *self = (struct vp9 *)codec;
	size_t kilobits = codec_target(in) * 8 * RATE / 1000;
	int r = planes_resize(&self->planes, in->width, in->height);

	self->loaded = false;
	if (r < 0)
		return r;
	planes_fill(&self->planes, in->pixels, in->stride, in->width, in->height);
	if (!vpx_img_wrap(&self->image, VPX_IMG_FMT_I420, self->planes.width,
		    self->planes.height, 1, self->planes.y))
		return -EIO;
	self->kilobits = kilobits > 0 ? (unsigned)kilobits : 1;
	self->key = in->key;
	self->loaded = true;
	return 0;
}

static int error_of(vpx_codec_err_t error)
{
	return error == VPX_CODEC_OK ? 0 : error == VPX_CODEC_MEM_ERROR ? -ENOMEM : -EIO;
}

static void configure(struct vp9 *self)
{
	vpx_codec_enc_cfg_t *config = &self->config;

	config->g_w = self->planes.width;
	config->g_h = self->planes.height;
	config->g_timebase = (struct vpx_rational){ 1, RATE };
	config->g_threads = 1; /* the caller's own */
	config->g_pass = VPX_RC_ONE_PASS;
	config->g_lag_in_frames = 0;
	config->g_error_resilient = 0;
	config->kf_mode = VPX_KF_DISABLED;
	config->rc_end_usage = VPX_CBR;
	config->rc_target_bitrate = self->kilobits;
	config->rc_dropframe_thresh = 0;
	config->rc_resize_allowed = 0;
	config->rc_min_quantizer = 28; /* as in codec-h264.c */
	config->rc_max_quantizer = 56;
	config->rc_undershoot_pct = 50;
	config->rc_overshoot_pct = 50;
	config->rc_buf_sz = 1000; /* ms at RATE */
	config->rc_buf_initial_sz = 500;
	config->rc_buf_optimal_sz = 600;
}

static int set_controls(vpx_codec_ctx_t *encoder)
{
	static const struct {
		int control;
		int value;
	} controls[] = {
		{ VP8E_SET_CPUUSED, 9 },
		{ VP9E_SET_TUNE_CONTENT, VP9E_CONTENT_DEFAULT },
		{ VP9E_SET_AQ_MODE, 0 },
		{ VP8E_SET_STATIC_THRESHOLD, 0 },
		{ VP9E_SET_NOISE_SENSITIVITY, 0 },
		{ VP8E_SET_MAX_INTRA_BITRATE_PCT, 900 },
		{ VP9E_SET_GF_CBR_BOOST_PCT, 0 },
		{ VP9E_SET_TILE_COLUMNS, 0 },
		{ VP9E_SET_ROW_MT, 0 },
		{ VP9E_SET_COLOR_SPACE, VPX_CS_BT_601 },
		{ VP9E_SET_COLOR_RANGE, VPX_CR_STUDIO_RANGE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(controls); i++) {
		vpx_codec_err_t error =
			vpx_codec_control_(encoder, controls[i].control, controls[i].value);

		if (error != VPX_CODEC_OK)
			return error_of(error);
	}
	return 0;
}

static int start(struct vp9 *self)
{
	vpx_codec_iface_t *interface = vpx_codec_vp9_cx();
	int r;

	r = error_of(vpx_codec_enc_config_default(interface, &self->config, 0));
	if (r < 0)
		return r;
	configure(self);
	r = error_of(vpx_codec_enc_init(&self->encoder, interface, &self->config, 0));
	if (r < 0)
		return r;
	self->running = true;
	self->n_pictures = 0;
	return set_controls(&self->encoder);
}

/* Begins anew for another size: else the library would keep the buffers of the largest. */
static int prepare(struct vp9 *self)
{
	if (self->running &&
		(self->config.g_w != self->planes.width ||
			self->config.g_h != self->planes.height))
		stop(self);
	if (!self->running)
		return start(self);
	if (!codec_target_differs(self->config.rc_target_bitrate, self->kilobits))
		return 0;
	self->config.rc_target_bitrate = self->kilobits;
	return error_of(vpx_codec_enc_config_set(&self->encoder, &self->config));
}

static int take(struct vp9 *self, struct codec_output *ret)
{
	vpx_codec_iter_t at = NULL;
	const vpx_codec_cx_pkt_t *packet;

	while ((packet = vpx_codec_get_cx_data(&self->encoder, &at))) {
		if (packet->kind != VPX_CODEC_CX_FRAME_PKT)
			continue;
		*ret = (struct codec_output){
			.bytes = packet->data.frame.buf,
			.n = packet->data.frame.sz,
			.key = packet->data.frame.flags & VPX_FRAME_IS_KEY,
		};
		return 0;
	}
	return -EIO;
}

static int encode(struct codec *codec, struct codec_output *ret)
{
	struct vp9 *self = (struct vp9 *)codec;
	int r;

	if (!self->loaded)
		return -EINVAL;
	self->loaded = false;
	r = prepare(self);
	if (r >= 0)
		r = error_of(vpx_codec_encode(&self->encoder, &self->image, self->n_pictures++,
			1, self->key ? VPX_EFLAG_FORCE_KF : 0, VPX_DL_REALTIME));
	if (r >= 0)
		r = take(self, ret);
	if (r < 0)
		stop(self);
	return r;
}

const struct codec_impl codec_vp9 = {
	.id = CODEC_VP9,
	.name = "vp9",
	.side_min = 1,
	.side_max = 16384,
	.area_max = (size_t)16384 * 8192,
	.create = create,
	.load = load,
	.encode = encode,
	.destroy = destroy,
};
