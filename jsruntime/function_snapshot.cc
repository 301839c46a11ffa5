#include "jsruntime/function_snapshot.h"

#include <algorithm>

#include "jsruntime/snapshot.h"

namespace zts::js {
namespace {

// "zts-function-2\n" key "\n", the bytes of the text and of the blob in decimals, "TEXT BLOB\n"; each of them at the next multiple of 64.
constexpr std::string_view kMagic = "zts-function-2\n";
constexpr size_t kAlignment = 64;

std::string Head(const Snapshot& base) { return std::string(kMagic) + base.key() + "\n"; }

size_t Aligned(size_t at) { return (at + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

std::string EncodeFunctionSnapshot(const Snapshot& base, std::string_view text, std::string_view blob) {
  std::string out = Head(base) + std::to_string(text.size()) + " " + std::to_string(blob.size()) + "\n";
  for (const std::string_view part : {text, blob}) {
    out.resize(Aligned(out.size()), ' ');
    out += part;
  }
  return out;
}

std::optional<FunctionSnapshot> DecodeFunctionSnapshot(const Snapshot& base, Bytes bytes) {
  const std::string_view all = AsText(bytes);
  const std::string head = Head(base);
  const size_t line_end = all.find('\n', std::min(head.size(), all.size()));
  if (!all.starts_with(head) || line_end == std::string_view::npos) return std::nullopt;
  const std::string_view line = all.substr(head.size(), line_end - head.size());
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto text_bytes = ParseInteger<size_t>(line.substr(0, space));
  const auto blob_bytes = ParseInteger<size_t>(line.substr(space + 1));
  const size_t text_at = Aligned(line_end + 1);
  if (!text_bytes || !blob_bytes || *text_bytes > all.size() || *blob_bytes == 0 || *blob_bytes > all.size()) return std::nullopt;
  const size_t blob_at = Aligned(text_at + *text_bytes);
  if (blob_at + *blob_bytes != all.size()) return std::nullopt;
  return FunctionSnapshot{all.substr(text_at, *text_bytes), all.substr(blob_at)};
}

}  // namespace zts::js
