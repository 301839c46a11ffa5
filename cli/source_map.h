// A source map: from places in a bundle back to places in the files it was made of.
//
// Source:   ECMA-426, Source map format (version 3): mappings in base 64 VLQ. Index maps ("sections") are not read: esbuild makes none.
// Thread:   immutable after Parse.
// Life:     views that are handed out live as long as the map.
// Limits:   kMappingsMax.
// Errors:   Parse: kInvalid for what is no map, or one that is damaged. A map that names what it does not have is damaged.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace zts::cli {

// A bundle of 10 MiB has about two million; each takes 16 bytes.
inline constexpr size_t kMappingsMax = size_t{8} << 20;

class SourceMap {
 public:
  static Result<SourceMap> Parse(std::string_view json);

  struct Place {
    std::string_view file;
    int line = 0;    // from 1, as everywhere here
    int column = 0;  // from 1, in UTF-16 units
    std::string_view source_line;  // empty where the map has no sources
  };
  // Of a place in the bundle; nothing where it comes from no file.
  std::optional<Place> Find(int line, int column) const;

 private:
  struct Mapping {
    int32_t column;
    int32_t source;  // -1: from no file
    int32_t source_line;
    int32_t source_column;
  };
  struct Source {
    std::string name;
    std::string content;
    std::vector<size_t> lines;  // where each begins
  };
  Status ReadMappings(std::string_view text);
  Status AddMapping(const int64_t* fields, size_t count);

  std::vector<Source> sources_;
  std::vector<Mapping> mappings_;   // in order of the bundle; within a line by column
  std::vector<size_t> line_starts_;  // of each line of the bundle, in mappings_
  // While reading: fields but the column go on over lines.
  int64_t column_ = 0, source_ = 0, source_line_ = 0, source_column_ = 0;
};

// Line `number`, from 1, of a text; empty beyond its end.
std::string_view LineOf(std::string_view text, int number);

}  // namespace zts::cli
