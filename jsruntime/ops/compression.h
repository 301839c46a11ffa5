// Native half of web/compression.js and of node:zlib: zlib of the host binary.
//
//   zlibOpen(format, compress[, level[, windowBits, memLevel, strategy]]) -> state, a Uint8Array that nothing else may touch
//     format: 0 gzip, 1 deflate (zlib), 2 deflate-raw, 3 the first or the second, to decompress
//   zlibStep(state, input, at, finish, progress) -> Uint8Array of at most kZlibChunkBytes, maybe empty
//     reads input from `at` on; finish: no more comes. progress, a Uint32Array(2): [0] bytes of input taken, [1] ZlibStatus
//   zlibWrite(state, flush, input, output, left) -> zlib's code, by its own names of both (zlib.h)
//     left, a Uint32Array(2): [0] room left in output, [1] bytes left of input
//   zlibReset(state), zlibParams(state, level, strategy), zlibDictionary(state, bytes) -> zlib's code
//   zlibMessage(state) -> what zlib says about its last error; undefined where it says nothing
//   zlibCrc32(bytes, before) -> number; before: of what stood in front of it, 0 at the beginning
//
// Everything that zlib allocates lies in `state`, which is an ordinary buffer: counted by the quota, and gone with its last reference.
//
// Thread:   the isolate's.
// Errors:   RangeError of zlibOpen where the quota is used up; kZlibBroken for input that is not of the format.
#pragma once

#include <cstddef>
#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

// What one step makes: large enough for zlib to be quick, small enough that a bomb stays in the reader's hands.
inline constexpr size_t kZlibChunkBytes = size_t{64} << 10;
// zlib's own figures are 268 KB and 44 KB (zconf.h); the host's variant pads its windows for vector instructions.
inline constexpr size_t kDeflateStateBytes = size_t{448} << 10;
// Of the highest memory level, which has twice the tables.
inline constexpr size_t kLargestDeflateStateBytes = size_t{768} << 10;
inline constexpr size_t kInflateStateBytes = size_t{96} << 10;

// As web/compression.js has them.
enum ZlibStatus : int { kZlibMore, kZlibEnd, kZlibBroken };

std::span<const Op> CompressionOps();

}  // namespace zts::js
