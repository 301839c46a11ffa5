// A compiler process that a tenant's code has taken over may answer anything: the controller reads it and stays.
//
// The input's first byte is the size of the reads; the rest is what comes through the pipe.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "controller/compiler/frame.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace zts::controller;
  if (size == 0) return 0;
  std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t step = std::max<size_t>(data[0], 1);
  FrameReader reader(1 << 20);
  while (!stream.empty()) {
    const std::string piece(stream.substr(0, step));
    stream.remove_prefix(piece.size());
    if (!reader.Add(piece).ok()) return 0;
  }
  if (!reader.done()) return 0;
  const std::string head = reader.TakeHead();
  const std::string body = reader.TakeBody();
  const auto answer = DecodeAnswer(head, body);
  if (answer.ok()) EncodeAnswer(*answer);
  const auto job = DecodeJob(head, body);
  if (job.ok()) EncodeJob(job->job);
  return 0;
}
