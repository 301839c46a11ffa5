// Builds web.snapshot: runs the files of web/manifest.txt in a fresh context and writes the blob.
//
//   snapshot_builder.node OUTPUT MANIFEST FOLDER_OF_JS
#include <v8.h>

#include <cstdio>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "jsruntime/errors.h"
#include "jsruntime/heap_guard.h"
#include "jsruntime/host.h"
#include "jsruntime/host_platform.h"
#include "jsruntime/launch.h"
#include "jsruntime/ops/registry.h"
#include "jsruntime/snapshot.h"
#include "jsruntime/task_queue.h"

namespace zts::js {
namespace {

struct WebFile {
  std::string name;
  std::string source;
};

Result<std::vector<WebFile>> ReadWebFiles(const std::string& manifest_path, const std::string& folder) {
  ZTS_ASSIGN_OR_RETURN(const std::string manifest, ReadFile(manifest_path));
  std::vector<WebFile> files;
  for (const std::string& name : ParseV8Flags(manifest)) {  // the same form: one a line, '#' comments
    ZTS_ASSIGN_OR_RETURN(std::string source, ReadFile(folder + "/" + name));
    files.push_back({name, std::move(source)});
  }
  return files;
}

v8::Local<v8::String> Text(v8::Isolate* isolate, std::string_view text) {
  return v8::String::NewFromUtf8(isolate, text.data(), v8::NewStringType::kNormal, static_cast<int>(text.size()))
      .ToLocalChecked();
}

v8::Local<v8::Object> NativeObject(v8::Isolate* isolate, v8::Local<v8::Context> context) {
  const auto native = v8::Object::New(isolate);
  for (const Op& op : Ops()) {
    const auto function = v8::Function::New(context, op.callback, {}, 0, v8::ConstructorBehavior::kThrow).ToLocalChecked();
    function->SetName(Text(isolate, op.name));
    native->Set(context, Text(isolate, op.name), function).Check();
  }
  return native;
}

// Runs one file as the body of a strict function (native, internal, globalThis).
Status RunFile(v8::Isolate* isolate, v8::Local<v8::Context> context, const WebFile& file, v8::Local<v8::Object> native,
               v8::Local<v8::Object> internal) {
  v8::TryCatch caught(isolate);
  const v8::ScriptOrigin origin(Text(isolate, "zts:" + file.name));
  v8::ScriptCompiler::Source source(Text(isolate, "'use strict'; " + file.source), origin);
  v8::Local<v8::String> parameters[] = {Text(isolate, "native"), Text(isolate, "internal"), Text(isolate, "globalThis")};
  v8::Local<v8::Function> function;
  v8::Local<v8::Value> arguments[] = {native, internal, context->Global()};
  v8::Local<v8::Value> ignored;
  if (v8::ScriptCompiler::CompileFunction(context, &source, 3, parameters).ToLocal(&function) &&
      function->Call(context, v8::Undefined(isolate), 3, arguments).ToLocal(&ignored)) {
    return {};
  }
  const Outcome outcome = OutcomeOf(isolate, context, caught, OutcomeKind::kThrew);
  return Invalid(file.name + ":" + std::to_string(outcome.line) + ":" + std::to_string(outcome.column) + ": " +
                 outcome.message + "\n" + outcome.source_line + "\n" + outcome.stack);
}

Status FillContext(v8::Isolate* isolate, v8::SnapshotCreator* creator, const std::vector<WebFile>& files) {
  v8::HandleScope handles(isolate);
  const v8::Local<v8::Context> context = v8::Context::New(isolate);
  const v8::Context::Scope scope(context);
  const v8::Local<v8::Object> native = NativeObject(isolate, context);
  const auto internal = v8::Object::New(isolate);
  for (const WebFile& file : files) ZTS_RETURN_IF_ERROR(RunFile(isolate, context, file, native, internal));
  const v8::Local<v8::Value> calls = internal->Get(context, Text(isolate, "calls")).ToLocalChecked();
  if (!calls->IsObject()) return Internal("dispatch.js has left no internal.calls");
  creator->SetDefaultContext(context);
  const size_t index = creator->AddData(context, calls.As<v8::Object>());
  if (index != kSnapshotCalls) return Internal("internal.calls is not the snapshot's first datum");
  return {};
}

Result<std::string> BuildBlob(const std::vector<WebFile>& files) {
  const auto tasks = std::make_shared<TaskQueue>();
  TaskQueueDelegate delegate(tasks);
  v8::Isolate* isolate = v8::Isolate::Allocate();
  HostPlatform()->RegisterIsolate(isolate, &delegate);
  HeapGuard heap;
  v8::Isolate::CreateParams params;
  heap.Configure(&params);
  params.external_references = ExternalReferences();
  v8::StartupData blob = {nullptr, 0};
  Status filled;
  {
    v8::SnapshotCreator creator(isolate, params);
    heap.SetLimit(size_t{1} << 30);
    filled = FillContext(isolate, &creator, files);
    // Compiled code stays in: the functions of the web API are called at once by everybody.
    if (filled.ok()) blob = creator.CreateBlob(v8::SnapshotCreator::FunctionCodeHandling::kKeep);
  }
  tasks->Close();
  HostPlatform()->DisposeIsolate(isolate);
  ZTS_RETURN_IF_ERROR(std::move(filled));
  if (blob.data == nullptr) return Internal("V8 made no snapshot of the web API");
  std::string text(blob.data, blob.raw_size);
  delete[] blob.data;
  return text;
}

Status Build(const std::string& output, const std::string& manifest, const std::string& folder) {
  ZTS_ASSIGN_OR_RETURN(const std::vector<WebFile> files, ReadWebFiles(manifest, folder));
  ZTS_ASSIGN_OR_RETURN(const std::string blob, BuildBlob(files));
  return WriteFileAtomically(output, Snapshot::Encode(blob));
}

int Main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: snapshot_builder.node OUTPUT MANIFEST FOLDER\n");
    return 2;
  }
  const Status status = Build(argv[1], argv[2], argv[3]);
  if (status.ok()) return 0;
  std::fprintf(stderr, "snapshot: %s\n", status.error().message.c_str());
  return 1;
}

}  // namespace
}  // namespace zts::js

ZTS_HOST_MAIN(zts::js::Main);
