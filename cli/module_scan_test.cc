#include "cli/module_scan.h"

#include <gtest/gtest.h>

namespace zts::cli {
namespace {

TEST(ModuleScanTest, FindsEveryFormOfImport) {
  for (const char* source : {
           "import a from './a.js'",
           "import {a} from \"a\";",
           "import * as a from 'a'",
           "import 'a'",
           "import\n'a'",
           "import/* x */'a'",
           "const a = await import('./a.js')",
           "export * from './a.js'",
           "export {a as b} from 'a'",
           "export {default}from'a'",
           "const s = 'import'; import a from 'a'",
           "const r = /[/\"]/; import a from 'a'",
           "const t = `${ {a: `x${1}`} } \"`; import a from 'a'",
           "let x = a / b; let y = c / d; import z from 'z'",
           "return /\"/; import a from 'a'",
           "`${await import('x')}`",
           "// comment\nimport a from 'a'",
           "x = 'broken\nimport a from 'a'",
       }) {
    EXPECT_TRUE(ImportsModules(source)) << source;
  }
}

TEST(ModuleScanTest, SeesThroughWhatOnlyLooksLikeOne) {
  for (const char* source : {
           "",
           "export default { fetch() { return new Response('import x from y'); } }",
           "// import a from 'a'\nexport default () => 1",
           "/* import a from 'a' */",
           "const s = \"import a from 'a'\"",
           "const t = `import a from 'a'`",
           "const r = /import a from 'a'/",
           "import.meta.url",
           "import . meta",
           "const o = {import: 1}",
           "o.import('x')",
           "o?.import('x')",
           "const important = 1; reimport()",
           "Array.from('abc')",
           "const a = \"it's\"; f(a)",
           "`unterminated ${ import_ ",
           "/* unterminated",
           "'unterminated",
           "/unterminated",
           "\\",
       }) {
    EXPECT_FALSE(ImportsModules(source)) << source;
  }
}

}  // namespace
}  // namespace zts::cli
