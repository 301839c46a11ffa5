#include "jsruntime/function_body/function_body.h"

#include <gtest/gtest.h>

#include "base/layout.h"
#include "jsruntime/snapshot.h"

namespace zts::js {
namespace {

const Snapshot& WebSnapshot() {
  static const auto& snapshot = *new Result<Snapshot>(Snapshot::Load(*FindInstalled("web.snapshot")));
  return *snapshot;
}

FunctionBody Make(std::string_view source) { return MakeFunctionBody(WebSnapshot(), source); }

// Behind the directive's line.
std::string Text(std::string_view source) {
  const FunctionBody body = Make(source);
  EXPECT_EQ(body.refusal, "");
  return body.text.substr(body.text.find('\n') + 1);
}

TEST(FunctionBodyTest, EverythingStaysInItsPlace) {
  EXPECT_EQ(Text("import { a as b, default as c } from 'node:x';\nexport const d = b;\nexport default () => c;\nexport { d as e };"),
            ";                                             \n       const d = b;\n$zts={default: () => c};;\n;                 "
            "\n;return{__proto__:null,get \"d\"(){return d},get \"default\"(){return $zts.default},get \"e\"(){return d}};");
}

TEST(FunctionBodyTest, ImportedNamesAreParameters) {
  const FunctionBody body = Make("import a, { b as c, 'd e' as f } from 'node:x'; import * as g from 'y'; import 'z'; "
                                 "export { h as i } from 'node:x';");
  ASSERT_EQ(body.refusal, "");
  EXPECT_EQ(body.modules, (std::vector<std::string>{"node:x", "y", "z", "node:x"}));
  std::string parameters;
  for (const auto& each : body.parameters) parameters += each.name + "=" + each.module + "." + each.imported + " ";
  EXPECT_EQ(parameters, "a=node:x.default c=node:x.b f=node:x.d e g=y.* $zts_4=node:x.h $zts=. ");
  EXPECT_NE(body.text.find("get \"i\"(){return $zts_4}"), std::string::npos);
}

TEST(FunctionBodyTest, EveryFormOfExport) {
  const std::string tail = "\n;return{__proto__:null,";
  EXPECT_EQ(Text("export default function f() {}"), "               function f() {}" + tail + "get \"default\"(){return f}};");
  EXPECT_EQ(Text("export default class {}\n[1]"), "$zts={default: class {}};\n[1]" + tail + "get \"default\"(){return $zts.default}};");
  EXPECT_EQ(Text("export default\n{a:1}"), "$zts={default:\n{a:1}};" + tail + "get \"default\"(){return $zts.default}};");
  EXPECT_EQ(Text("export default{a:1}"), "$zts={default:{a:1}};" + tail + "get \"default\"(){return $zts.default}};");
  EXPECT_EQ(Text("export default async function* () {}"),
            "$zts={default: async function* () {}};" + tail + "get \"default\"(){return $zts.default}};");
  EXPECT_EQ(Text("export let { a, b: [c = 1, ...d], ...e } = x, f;"),
            "       let { a, b: [c = 1, ...d], ...e } = x, f;" + tail +
                "get \"a\"(){return a},get \"c\"(){return c},get \"d\"(){return d},get \"e\"(){return e},get \"f\"(){return f}};");
  EXPECT_EQ(Text("let a = b\nexport { a as 'x y' }\n(0)").substr(0, 35), "let a = b\n;                    \n(0)");
}

TEST(FunctionBodyTest, NamesThatAreTakenAreNotUsed) {
  EXPECT_NE(Text("let $zts = 1; export default $zts").find("$zta={default: $zts};"), std::string::npos);
}

TEST(FunctionBodyTest, TextsBeyondAscii) {
  const std::string word = "'gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80'";
  EXPECT_NE(Text("export default " + word + ";").find("$zts={default: " + word + "};"), std::string::npos);
  EXPECT_EQ(Text("#!/usr/bin/zts\nexport {}").substr(0, 15), "///usr/bin/zts\n");
}

TEST(FunctionBodyTest, SaysWhatCannotBe) {
  const auto refusal = [](std::string_view source) { return Make(source).refusal; };
  EXPECT_EQ(refusal("await 1"), "it awaits at its top level");
  EXPECT_EQ(refusal("for await (const x of []) ;"), "it awaits at its top level");
  EXPECT_EQ(refusal("if (a) { b = [await c] }"), "it awaits at its top level");
  EXPECT_EQ(refusal("(() => () => import.meta.url)()"), "it uses import.meta");
  EXPECT_EQ(refusal("const f = () => arguments.length"), "it uses 'arguments' at its top level");
  EXPECT_EQ(refusal("export * from 'node:x'"), "it exports all of another module");
  EXPECT_EQ(refusal("a<!--b"), "it has '<!--' outside of strings");
  EXPECT_EQ(refusal("let a = 1\n-->b"), "its syntax is not understood: Unexpected token (2:2)");
  EXPECT_EQ(refusal("export\ndefault 1"), "'export default' goes over two lines");
  EXPECT_EQ(refusal("let let").substr(0, 29), "its syntax is not understood:");
  EXPECT_EQ(refusal(std::string(kBodySourceBytesMax + 1, ' ')), "it is larger than 4 MiB");
}

TEST(FunctionBodyTest, WhatOnlyLooksLikeIt) {
  for (const std::string_view source :
       {"async () => await 1", "const f = async () => { for await (const x of []) ; }", "class A { async m() { await 1 } }",
        "function f() { return arguments.length + (() => arguments[0])() }", "x.arguments; ({ arguments: 1 }); class B { arguments = 1; }",
        "const html = '<!-- -->' + `<!--` + /<!--/.source; // <!--\nwhile (n-->0) ;", "import('node:x')"}) {
    EXPECT_EQ(Make(source).refusal, "") << source;
  }
}

TEST(FunctionBodyTest, DeepNestingIsNoCrash) {
  std::string sum = "let x = 0";
  for (int i = 0; i < 20'000; ++i) sum += "+1";
  const std::string refusal = Make(sum).refusal;
  EXPECT_TRUE(refusal.empty() || refusal.find("stack") != std::string::npos) << refusal;
  EXPECT_NE(Make("let x = " + std::string(100'000, '[') + std::string(100'000, ']')).refusal, "");
}

}  // namespace
}  // namespace zts::js
