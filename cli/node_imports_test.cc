#include "cli/node_imports.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace zts::cli {
namespace {

TEST(NodeImportsTest, EveryWayOfImporting) {
  for (const char* line : {"import fs from 'fs';", "import { readFile } from \"node:fs\";", "import 'fs';", "const fs = require('fs');",
                           "const fs = await import( 'node:fs' );", "export * from 'fs';"}) {
    const auto warnings = WarnOfNodeImports("a.js", std::string("// first\n") + line + "\nlast");
    ASSERT_EQ(warnings.size(), 1u) << line;
    EXPECT_EQ(warnings[0].file, "a.js");
    EXPECT_EQ(warnings[0].line, 2);
    EXPECT_EQ(warnings[0].source_line, line);
    EXPECT_EQ(warnings[0].source_line.substr(static_cast<size_t>(warnings[0].column) - 1, 1).find_first_of("'\""), 0u);
    EXPECT_NE(warnings[0].message.find("file system"), std::string::npos);
  }
}

TEST(NodeImportsTest, OnceAModule) {
  EXPECT_EQ(WarnOfNodeImports("a.js", "import a from 'fs'; import b from 'node:fs'; import c from 'net'").size(), 2u);
}

TEST(NodeImportsTest, WhatIsNoImportOrIsThere) {
  for (const char* source : {"", "'", "\"fs", "const name = 'fs';", "import x from './fs';", "import path from 'path'; import 'http'",
                             "from 'fsx'"}) {
    EXPECT_TRUE(WarnOfNodeImports("a.js", source).empty()) << source;
  }
}

TEST(NodeImportsTest, OfAMapThePackagesAreLeftOut) {
  const nlohmann::json map = {{"sources", {"main.js", "node_modules/x/index.js", "../node_modules/y.js", "zts:buffer.js"}},
                              {"sourcesContent", {"import 'fs'", "import 'fs'", "import 'fs'", "import 'fs'"}}};
  const auto warnings = WarnOfNodeImports(map.dump());
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0].file, "main.js");
}

TEST(NodeImportsTest, WhatIsNoMap) {
  for (const char* map : {"", "[]", "{}", R"({"sources":1,"sourcesContent":[]})", R"({"sources":[1],"sourcesContent":[null]})"}) {
    EXPECT_TRUE(WarnOfNodeImports(std::string(map)).empty()) << map;
  }
}

}  // namespace
}  // namespace zts::cli
