// Brotli for node:zlib (RFC 7932): by the host binary's own code, declared by Debian's headers of the same interface.
//
//   brotliOpen(compress, quality, windowBits, mode) -> handle; undefined where the memory limit or that of native objects is reached
//   brotliWrite(handle, operation, input, output, left) -> ZlibStatus of compression.h. operation: by brotli's own names (brotli/encode.h).
//     left, a Uint32Array(2): [0] room left in output, [1] bytes left of input
//   brotliError(handle) -> [number, name] of what has broken a decompression
//   brotliClose(handle)   its memory goes at once; a write after it is kZlibBroken
//
// What it allocates counts against the function's memory limit. Decompression takes it as it goes, and is broken at the limit. The host's
// brotli ends the process where a compressor gets no memory: it takes what it can ever need when it is opened (BrotliEncoderBytesMax), and
// is not refused any of it afterwards.
//
// Thread:   the isolate's. A write takes at most kBrotliInputBytes, so that a turn that is to end is asked about between writes: at the
//           highest quality that much is some tenths of a second.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

inline constexpr size_t kBrotliInputBytes = size_t{128} << 10;
// By quality (0 to 11) and the window's bits: above what was measured over 40 MB of input, of the kind that fills its tables.
size_t BrotliEncoderBytesMax(uint32_t quality, uint32_t window_bits);

std::span<const Op> BrotliOps();

}  // namespace zts::js
