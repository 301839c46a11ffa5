#include "cli/stack_trace.h"

#include <gtest/gtest.h>

namespace zts::cli {
namespace {

// Bundle line 2 is app.ts line 3, from its column 3 on; line 5 comes from no file.
OriginalSources Bundled() {
  auto sources = OriginalSources::OfMap(
      "app.js",
      R"({"version":3,"sources":["src/app.ts"],"sourcesContent":["type T = 1;\nexport function f(x: T) {\n  return x.name;\n}\n"],)"
      R"("mappings":";EAEE,OAAO"})");
  EXPECT_TRUE(sources.ok());
  return *std::move(sources);
}

TEST(StackTraceTest, FramesNameTheOriginalFile) {
  const Explained explained = ExplainStack(
      "Uncaught TypeError: x is undefined\n    at f (app.js:2:10)\n    at app.js:2:3\n    at async g (app.js:2:3)\n"
      "    at async app.js:2:3\n    at dispatch (zts:dispatch.js:9:9)",
      Bundled());
  EXPECT_EQ(explained.text,
            "Uncaught TypeError: x is undefined\n    at f (src/app.ts:3:10)\n    at src/app.ts:3:3\n    at async g (src/app.ts:3:3)\n"
            "    at async src/app.ts:3:3");
  ASSERT_TRUE(explained.place.has_value());
  EXPECT_EQ(explained.place->file, "src/app.ts");
  EXPECT_EQ(explained.place->line, 3);
  EXPECT_EQ(explained.place->column, 10);
  EXPECT_EQ(explained.place->source_line, "  return x.name;");
}

TEST(StackTraceTest, TheLineStandsBelowItsFrame) {
  EXPECT_EQ(RenderExplained(ExplainStack("E: m\n    at f (app.js:2:10)\n    at g (app.js:2:10)", Bundled())),
            "E: m\n    at f (src/app.ts:3:10)\n        return x.name;\n               ^\n    at g (src/app.ts:3:10)");
}

TEST(StackTraceTest, AModuleAsItWasWrittenShowsItsLinesToo) {
  const auto sources = OriginalSources::OfModule("hello.js", "one\nthrow 1;");
  EXPECT_EQ(RenderExplained(ExplainStack("E\n    at hello.js:2:1", sources)), "E\n    at hello.js:2:1\n      throw 1;\n      ^");
}

TEST(StackTraceTest, WhatIsNoFrameStaysAsItIs) {
  for (const std::string text :
       {"", "said hello", "two\nlines", "    at home", "    at f (app.js)", "    at f (app.js:2)", "    at f (app.js:x:1)",
        "    at f app.js:2:1)", "    at f (other.js:2:10)", "    at f (app.js:0:1)", "    at f (app.js:99999999999:1)", "    at ",
        "    at :1:1", "at f (app.js:2:10)", "    at f (app.js:5:1)"}) {
    const Explained explained = ExplainStack(text, Bundled());
    EXPECT_EQ(explained.text, text);
    EXPECT_FALSE(explained.place.has_value()) << text;
    EXPECT_EQ(RenderExplained(explained), text);
  }
}

TEST(StackTraceTest, TheRuntimesFramesGoOnlyBelowTheFunctionsOwn) {
  const std::string own = "E\n    at new Response (zts:response.js:1:1)\n    at f (app.js:2:10)\n    at dispatch (zts:dispatch.js:1:1)";
  EXPECT_EQ(ExplainStack(own, Bundled()).text, "E\n    at new Response (zts:response.js:1:1)\n    at f (src/app.ts:3:10)");
  const std::string none = "E\n    at dispatch (zts:dispatch.js:1:1)";
  EXPECT_EQ(ExplainStack(none, Bundled()).text, none);
}

TEST(StackTraceTest, HasStack) {
  EXPECT_TRUE(HasStack("E\n    at f (app.js:2:10)"));
  EXPECT_TRUE(HasStack("    at f (app.js:2:10)"));
  EXPECT_FALSE(HasStack("meet me     at noon"));
  EXPECT_FALSE(HasStack(""));
}

TEST(StackTraceTest, ErrorsOfTheCompilerNameTheOriginalFile) {
  SourceError error{.kind = "exception", .message = "m", .file = "app.js", .line = 2, .column = 10, .source_line = "return x.name"};
  error.stack = "m\n    at app.js:2:10";
  error = ExplainError(error, Bundled());
  EXPECT_EQ(RenderSourceError(error),
            "src/app.ts:3:10: exception: m\n    return x.name;\n           ^\n    at src/app.ts:3:10\n");
  const SourceError elsewhere{.message = "m", .file = "other.js", .line = 2, .column = 10};
  EXPECT_EQ(ExplainError(elsewhere, Bundled()).file, "other.js");
  const SourceError unmapped{.message = "m", .file = "app.js", .line = 5, .column = 1, .source_line = "kept"};
  EXPECT_EQ(ExplainError(unmapped, Bundled()).source_line, "kept");
}

}  // namespace
}  // namespace zts::cli
