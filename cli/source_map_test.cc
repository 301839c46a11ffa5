#include "cli/source_map.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace zts::cli {
namespace {

std::string Map(const std::string& mappings, const nlohmann::json& contents = {"let a;\nlet b = a.c;\n", "export {};\r\nfail();"}) {
  return nlohmann::json{{"version", 3}, {"sources", {"a.ts", "b.ts"}}, {"sourcesContent", contents}, {"mappings", mappings}}.dump();
}

std::string Show(const std::optional<SourceMap::Place>& place) {
  if (!place) return "-";
  return std::string(place->file) + ":" + std::to_string(place->line) + ":" + std::to_string(place->column) + " " +
         std::string(place->source_line);
}

std::string Find(const std::string& json, int line, int column) {
  const auto map = SourceMap::Parse(json);
  EXPECT_TRUE(map.ok()) << map.error().message;
  return map.ok() ? Show(map->Find(line, column)) : "";
}

TEST(SourceMapTest, FindsTheMappingAtOrBefore) {
  // Line 2: column 0 is a.ts 1:1, column 4 is a.ts 2:9. Line 4: column 2 is b.ts 2:1.
  const std::string json = Map(";AAAA,IACQ;;ECARA");
  EXPECT_EQ(Find(json, 2, 1), "a.ts:1:1 let a;");
  EXPECT_EQ(Find(json, 2, 4), "a.ts:1:1 let a;");
  EXPECT_EQ(Find(json, 2, 5), "a.ts:2:9 let b = a.c;");
  EXPECT_EQ(Find(json, 2, 500), "a.ts:2:9 let b = a.c;");
}

TEST(SourceMapTest, NothingWhereNothingIsMapped) {
  const std::string json = Map(";EAAA");
  EXPECT_EQ(Find(json, 1, 1), "-");
  EXPECT_EQ(Find(json, 2, 2), "-") << "before the first mapping";
  EXPECT_EQ(Find(json, 2, 3), "a.ts:1:1 let a;");
  EXPECT_EQ(Find(json, 3, 1), "-") << "beyond the last line";
  EXPECT_EQ(Find(json, 0, 1), "-");
  EXPECT_EQ(Find(json, 2, 0), "-");
  EXPECT_EQ(Find(json, -1, -1), "-");
}

TEST(SourceMapTest, AMappingOfOneFieldComesFromNoFile) {
  const std::string json = Map("AAAA,I");
  EXPECT_EQ(Find(json, 1, 4), "a.ts:1:1 let a;");
  EXPECT_EQ(Find(json, 1, 5), "-");
}

TEST(SourceMapTest, ColumnsStartOverWithEachLineAndTheRestGoesOn) {
  const std::string json = Map("EACA;ECAA");
  EXPECT_EQ(Find(json, 1, 3), "a.ts:2:1 let b = a.c;");
  EXPECT_EQ(Find(json, 2, 3), "b.ts:2:1 fail();");
}

TEST(SourceMapTest, NegativeAndLongNumbers) {
  EXPECT_EQ(Find(Map("AACI,CADJ"), 1, 2), "a.ts:1:1 let a;") << "a line and 4 columns back";
  // Four digits: a column of 2^14.
  EXPECT_EQ(Find(Map("gggBAAA"), 1, (1 << 14) + 1), "a.ts:1:1 let a;");
}

TEST(SourceMapTest, MappingsOutOfOrderAreSorted) {
  const std::string json = Map("IACA,JADA");  // column 4, then 0
  EXPECT_EQ(Find(json, 1, 1), "a.ts:1:1 let a;");
  EXPECT_EQ(Find(json, 1, 5), "a.ts:2:1 let b = a.c;");
}

TEST(SourceMapTest, WindowsLineEndsDoNotShow) { EXPECT_EQ(Find(Map("ACAA"), 1, 1), "b.ts:1:1 export {};"); }

TEST(SourceMapTest, SourcesMayBeMissing) {
  EXPECT_EQ(Find(Map("AAAA", {nullptr, "x"}), 1, 1), "a.ts:1:1 ");
  EXPECT_EQ(Find(R"({"version":3,"sources":["a.ts"],"sourceRoot":"src/","mappings":"AAAA"})", 1, 1), "src/a.ts:1:1 ");
  EXPECT_EQ(Find(Map("AAAAA,AA6BA"), 1, 1), "a.ts:30:1 ") << "a line that the source does not have";
}

TEST(SourceMapTest, RefusesWhatIsNoMap) {
  for (const std::string text : {"", "{", "[]", "null", "{}", R"({"version":3})", R"({"version":2,"sources":[],"mappings":""})",
                                 R"({"version":3,"sources":"a","mappings":""})", R"({"version":3,"sources":[],"mappings":7})",
                                 R"({"version":3,"sections":[],"sources":[],"mappings":""})"}) {
    EXPECT_FALSE(SourceMap::Parse(text).ok()) << text;
  }
}

TEST(SourceMapTest, RefusesDamagedMappings) {
  for (const char* mappings : {"AA", "AAA", "AAAAAA", "A!AA", "AEAA", "ADAA", "AADA", "AAAD", "DAAA", "g", "ggggggggA", "AAAA,gAAAAAAAA"}) {
    EXPECT_FALSE(SourceMap::Parse(Map(mappings)).ok()) << mappings;
  }
}

TEST(SourceMapTest, EveryCutIsAMapOrAnError) {
  const std::string mappings = ";AACO,SAAS,EAAE,GAAY;AAC5B,QAAM,IAAS;ACHA,IAAO,YAAQ,EAAE,CAAC;EAAE";
  for (size_t end = 0; end <= mappings.size(); ++end) {
    const auto map = SourceMap::Parse(Map(mappings.substr(0, end)));
    if (!map.ok()) continue;
    for (int line = 1; line < 5; ++line) Show(map->Find(line, 10));
  }
  const std::string whole = Map(mappings);
  for (size_t end = 0; end < whole.size(); ++end) EXPECT_FALSE(SourceMap::Parse(whole.substr(0, end)).ok());
}

TEST(LineOfTest, CountsFromOne) {
  EXPECT_EQ(LineOf("a\nb\r\nc", 1), "a");
  EXPECT_EQ(LineOf("a\nb\r\nc", 2), "b");
  EXPECT_EQ(LineOf("a\nb\r\nc", 3), "c");
  EXPECT_EQ(LineOf("a\nb\r\nc", 4), "");
}

}  // namespace
}  // namespace zts::cli
