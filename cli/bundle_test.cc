#include "cli/bundle.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "cli/esbuild.h"
#include "cli/source_map.h"

namespace zts::cli {
namespace {

namespace fs = std::filesystem;

class BundleTest : public testing::Test {
 protected:
  BundleTest() {
    std::string pattern = (fs::temp_directory_path() / "zts_bundle_XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~BundleTest() override { fs::remove_all(root_); }

  std::string Write(const std::string& name, const std::string& text) {
    const fs::path path = root_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }

  fs::path root_;
};

constexpr const char* kPlain = "export default () => new Response('x');\n";

TEST_F(BundleTest, PlainJavaScriptIsSentAsItIs) {
  const auto bundle = MakeBundle(Write("hello.js", kPlain));
  ASSERT_TRUE(bundle.ok());
  EXPECT_FALSE(bundle->bundled);
  EXPECT_EQ(bundle->code, kPlain);
  EXPECT_EQ(bundle->default_name, "hello");
  EXPECT_EQ(bundle->main_module, "hello.js");
  EXPECT_EQ(bundle->digest.size(), 64u);
}

TEST_F(BundleTest, PlainJavaScriptNeedsNoTool) {
  const std::string path = ::getenv("PATH");
  ::setenv("PATH", "/nonexistent", 1);
  const auto plain = MakeBundle(Write("hello.mjs", kPlain));
  const auto typescript = MakeBundle(Write("hello.ts", kPlain));
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_TRUE(plain.ok());
  ASSERT_FALSE(typescript.ok());
  EXPECT_NE(typescript.error().message.find("apt install esbuild"), std::string::npos);
}

TEST_F(BundleTest, TypeScriptLosesItsTypes) {
  const auto bundle = MakeBundle(Write("a.b.ts", "const n: number = 1;\nexport default (): number => n;\n"));
  ASSERT_TRUE(bundle.ok()) << bundle.error().message;
  EXPECT_TRUE(bundle->bundled);
  EXPECT_EQ(bundle->code.find("number"), std::string::npos);
  EXPECT_NE(bundle->code.find("export"), std::string::npos);
  EXPECT_EQ(bundle->main_module, "a.b.js");
}

TEST_F(BundleTest, ImportsAreBundledIn) {
  Write("lib/util.ts", "export const marker = 'from-util';");
  Write("node_modules/pkg/package.json", R"({"name":"pkg","main":"node.js","browser":"web.js"})");
  Write("node_modules/pkg/node.js", "module.exports = 'from-the-package'");
  Write("node_modules/pkg/web.js", "module.exports = document.title");
  const auto bundle = MakeBundle(Write(
      "main.js", "import {marker} from './lib/util.ts'; import pkg from 'pkg';\nexport default () => marker + pkg;"));
  ASSERT_TRUE(bundle.ok()) << bundle.error().message;
  ASSERT_TRUE(bundle->errors.empty()) << bundle->errors[0].message;
  EXPECT_NE(bundle->code.find("from-util"), std::string::npos);
  EXPECT_NE(bundle->code.find("from-the-package"), std::string::npos);
  EXPECT_EQ(bundle->code.find("import "), std::string::npos);
}

TEST_F(BundleTest, OfAPackagesBuildsTheOneForWorkersComesFirst) {
  const auto build_of = [&](const std::string& name, const std::string& exports) {
    Write("node_modules/" + name + "/package.json", R"({"name":")" + name + R"(","exports":)" + exports + "}");
    for (const char* each : {"worker", "node", "browser", "other"}) {
      Write("node_modules/" + name + "/" + each + ".js", "export default 'the-" + std::string(each) + "-build'");
    }
    const auto bundle = MakeBundle(Write("main.js", "import it from '" + name + "';\nexport default () => it;"));
    EXPECT_TRUE(bundle.ok() && bundle->errors.empty());
    const size_t at = bundle->code.find("the-");
    return at == std::string::npos ? bundle->code : bundle->code.substr(at, bundle->code.find("-build") - at);
  };
  EXPECT_EQ(build_of("a", R"({"workerd":"./worker.js","browser":"./browser.js","node":"./node.js","default":"./other.js"})"), "the-worker");
  EXPECT_EQ(build_of("b", R"({"browser":"./browser.js","node":"./node.js","default":"./other.js"})"), "the-node");
  EXPECT_EQ(build_of("c", R"({"browser":"./browser.js","default":"./other.js"})"), "the-other");
}

TEST_F(BundleTest, WhatPackagesAskForAndIsNotInstalledIsLeftOut) {
  Write("node_modules/pkg/index.js",
        "try { require('optional'); } catch {}\nexports.load = () => import('later');\nconst other = require('other/file.js');");
  const auto bundle = MakeBundle(Write("main.js", "import pkg from 'pkg';\nexport default () => pkg;"));
  ASSERT_TRUE(bundle.ok()) << bundle.error().message;
  ASSERT_TRUE(bundle->errors.empty()) << bundle->errors[0].message;
  ASSERT_FALSE(bundle->warnings.empty());
  EXPECT_NE(bundle->warnings.back().message.find("other/file.js"), std::string::npos) << bundle->warnings.back().message;
  // In a file of one's own it is an error.
  const auto own = MakeBundle(Write("own.js", "import pkg from 'pkg';\nimport it from 'not-there';\nexport default () => [pkg, it];"));
  ASSERT_TRUE(own.ok());
  ASSERT_FALSE(own->errors.empty());
}

TEST_F(BundleTest, ClassesThatNameThemselvesInAStaticBlock) {
  const auto bundle = MakeBundle(Write("main.ts", "class A { static { A.reset(); } static reset(): void {} }\nexport default () => A;"));
  ASSERT_TRUE(bundle.ok() && bundle->errors.empty());
  EXPECT_EQ(bundle->code.find("static {"), std::string::npos) << bundle->code;
}

TEST_F(BundleTest, LargeBundlesGoWithoutBlanks) {
  std::string lines;
  while (lines.size() < kReadableBytesMax) {
    lines += "    all . push (  1  ) ;   /*! of a license */   // and so on, and so on, and so on, and so on, and so on\n";
  }
  Write("lines.js", "export const all = [];\n" + lines);
  Write("common.cjs", "module.exports = require('os');");
  const auto bundle = MakeBundle(
      Write("main.js", "import { all } from './lines.js';\nimport os from './common.cjs';\nexport default () => [all, os];"));
  ASSERT_TRUE(bundle.ok()) << bundle.error().message;
  ASSERT_TRUE(bundle->errors.empty()) << bundle->errors[0].message;
  EXPECT_LT(bundle->code.size(), kReadableBytesMax / 4);
  EXPECT_NE(bundle->code.find("import { require } from \"node:module\""), std::string::npos);
}

TEST_F(BundleTest, ImportsOfFilesAndSocketsAreWarnedOf) {
  Write("node_modules/pkg/index.js", "module.exports = require('fs')");
  const auto bundle = MakeBundle(Write("main.js", "import net from 'net';\nimport pkg from 'pkg';\nexport default () => [net, pkg];"));
  ASSERT_TRUE(bundle.ok()) << bundle.error().message;
  ASSERT_EQ(bundle->warnings.size(), 1u);
  EXPECT_NE(bundle->warnings[0].message.find("no sockets"), std::string::npos);
  EXPECT_EQ(bundle->warnings[0].line, 1);
}

TEST_F(BundleTest, WasmIsImportedAsBytes) {
  Write("add.wasm", std::string("\0asm\1\0\0\0", 8));
  const auto bundle = MakeBundle(Write("main.js", "import add from './add.wasm';\nexport default () => WebAssembly.instantiate(add);"));
  ASSERT_TRUE(bundle.ok()) << bundle.error().message;
  ASSERT_TRUE(bundle->errors.empty()) << bundle->errors[0].message;
  EXPECT_NE(bundle->code.find("AGFzbQEAAAA"), std::string::npos);
  EXPECT_EQ(bundle->code.find("import "), std::string::npos);
}

TEST_F(BundleTest, BundlesComeWithTheMapOfTheirSources) {
  Write("src/lib/fail.ts", "type T = number;\nexport function fail(x: T): never {\n  throw new Error('no ' + x);\n}\n");
  const auto bundle = MakeBundle(Write("src/main.ts", "import { fail } from './lib/fail';\nexport default () => fail(Buffer.length);\n"));
  ASSERT_TRUE(bundle.ok() && bundle->errors.empty());
  EXPECT_EQ(bundle->code.find("sourceMappingURL"), std::string::npos);
  const auto map = SourceMap::Parse(bundle->source_map);
  ASSERT_TRUE(map.ok()) << map.error().message;
  // Where the bundle throws is where the source does.
  const size_t at = bundle->code.find("throw new Error");
  ASSERT_NE(at, std::string::npos);
  const size_t line_start = bundle->code.rfind('\n', at) + 1;
  const int line = 1 + static_cast<int>(std::count(bundle->code.begin(), bundle->code.begin() + static_cast<ptrdiff_t>(at), '\n'));
  const auto place = map->Find(line, 1 + static_cast<int>(at - line_start));
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(place->file, "lib/fail.ts") << "from the entry's folder, as the working directory is elsewhere";
  EXPECT_EQ(place->line, 3);
  EXPECT_EQ(place->column, 3);
  EXPECT_EQ(place->source_line, "  throw new Error('no ' + x);");
  EXPECT_EQ(bundle->source_map.find(fs::temp_directory_path().string()), std::string::npos) << "nothing of this machine";
}

TEST_F(BundleTest, PlainJavaScriptHasNoMap) { EXPECT_EQ(MakeBundle(Write("hello.js", kPlain))->source_map, ""); }

TEST_F(BundleTest, ErrorsHaveTheirPlace) {
  const auto bundle = MakeBundle(Write("bad.ts", "export default () => 1;\nlet y y\n"));
  ASSERT_TRUE(bundle.ok());
  ASSERT_EQ(bundle->errors.size(), 1u);
  const SourceError& error = bundle->errors[0];
  EXPECT_NE(error.file.find("bad.ts"), std::string::npos);
  EXPECT_EQ(error.line, 2);
  EXPECT_EQ(error.column, 7);
  EXPECT_EQ(error.source_line, "let y y");
  EXPECT_NE(error.message.find("Expected"), std::string::npos);
}

TEST_F(BundleTest, NodeModulesStayImports) {
  Write("node_modules/path/package.json", R"({"name":"path","main":"i.js"})");
  Write("node_modules/path/i.js", "throw new Error('Node knows this name')");
  const auto bundle = MakeBundle(
      Write("n.js", "import fs from 'node:fs';\nimport path from 'path';\nexport default () => fs.x + path.y;\n"));
  ASSERT_TRUE(bundle.ok() && bundle->errors.empty());
  EXPECT_NE(bundle->code.find("from \"node:fs\""), std::string::npos) << bundle->code;
  EXPECT_NE(bundle->code.find("from \"path\""), std::string::npos);
  EXPECT_EQ(bundle->code.find("Node knows"), std::string::npos);
  EXPECT_EQ(bundle->code.find("node:module"), std::string::npos);
}

TEST_F(BundleTest, GlobalsOfNodeBecomeImportsWhereTheyAreUsed) {
  const auto user = MakeBundle(Write("u.ts", "export default () => Buffer.from(process.env.X + typeof global);\n"));
  ASSERT_TRUE(user.ok() && user->errors.empty());
  EXPECT_NE(user->code.find("from \"node:buffer\""), std::string::npos) << user->code;
  EXPECT_NE(user->code.find("from \"node:process\""), std::string::npos);
  EXPECT_EQ(user->code.find("node:timers"), std::string::npos);
  const auto other = MakeBundle(Write("o.ts", "export default (process: string) => process;\n"));
  ASSERT_TRUE(other.ok() && other->errors.empty());
  EXPECT_EQ(other->code.find("import"), std::string::npos) << other->code;
}

TEST_F(BundleTest, RequireOfNodeModulesIsProvided) {
  Write("node_modules/cjs/package.json", R"({"name":"cjs","main":"i.js"})");
  Write("node_modules/cjs/i.js", "module.exports = require('util').inspect;");
  const auto bundle = MakeBundle(Write("c.js", "import inspect from 'cjs';\nconst require = 1;\nexport default () => inspect(require);\n"));
  ASSERT_TRUE(bundle.ok() && bundle->errors.empty());
  EXPECT_NE(bundle->code.find("import { require } from \"node:module\";"), std::string::npos) << bundle->code;
}

TEST_F(BundleTest, MissingPackagesNameTheCommand) {
  const auto bundle = MakeBundle(Write("n.js", "import x from 'left-pad';\nexport default x;\n"));
  ASSERT_TRUE(bundle.ok());
  ASSERT_EQ(bundle->errors.size(), 1u);
  EXPECT_NE(bundle->errors[0].message.find("npm install left-pad"), std::string::npos);
}

TEST_F(BundleTest, FoldersHaveAnEntry) {
  Write("one/index.ts", kPlain);
  EXPECT_EQ(MakeBundle((root_ / "one").string()).value().default_name, "one");
  EXPECT_EQ(MakeBundle((root_ / "one").string() + "/").value().default_name, "one");
  Write("two/package.json", R"({"main": "src/go.js"})");
  Write("two/src/go.js", kPlain);
  EXPECT_EQ(MakeBundle((root_ / "two").string()).value().main_module, "go.js");
}

TEST_F(BundleTest, FoldersWithoutAnEntrySayWhatIsMissing) {
  fs::create_directory(root_ / "empty");
  EXPECT_NE(MakeBundle((root_ / "empty").string()).error().message.find("index.ts"), std::string::npos);
  Write("gone/package.json", R"({"main": "nowhere.js"})");
  EXPECT_NE(MakeBundle((root_ / "gone").string()).error().message.find("nowhere.js"), std::string::npos);
  Write("broken/package.json", "{");
  EXPECT_FALSE(MakeBundle((root_ / "broken").string()).ok());
}

TEST_F(BundleTest, OtherFilesAreRefused) {
  EXPECT_EQ(MakeBundle((root_ / "nothing.js").string()).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(MakeBundle(Write("data.json", "{}")).ok());
  EXPECT_FALSE(MakeBundle(Write("noextension", kPlain)).ok());
  EXPECT_FALSE(MakeBundle("/dev/null").ok());
}

TEST(EsbuildOutputTest, NotesDoNotReplaceThePlace) {
  const Diagnostics found = ParseEsbuildOutput(
      "\u25b2 [WARNING] Odd thing\n\n    w.js:1:0:\n      1 \u2502 odd\n        \u2575 ~~~\n\n"
      "\u2718 [ERROR] Twice \"a\"\n\n    dir/x.ts:10:4:\n      10 \u2502     let a\n         \u2575         ^\n\n"
      "  It was first here:\n\n    dir/x.ts:2:4:\n      2 \u2502 let a\n        \u2575     ^\n\n1 warning and 1 "
      "error\n");
  ASSERT_EQ(found.warnings.size(), 1u);
  EXPECT_EQ(found.warnings[0].file, "w.js");
  ASSERT_EQ(found.errors.size(), 1u);
  EXPECT_EQ(found.errors[0].file, "dir/x.ts");
  EXPECT_EQ(found.errors[0].line, 10);
  EXPECT_EQ(found.errors[0].column, 5);
  EXPECT_EQ(found.errors[0].source_line, "    let a");
}

}  // namespace
}  // namespace zts::cli
