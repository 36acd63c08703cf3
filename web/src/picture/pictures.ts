/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The coded pictures of PICTURE messages (docs/protocol.md), decoded in the worker by what the
 * browser has for them.
 */

import { BadMessage, CODEC_JPEG, CODECS, Picture } from "../net/wire";
import { codedSide, Place, VideoPictures } from "./video";

/* Or a VideoFrame, which Debian 12's TypeScript does not know to be drawn and handed over alike. */
export type Image = ImageBitmap;

/*
 * Where on the screen an image goes, which may be larger by a column and a row, or be of half the
 * size, and so to be enlarged.
 */
export interface PlacedImage extends Place {
	image: Image;
}

/* What this browser decodes, as SIGN_IN names it. */
export async function findCodecs(): Promise<string[]> {
	const jpeg = typeof createImageBitmap === "function" ? [CODECS[CODEC_JPEG]] : [];

	return [...jpeg, ...await VideoPictures.codecs()];
}

/* One connection's. */
export class Pictures {
	private readonly video = new VideoPictures();

	/* codecs: what the host was told that we decode. */
	constructor(private readonly codecs: string[]) {
	}

	/*
	 * Null: a browser's decoder has given up, and the picture stays as it was until the host
	 * sends another. The promise is broken by a BadMessage.
	 */
	async decode(picture: Picture): Promise<PlacedImage | null> {
		const { codec, key, half, x, y, width, height, coded } = picture;
		const at = { x, y, width, height, half };

		if (!this.codecs.includes(CODECS[codec]))
			throw new BadMessage(`a picture of codec ${codec}`);
		if (codec === CODEC_JPEG)
			return { ...at, image: await decodeJpeg(coded, at) };
		try {
			const { image } = await this.video.decode(codec, key, at, coded);
			return { ...at, image: image as unknown as Image };
		} catch {
			return null;
		}
	}

	close(): void {
		this.video.close();
	}
}

async function decodeJpeg(coded: Uint8Array, at: Place): Promise<Image> {
	const width = codedSide(at.width, at.half);
	const height = codedSide(at.height, at.half);
	let image: Image;

	try {
		image = await createImageBitmap(new Blob([coded], { type: "image/jpeg" }));
	} catch {
		throw new BadMessage("a damaged JPEG picture");
	}
	if (image.width === width && image.height === height)
		return image;
	image.close();
	throw new BadMessage(`a picture of ${image.width}×${image.height} for ${width}×${height}`);
}
