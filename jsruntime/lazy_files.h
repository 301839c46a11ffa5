// Files of the web API that stay outside the snapshot: compiled in an isolate at the first touch of one of their globals.
//
// Most functions use few of the larger APIs, and what is in the snapshot costs every isolate memory and time. The sources and their
// code caches are one read-only copy a process; V8 reads the source in place.
//
// Owner:    Snapshot holds the bytes; a Realm has a view of the table.
// Thread:   the table: any, immutable. CompileLazyFile: the isolate's.
// Life:     the bytes outlive every isolate.
// Errors:   CompileLazyFile is empty with an exception pending only where V8 has no memory or is being terminated.
#pragma once

#include <v8.h>

#include <span>
#include <string>
#include <string_view>

namespace zts::js {

// A source as V8 reads it: in place, by all isolates.
class LazyText final : public v8::String::ExternalOneByteStringResource {
 public:
  explicit LazyText(std::string_view source) : source_(source) {}
  const char* data() const override { return source_.data(); }
  size_t length() const override { return source_.size(); }
  // Nobody's to delete but its owner's.
  void Dispose() override {}

 private:
  const std::string_view source_;
};

struct LazyFile {
  std::string name;             // "streams.js", or "npm/PACKAGE/FILE" for a CommonJS module
  std::string_view source;      // ASCII
  std::string_view code_cache;  // of V8, at a multiple of 64; empty: none
  LazyText* text = nullptr;     // of the source; null while web.snapshot is built: V8 then gets a copy
};
using LazyFiles = std::span<const LazyFile>;

// Null where there is none of the name.
const LazyFile* FindLazyFile(LazyFiles files, std::string_view name);

// A function (native, internal, globalThis) whose body is the file; of a CommonJS module a function (exports, module).
v8::MaybeLocal<v8::Function> CompileLazyFile(v8::Isolate* isolate, v8::Local<v8::Context> context, const LazyFile& file);

}  // namespace zts::js
