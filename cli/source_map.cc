#include "cli/source_map.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

namespace zts::cli {
namespace {

Error Damaged(const std::string& why) { return Invalid("the source map is damaged: " + why); }

// The value of a digit of base 64, RFC 4648 section 4; -1 for what is none.
int DigitOf(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

// One number: five bits a digit, the lowest first, the sixth says that more follow; the lowest bit of all is the sign.
std::optional<int64_t> TakeNumber(std::string_view& text) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 5) {
    if (text.empty() || shift > 30) return std::nullopt;  // 32 bits and the sign: ECMA-426 has no more
    const int digit = DigitOf(text.front());
    if (digit < 0) return std::nullopt;
    text.remove_prefix(1);
    value |= static_cast<uint64_t>(digit & 31) << shift;
    if ((digit & 32) == 0) break;
  }
  const auto magnitude = static_cast<int64_t>(value >> 1);
  return (value & 1) != 0 ? -magnitude : magnitude;
}

std::vector<size_t> LineStarts(std::string_view text) {
  std::vector<size_t> starts{0};
  for (size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) starts.push_back(at + 1);
  return starts;
}

std::string_view WithoutReturn(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

bool FitsInt(int64_t value) { return value >= 0 && value < std::numeric_limits<int32_t>::max(); }

}  // namespace

Status SourceMap::AddMapping(const int64_t* fields, size_t count) {
  if (count != 1 && count != 4 && count != 5) return Damaged("a mapping has " + std::to_string(count) + " fields");
  if (mappings_.size() >= kMappingsMax) return Invalid("the source map has more than " + std::to_string(kMappingsMax) + " mappings");
  column_ += fields[0];
  if (!FitsInt(column_)) return Damaged("a column is out of range");
  Mapping mapping{static_cast<int32_t>(column_), -1, 0, 0};
  if (count > 1) {
    source_ += fields[1];
    source_line_ += fields[2];
    source_column_ += fields[3];
    if (source_ < 0 || source_ >= static_cast<int64_t>(sources_.size())) return Damaged("a mapping names a source that is not there");
    if (!FitsInt(source_line_) || !FitsInt(source_column_)) return Damaged("a place in a source is out of range");
    mapping = {static_cast<int32_t>(column_), static_cast<int32_t>(source_), static_cast<int32_t>(source_line_),
               static_cast<int32_t>(source_column_)};
  }
  mappings_.push_back(mapping);
  return {};
}

// Lines end with ';', mappings with ','.
Status SourceMap::ReadMappings(std::string_view text) {
  line_starts_ = {0};
  while (!text.empty()) {
    if (text.front() == ';') {
      line_starts_.push_back(mappings_.size());
      column_ = 0;
      text.remove_prefix(1);
      continue;
    }
    if (text.front() == ',') {
      text.remove_prefix(1);
      continue;
    }
    int64_t fields[5];
    size_t count = 0;
    while (!text.empty() && text.front() != ',' && text.front() != ';') {
      const std::optional<int64_t> number = TakeNumber(text);
      if (!number || count == 5) return Damaged("its mappings cannot be read");
      fields[count++] = *number;
    }
    ZTS_RETURN_IF_ERROR(AddMapping(fields, count));
  }
  // Nearly always in order already.
  for (size_t line = 0; line < line_starts_.size(); ++line) {
    const auto begin = mappings_.begin() + static_cast<ptrdiff_t>(line_starts_[line]);
    const auto end = line + 1 < line_starts_.size() ? mappings_.begin() + static_cast<ptrdiff_t>(line_starts_[line + 1]) : mappings_.end();
    const auto earlier = [](const Mapping& a, const Mapping& b) { return a.column < b.column; };
    if (!std::is_sorted(begin, end, earlier)) std::stable_sort(begin, end, earlier);
  }
  return {};
}

Result<SourceMap> SourceMap::Parse(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return Damaged("it is not a JSON object");
  if (json.contains("sections")) return Invalid("the source map has sections, which are not supported");
  if (json.value("version", nlohmann::json()) != 3) return Invalid("the source map is not of version 3");
  const auto sources = json.find("sources"), contents = json.find("sourcesContent"), mappings = json.find("mappings");
  if (sources == json.end() || !sources->is_array() || mappings == json.end() || !mappings->is_string()) {
    return Damaged("it has no \"sources\" and \"mappings\"");
  }
  const auto root = json.find("sourceRoot");
  const std::string folder = root != json.end() && root->is_string() ? root->get<std::string>() : "";
  SourceMap map;
  for (size_t i = 0; i < sources->size(); ++i) {
    Source& source = map.sources_.emplace_back();
    const auto& name = (*sources)[i];
    source.name = name.is_string() ? folder + name.get<std::string>() : "?";
    if (contents == json.end() || !contents->is_array() || i >= contents->size() || !(*contents)[i].is_string()) continue;
    source.content = (*contents)[i].get<std::string>();
    source.lines = LineStarts(source.content);
  }
  ZTS_RETURN_IF_ERROR(map.ReadMappings(mappings->get_ref<const std::string&>()));
  return map;
}

std::optional<SourceMap::Place> SourceMap::Find(int line, int column) const {
  if (line < 1 || column < 1 || static_cast<size_t>(line) > line_starts_.size()) return std::nullopt;
  const auto at = static_cast<size_t>(line - 1);
  const auto begin = mappings_.begin() + static_cast<ptrdiff_t>(line_starts_[at]);
  const auto end = at + 1 < line_starts_.size() ? mappings_.begin() + static_cast<ptrdiff_t>(line_starts_[at + 1]) : mappings_.end();
  auto found = std::upper_bound(begin, end, column - 1, [](int wanted, const Mapping& mapping) { return wanted < mapping.column; });
  if (found == begin) return std::nullopt;
  --found;
  if (found->source < 0) return std::nullopt;
  const Source& source = sources_[static_cast<size_t>(found->source)];
  Place place{source.name, found->source_line + 1, found->source_column + 1, {}};
  const auto number = static_cast<size_t>(found->source_line);
  if (number < source.lines.size()) {
    const size_t start = source.lines[number];
    place.source_line = WithoutReturn(std::string_view(source.content).substr(start, source.content.find('\n', start) - start));
  }
  return place;
}

std::string_view LineOf(std::string_view text, int number) {
  for (int line = 1; line < number; ++line) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return "";
    text.remove_prefix(end + 1);
  }
  return WithoutReturn(text.substr(0, text.find('\n')));
}

}  // namespace zts::cli
