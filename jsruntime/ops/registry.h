// The native half of the web API: every function that JavaScript of web/*.js calls, in one table.
//
// An op is a V8 callback with a name; web/x.js finds it as native.NAME. Each ops/x.h declares the ops of one web API;
// registry.cc concatenates them. The snapshot names callbacks by their place in ExternalReferences(), so the order is part of the
// snapshot's format: it is the order of the tables, and needs no care beyond building the snapshot with the same binary.
//
// Thread:   Ops, ExternalReferences: any. A callback runs on the thread of the isolate's turn.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "v8.h"  // NOLINT: the host's header

namespace zts::js {

struct Op {
  const char* name;
  v8::FunctionCallback callback;
};

// All of them, in one table.
std::span<const Op> Ops();

// Null-terminated, for CreateParams and SnapshotCreator.
const intptr_t* ExternalReferences();
// Differs where the order or the names in it do.
std::string NativeTableKey();

}  // namespace zts::js
