#include "cli/source_error.h"

#include <gtest/gtest.h>

namespace zts::cli {
namespace {

TEST(SourceErrorTest, ShowsPlaceLineAndCaret) {
  EXPECT_EQ(RenderSourceError({.kind = "syntax-error",
                               .message = "Unexpected identifier 'x'",
                               .file = "hello.js",
                               .line = 3,
                               .column = 7,
                               .source_line = "let x x;"}),
            "hello.js:3:7: syntax-error: Unexpected identifier 'x'\n"
            "  let x x;\n"
            "        ^\n");
}

TEST(SourceErrorTest, LeavesOutWhatIsUnknown) {
  EXPECT_EQ(RenderSourceError({.message = "no handler"}), "no handler\n");
  EXPECT_EQ(RenderSourceError({.message = "bad", .file = "a.js"}), "a.js: bad\n");
  EXPECT_EQ(RenderSourceError({.message = "bad", .file = "a.js", .line = 2, .source_line = "x"}), "a.js:2: bad\n  x\n");
}

TEST(SourceErrorTest, CaretStandsUnderTabsAndWideText) {
  EXPECT_EQ(RenderSourceError({.message = "m", .column = 3, .source_line = "\t\tx"}), "m\n    x\n    ^\n");
  // Columns count UTF-16 units; one code point beyond the basic plane is two of them and one cell.
  EXPECT_EQ(RenderSourceError({.message = "m", .column = 6, .source_line = "\"\xf0\x9f\x98\x80\" y"}),
            "m\n  \"\xf0\x9f\x98\x80\" y\n      ^\n");
  EXPECT_EQ(RenderSourceError({.message = "m", .column = 3, .source_line = "\xc3\xa4 b"}), "m\n  \xc3\xa4 b\n    ^\n");
}

TEST(SourceErrorTest, CutsVeryLongLinesAroundTheColumn) {
  const std::string out = RenderSourceError(
      {.message = "m", .column = 5001, .source_line = std::string(5000, 'a') + "!" + std::string(5000, 'b')});
  EXPECT_LT(out.size(), 300u);
  EXPECT_NE(out.find("...aaa"), std::string::npos);
  EXPECT_NE(out.find("!bbb"), std::string::npos);
  const size_t line = out.find('\n') + 1;
  const size_t caret_line = out.find('\n', line) + 1;
  EXPECT_EQ(out.find('!') - line, out.find('^') - caret_line);
}

TEST(SourceErrorTest, ColumnBeyondTheLineIsItsEnd) {
  EXPECT_EQ(RenderSourceError({.message = "m", .column = 99, .source_line = "ab"}), "m\n  ab\n    ^\n");
}

TEST(SourceErrorTest, ShowsFramesOfTheStackOnce) {
  EXPECT_EQ(RenderSourceError({.message = "Error: x", .stack = "Error: x\n    at f (a.js:1:2)\n    at a.js:3:1"}),
            "Error: x\n    at f (a.js:1:2)\n    at a.js:3:1\n");
}

TEST(SourceErrorTest, TerminalSequencesAreNotObeyed) {
  const std::string out = RenderSourceError({.message = "a\x1b[2J",
                                             .file = "\x1b",
                                             .line = 1,
                                             .column = 1,
                                             .source_line = "\x1b",
                                             .stack = "x\n    at \x1b"});
  EXPECT_EQ(out.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace zts::cli
