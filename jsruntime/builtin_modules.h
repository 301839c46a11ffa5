// The runtime's own modules as ES modules: what `import { Buffer } from 'node:buffer'` links to.
//
// Each is a synthetic module with the exports of web/builtins.js's object: one `default`, and one a name. It is made and evaluated when
// it is first asked for.
//
// Owner:    Realm keeps them, by specifier.
// Thread:   the isolate's, inside a HandleScope and Context::Scope.
// Errors:   empty with an exception pending: Node has such a module, and zts has not, or it failed. Empty without: no name of Node's.
#pragma once

#include <v8.h>

namespace zts::js {

v8::MaybeLocal<v8::Module> BuiltinModule(v8::Isolate* isolate, v8::Local<v8::Context> context,
                                         v8::Local<v8::String> specifier);

}  // namespace zts::js
