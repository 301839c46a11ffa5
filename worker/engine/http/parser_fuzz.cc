// However a stream is cut, the parser gives the same events; no view outlives its bytes; nothing reaches a CHECK.
//
// The input says how to cut itself: one byte with the number of cuts, that many two-byte distances, then the stream.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "worker/engine/http/testing/transcript.h"

namespace {

std::vector<std::string_view> Cut(std::string_view input) {
  if (input.empty()) return {};
  const size_t cuts = std::min<size_t>(static_cast<uint8_t>(input[0]), (input.size() - 1) / 2);
  std::string_view plan = input.substr(1, 2 * cuts);
  std::string_view stream = input.substr(1 + 2 * cuts);
  std::vector<std::string_view> pieces;
  for (; !plan.empty(); plan.remove_prefix(2)) {
    const size_t distance = static_cast<uint8_t>(plan[0]) | static_cast<size_t>(static_cast<uint8_t>(plan[1])) << 8;
    const size_t bytes = std::min(distance, stream.size());
    pieces.push_back(stream.substr(0, bytes));
    stream.remove_prefix(bytes);
  }
  pieces.push_back(stream);
  return pieces;
}

[[noreturn]] void Differ(const char* how, const std::string& whole, const std::string& cut) {
  std::fprintf(stderr, "the events differ when %s\n--- whole\n%s--- cut\n%s", how, whole.c_str(), cut.c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<std::string_view> pieces = Cut({reinterpret_cast<const char*>(data), size});
  std::string stream;
  for (const std::string_view piece : pieces) stream += piece;

  const std::string_view one[] = {stream};
  const std::string whole = zts::http::Transcript(one);
  const std::string cut = zts::http::Transcript(pieces);
  if (whole != cut) Differ("cut as the input says", whole, cut);

  std::vector<std::string_view> bytes;
  for (size_t i = 0; i < stream.size(); ++i) bytes.push_back(std::string_view(stream).substr(i, 1));
  const std::string bytewise = zts::http::Transcript(bytes);
  if (whole != bytewise) Differ("fed byte by byte", whole, bytewise);
  return 0;
}
