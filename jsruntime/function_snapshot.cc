#include "jsruntime/function_snapshot.h"

#include <algorithm>

#include "base/sha256.h"
#include "jsruntime/snapshot.h"

namespace zts::js {
namespace {

// "zts-function-3\n" key "\n" environment "\n", the bytes of the text and of the blob in decimals, "TEXT BLOB\n"; each of them at the next
// multiple of 64.
constexpr std::string_view kMagic = "zts-function-3\n";
constexpr size_t kAlignment = 64;

std::string Head(const Snapshot& base) { return std::string(kMagic) + base.key() + "\n"; }

size_t Aligned(size_t at) { return (at + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

std::string EncodeFunctionSnapshot(const Snapshot& base, const FunctionSnapshot& made) {
  std::string out = Head(base);
  out.append(made.environment).append("\n");
  out += std::to_string(made.text.size()) + " " + std::to_string(made.blob.size()) + "\n";
  for (const std::string_view part : {made.text, made.blob}) {
    out.resize(Aligned(out.size()), ' ');
    out += part;
  }
  return out;
}

std::optional<FunctionSnapshot> DecodeFunctionSnapshot(const Snapshot& base, Bytes bytes) {
  const std::string_view all = AsText(bytes);
  const std::string head = Head(base);
  if (!all.starts_with(head)) return std::nullopt;
  const size_t environment_end = all.find('\n', head.size());
  if (environment_end == std::string_view::npos) return std::nullopt;
  const size_t line_end = all.find('\n', environment_end + 1);
  if (line_end == std::string_view::npos) return std::nullopt;
  const std::string_view line = all.substr(environment_end + 1, line_end - environment_end - 1);
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto text_bytes = ParseInteger<size_t>(line.substr(0, space));
  const auto blob_bytes = ParseInteger<size_t>(line.substr(space + 1));
  const size_t text_at = Aligned(line_end + 1);
  if (!text_bytes || !blob_bytes || *text_bytes > all.size() || *blob_bytes == 0 || *blob_bytes > all.size()) return std::nullopt;
  const size_t blob_at = Aligned(text_at + *text_bytes);
  if (blob_at + *blob_bytes != all.size()) return std::nullopt;
  return FunctionSnapshot{all.substr(text_at, *text_bytes), all.substr(blob_at), all.substr(head.size(), environment_end - head.size())};
}

std::string EnvironmentKey(const std::vector<std::pair<std::string, std::string>>& variables) {
  auto sorted = variables;
  std::sort(sorted.begin(), sorted.end());
  // With their sizes, so that no two sets look alike.
  std::string all;
  for (const auto& [name, value] : sorted) {
    for (const std::string* part : {&name, &value}) all.append(std::to_string(part->size())).append(":").append(*part);
  }
  return ToHex(Sha256Of(all));
}

}  // namespace zts::js
