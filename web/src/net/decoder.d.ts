/* SPDX-License-Identifier: BSD-3-Clause */

/* What clang makes of web/wasm/, and esbuild puts into the worker. */

declare module "decoder.wasm" {
	const bytes: Uint8Array;
	export default bytes;
}
