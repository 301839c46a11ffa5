// Native half of web/lazy.js: the files that are compiled at first touch.
//
//   lazyFunction(name) -> function of the file (jsruntime/lazy_files.h); undefined where there is no such file
//   defineLazy(object, name, make) -> done; a property whose value is make(name), called at the first read. It looks like the data
//     property { value, writable, configurable } that it becomes then, and can be overwritten before. One `make` an object.
//
//   privateNames([name, ...]) -> { name: symbol }; properties under such a symbol are the object's own, and nothing lists or traps them
//
// Thread:   the isolate's. defineLazy also while the snapshot is built.
#pragma once

#include <v8.h>

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

std::span<const Op> LazyOps();
// The getter of what defineLazy makes: the snapshot refers to it.
intptr_t LazyGetterReference();
// Makes a global lazy that V8 has put into a new context. False where V8 says no.
bool MakeLazy(v8::Local<v8::Context> context, v8::Local<v8::String> global);

}  // namespace zts::js
