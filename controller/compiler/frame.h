// What a compiler process and its parent say to each other: one frame each way, a JSON head and the bytes behind it.
//
//   u32 bytes of the head | u64 bytes of the body | head | body        (host byte order: both ends are one machine)
//
// Thread:   pure functions.
// Errors:   decoding anything else is kCorrupt; it never trusts a length before it is compared with its bound.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "controller/compiler/compiler.h"

namespace zts::controller {

// The body of a job is its source, then the snapshot that is to be tried; that of an answer is what was made.
std::string EncodeJob(const CompileJob& job);
struct ReceivedJob {
  CompileJob job;  // its source views `storage`
  std::string storage;
  std::string snapshot_to_try;
};
Result<ReceivedJob> DecodeJob(std::string head, std::string body);

std::string EncodeAnswer(const CompileOutcome& outcome);
Result<CompileOutcome> DecodeAnswer(std::string head, std::string body);

// Collects one frame from pieces of any size.
class FrameReader {
 public:
  explicit FrameReader(size_t bytes_max) : bytes_max_(bytes_max) {}
  // kExhausted when the frame says it is longer than allowed, kCorrupt when more follows than it said.
  Status Add(std::string_view bytes);
  bool done() const;
  // REQUIRES: done().
  std::string TakeHead();
  std::string TakeBody();

 private:
  static constexpr size_t kPrefixBytes = 4 + 8;
  const size_t bytes_max_;
  std::string bytes_;
  std::optional<size_t> head_bytes_;
  size_t body_bytes_ = 0;
};

}  // namespace zts::controller
