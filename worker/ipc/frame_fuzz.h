// What the fuzzers of frames have in common: a stream is read whole and in pieces, and both must show the same.
//
// Thread:   pure functions.
// Errors:   FuzzFrames aborts where a cut shows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/result.h"

namespace zts::ipc {

// What `show(frame, &text)` makes of the frames of a stream that comes in reads of `step` bytes.
template <typename Reader, typename Show>
std::string FrameTranscript(std::string_view stream, size_t step, const Show& show) {
  Reader reader;
  std::string out;
  while (!stream.empty()) {
    const std::string piece(stream.substr(0, step));  // of its own, and gone before the next
    stream.remove_prefix(piece.size());
    const Status fed = reader.Feed(piece, [&](const typename Reader::Frame& frame) -> Status {
      show(frame, &out);
      return {};
    });
    if (!fed.ok()) return out + "broken";
  }
  return out;
}

// The input's first byte is the size of the reads; the rest is the stream.
template <typename Reader, typename Show>
int FuzzFrames(const uint8_t* data, size_t size, const Show& show) {
  if (size == 0) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = FrameTranscript<Reader>(stream, std::max<size_t>(stream.size(), 1), show);
  const std::string cut = FrameTranscript<Reader>(stream, std::max<size_t>(data[0], 1), show);
  if (whole == cut) return 0;
  std::fprintf(stderr, "the frames differ when cut\n--- whole\n%s\n--- cut\n%s\n", whole.c_str(), cut.c_str());
  std::abort();
}

}  // namespace zts::ipc
