// Builds web.snapshot: runs the eager files of web/manifest.txt in a fresh context and writes the blob; then runs the lazy ones in an
// isolate made from that blob, for their code caches, and those of the modules of jsruntime/builtins.
//
//   snapshot_builder.node OUTPUT MANIFEST FOLDER_OF_JS FOLDER_OF_NPM
//
// A line of the manifest: NAME.js [GLOBAL...], run at once where it names no global, else when one of them is read first, which stand on
// the global object in the manifest's order all the same;
// npm/PACKAGE/FILE, a CommonJS module that lazy files load; NAME.js *, for the code caches alone.
#include <v8.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "jsruntime/errors.h"
#include "jsruntime/host.h"
#include "jsruntime/host_platform.h"
#include "jsruntime/lazy_files.h"
#include "jsruntime/ops/builtin.h"
#include "jsruntime/ops/registry.h"
#include "jsruntime/realm.h"
#include "jsruntime/snapshot.h"
#include "jsruntime/task_queue.h"

namespace zts::js {
namespace {

struct WebFile {
  std::string name;
  std::string source;  // ASCII: V8 reads it in place, a byte a unit
  std::vector<std::string> globals;
  std::string code_cache = {};
  bool warms_lazy() const { return globals.size() == 1 && globals[0] == "*"; }
  bool lazy() const { return (!globals.empty() && !warms_lazy()) || name.starts_with("npm/"); }
  bool eager() const { return !lazy() && !warms_lazy(); }
};

bool IsAscii(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

Result<WebFile> ReadWebFile(std::string_view line, const std::string& folder, const std::string& npm_folder) {
  WebFile file;
  for (size_t at = 0; at < line.size();) {
    const size_t end = std::min(line.find(' ', at), line.size());
    std::string word(line.substr(at, end - at));
    at = end + 1;
    if (word.empty()) continue;
    if (file.name.empty()) file.name = std::move(word);
    else file.globals.push_back(std::move(word));
  }
  const bool npm = file.name.starts_with("npm/");
  ZTS_ASSIGN_OR_RETURN(file.source, ReadFile((npm ? npm_folder : folder) + "/" + file.name));
  if (!npm) file.source.insert(0, "'use strict'; ");
  if (!IsAscii(file.source)) return Invalid(file.name + " is not ASCII: write \\u escapes");
  return file;
}

Result<std::vector<WebFile>> ReadWebFiles(const std::string& manifest_path, const std::string& folder,
                                          const std::string& npm_folder) {
  ZTS_ASSIGN_OR_RETURN(const std::string manifest, ReadFile(manifest_path));
  std::vector<WebFile> files;
  std::string_view rest = manifest;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.find_first_not_of(' ') == std::string_view::npos || line[0] == '#') continue;
    ZTS_ASSIGN_OR_RETURN(WebFile file, ReadWebFile(line, folder, npm_folder));
    files.push_back(std::move(file));
  }
  return files;
}

// The texts of the files that run while the snapshot is built, as V8 reads them: views of `files`.
std::vector<std::unique_ptr<LazyText>> TextsOf(const std::vector<WebFile>& files) {
  std::vector<std::unique_ptr<LazyText>> texts;
  for (const WebFile& file : files) {
    if (file.eager()) texts.push_back(std::make_unique<LazyText>(file.source));
  }
  return texts;
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
Status RunFile(v8::Isolate* isolate, v8::Local<v8::Context> context, const WebFile& file, LazyText* text, v8::Local<v8::Object> native,
               v8::Local<v8::Object> internal) {
  v8::TryCatch caught(isolate);
  const v8::ScriptOrigin origin(Text(isolate, "zts:" + file.name));
  v8::ScriptCompiler::Source source(v8::String::NewExternalOneByte(isolate, text).ToLocalChecked(), origin);
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

// Calls internal.declareLazy(file, global) for each global of a lazy file.
Status DeclareLazy(v8::Isolate* isolate, v8::Local<v8::Context> context, const WebFile& file, v8::Local<v8::Object> internal) {
  const v8::Local<v8::Value> declare = internal->Get(context, Text(isolate, "declareLazy")).ToLocalChecked();
  if (!declare->IsFunction()) return Internal("lazy.js has left no internal.declareLazy");
  for (const std::string& global : file.globals) {
    if (global == "-") continue;  // only other files ask for it
    v8::Local<v8::Value> arguments[] = {Text(isolate, file.name), Text(isolate, global)};
    declare.As<v8::Function>()->Call(context, internal, 2, arguments).ToLocalChecked();
  }
  return {};
}

// Makes the requests of web/warm_up.js, each an invocation of its own.
Status WarmUp(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Object> internal, Realm* realm) {
  const HeaderField headers[] = {{"Host", "localhost"}, {"Accept", "*/*"}};
  RequestView request;
  request.method = "POST";
  request.authority = "localhost";
  request.target = "/path?a=1";
  request.headers = headers;
  request.body = R"({"name": "warm"})";
  v8::TryCatch caught(isolate);
  const auto call = [&](const char* name, uint64_t serial) -> v8::MaybeLocal<v8::Value> {
    const v8::Local<v8::Value> function = internal->Get(context, Text(isolate, name)).ToLocalChecked();
    v8::Local<v8::Value> argument = v8::Number::New(isolate, static_cast<double>(serial));
    return function->IsFunction() ? function.As<v8::Function>()->Call(context, v8::Undefined(isolate), 1, &argument)
                                  : v8::MaybeLocal<v8::Value>();
  };
  // For internal.warmLazy.
  const LazyFile nothing = {"nothing.js", "return {};", {}};
  realm->lazy_files = {&nothing, 1};
  v8::Local<v8::Value> more;
  do {
    const uint64_t serial = realm->invocations.Open(1, &request).serial;
    Realm::EnterInvocation(isolate, serial);
    if (!call("warmUp", serial).ToLocal(&more)) break;
    isolate->PerformMicrotaskCheckpoint();
    realm->invocations.Close(*realm->invocations.Find(serial));
  } while (more->IsTrue());
  const bool cold = !more.IsEmpty() && !call("cooledDown", 0).IsEmpty();
  realm->lazy_files = {};
  if (cold) {
    isolate->SetContinuationPreservedEmbedderDataV2(v8::Undefined(isolate));
    return {};
  }
  const Outcome outcome = OutcomeOf(isolate, context, caught, OutcomeKind::kThrew);
  return Invalid("warm_up.js: " + outcome.message + "\n" + outcome.stack);
}

Status FillContext(v8::Isolate* isolate, v8::SnapshotCreator* creator, const std::vector<WebFile>& files,
                   std::span<const std::unique_ptr<LazyText>> texts, Realm* realm) {
  v8::HandleScope handles(isolate);
  const v8::Local<v8::Context> context = v8::Context::New(isolate);
  const v8::Context::Scope scope(context);
  const v8::Local<v8::Object> native = NativeObject(isolate, context);
  const auto internal = v8::Object::New(isolate);
  auto text = texts.begin();
  for (const WebFile& file : files) {
    if (file.lazy()) ZTS_RETURN_IF_ERROR(DeclareLazy(isolate, context, file, internal));
    if (file.eager()) ZTS_RETURN_IF_ERROR(RunFile(isolate, context, file, (text++)->get(), native, internal));
  }
  const v8::Local<v8::Value> calls = internal->Get(context, Text(isolate, "calls")).ToLocalChecked();
  if (!calls->IsObject()) return Internal("dispatch.js has left no internal.calls");
  isolate->SetData(Realm::kSlot, realm);
  const Status warm = WarmUp(isolate, context, internal, realm);
  isolate->SetData(Realm::kSlot, nullptr);
  ZTS_RETURN_IF_ERROR(warm);
  creator->SetDefaultContext(context);
  const size_t index = creator->AddData(context, calls.As<v8::Object>());
  if (index != kSnapshotCalls) return Internal("internal.calls is not the snapshot's first datum");
  return {};
}

Result<std::string> BuildBlob(const std::vector<WebFile>& files, std::span<const std::unique_ptr<LazyText>> texts) {
  const auto tasks = std::make_shared<TaskQueue>();
  TaskQueueDelegate delegate(tasks);
  v8::Isolate* isolate = v8::Isolate::Allocate();
  HostPlatform()->RegisterIsolate(isolate, &delegate);
  Realm realm;
  v8::Isolate::CreateParams params;
  realm.heap.Configure(&params, 0);
  const std::vector<intptr_t> references = Snapshot::References(texts);
  params.external_references = references.data();
  v8::StartupData blob = {nullptr, 0};
  Status filled;
  {
    v8::SnapshotCreator creator(isolate, params);
    realm.heap.SetLimit(size_t{1} << 30);
    filled = FillContext(isolate, &creator, files, texts, &realm);
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

std::vector<LazyFile> LazyFilesOf(const std::vector<WebFile>& files) {
  std::vector<LazyFile> lazy;
  for (const WebFile& file : files) {
    if (file.lazy()) lazy.push_back({file.name, file.source, file.code_cache});
  }
  return lazy;
}

// calls.runLazy: what the file returns.
v8::MaybeLocal<v8::Object> RunLazy(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Object> calls,
                                   const std::string& name, v8::Local<v8::Function> compiled) {
  v8::Local<v8::Value> arguments[] = {Text(isolate, name), compiled};
  v8::Local<v8::Value> run, made;
  if (!calls->Get(context, Text(isolate, "runLazy")).ToLocal(&run) || !run->IsFunction() ||
      !run.As<v8::Function>()->Call(context, calls, 2, arguments).ToLocal(&made) || !made->IsObject()) {
    return {};
  }
  return made.As<v8::Object>();
}

std::string CodeCacheOf(v8::Local<v8::Function> function) {
  const std::unique_ptr<v8::ScriptCompiler::CachedData> data(v8::ScriptCompiler::CreateCodeCacheForFunction(function));
  return data == nullptr ? "" : std::string(reinterpret_cast<const char*>(data->data), data->length);
}

// Runs one lazy file as its first touch would, in a context where nothing else has run, and has web/warm_lazy.js use it: its code, with the
// functions that ran, is what the cache holds.
Status FillCodeCache(v8::Isolate* isolate, const WebFile& warm, WebFile* file) {
  const v8::HandleScope handles(isolate);
  const v8::Local<v8::Context> context = v8::Context::New(isolate);
  const v8::Context::Scope context_scope(context);
  const auto calls = context->GetDataFromSnapshotOnce<v8::Object>(kSnapshotCalls).ToLocalChecked();
  v8::TryCatch caught(isolate);
  v8::Local<v8::Function> function, users;
  v8::Local<v8::Object> made, uses;
  v8::Local<v8::Value> use;
  if (CompileLazyFile(isolate, context, {file->name, file->source, {}}).ToLocal(&function) &&
      CompileLazyFile(isolate, context, {warm.name, warm.source, {}}).ToLocal(&users) &&
      RunLazy(isolate, context, calls, file->name, function).ToLocal(&made) &&
      RunLazy(isolate, context, calls, warm.name, users).ToLocal(&uses) &&
      uses->Get(context, Text(isolate, file->name)).ToLocal(&use)) {
    v8::Local<v8::Value> argument = made;
    if (!use->IsFunction() || !use.As<v8::Function>()->Call(context, uses, 1, &argument).IsEmpty()) {
      isolate->PerformMicrotaskCheckpoint();
      file->code_cache = CodeCacheOf(function);
      return file->code_cache.empty() ? Status(Internal("V8 made no code cache of " + file->name)) : Status();
    }
  }
  const Outcome outcome = OutcomeOf(isolate, context, caught, OutcomeKind::kThrew);
  return Invalid(file->name + ":" + std::to_string(outcome.line) + ":" + std::to_string(outcome.column) + ": " +
                 outcome.message + "\n" + outcome.stack);
}

// The same for the modules of jsruntime/builtins: warm_lazy.js loads and uses them, all in one context, since they stand on one another.
Status FillBuiltinCodeCaches(v8::Isolate* isolate, const WebFile& warm, Realm* realm, std::vector<LazyFile>* caches,
                             std::vector<std::string>* codes) {
  const v8::HandleScope handles(isolate);
  const v8::Local<v8::Context> context = v8::Context::New(isolate);
  const v8::Context::Scope context_scope(context);
  const auto calls = context->GetDataFromSnapshotOnce<v8::Object>(kSnapshotCalls).ToLocalChecked();
  std::vector<std::pair<std::string, v8::Global<v8::Function>>> bodies;
  realm->builtin_compiled = [&](std::string_view name, v8::Local<v8::Function> body) {
    bodies.emplace_back(BuiltinFileName(name), v8::Global<v8::Function>(isolate, body));
  };
  v8::TryCatch caught(isolate);
  Realm::EnterInvocation(isolate, 0);  // none, as while a module loads
  v8::Local<v8::Function> users;
  v8::Local<v8::Object> uses;
  v8::Local<v8::Value> use;
  const bool used = CompileLazyFile(isolate, context, {warm.name, warm.source, {}}).ToLocal(&users) &&
                    RunLazy(isolate, context, calls, warm.name, users).ToLocal(&uses) &&
                    uses->Get(context, Text(isolate, "node:*")).ToLocal(&use) && use->IsFunction() &&
                    !use.As<v8::Function>()->Call(context, uses, 0, nullptr).IsEmpty();
  if (used) isolate->PerformMicrotaskCheckpoint();
  realm->builtin_compiled = nullptr;
  if (!used) {
    const Outcome outcome = OutcomeOf(isolate, context, caught, OutcomeKind::kThrew);
    return Invalid(warm.name + ": " + outcome.message + "\n" + outcome.stack);
  }
  for (auto& [name, body] : bodies) {
    codes->push_back(CodeCacheOf(body.Get(isolate)));
    caches->push_back({std::move(name), {}, {}});
  }
  for (size_t i = 0; i < codes->size(); ++i) (*caches)[i].code_cache = (*codes)[i];
  return {};
}

// In an isolate as the product has it: a code cache fits only what is made from the same blob.
Status FillCodeCaches(const std::string& blob, std::span<const std::unique_ptr<LazyText>> texts, std::vector<WebFile>* files,
                      std::vector<LazyFile>* builtins, std::vector<std::string>* codes) {
  const auto warm = std::find_if(files->begin(), files->end(), [](const WebFile& file) { return file.warms_lazy(); });
  if (warm == files->end()) return Invalid("the manifest has no line NAME.js *");
  const v8::StartupData data = {blob.data(), static_cast<int>(blob.size())};
  const std::vector<LazyFile> lazy_files = LazyFilesOf(*files);
  const auto tasks = std::make_shared<TaskQueue>();
  TaskQueueDelegate delegate(tasks);
  Realm realm;
  realm.lazy_files = lazy_files;
  v8::Isolate* isolate = v8::Isolate::Allocate();
  isolate->SetData(Realm::kSlot, &realm);
  HostPlatform()->RegisterIsolate(isolate, &delegate);
  v8::Isolate::CreateParams params;
  params.snapshot_blob = &data;
  const std::vector<intptr_t> references = Snapshot::References(texts);
  params.external_references = references.data();
  realm.heap.Configure(&params, 0);
  v8::Isolate::Initialize(isolate, params);
  realm.heap.SetLimit(size_t{1} << 30);
  Status filled;
  {
    const v8::Isolate::Scope scope(isolate);
    for (WebFile& file : *files) {
      if (filled.ok() && file.lazy()) filled = FillCodeCache(isolate, *warm, &file);
    }
    if (filled.ok()) filled = FillBuiltinCodeCaches(isolate, *warm, &realm, builtins, codes);
    realm.Clear();
  }
  tasks->Close();
  HostPlatform()->DisposeIsolate(isolate);
  return filled;
}

Status Build(const std::string& output, const std::string& manifest, const std::string& folder, const std::string& npm_folder) {
  ZTS_ASSIGN_OR_RETURN(std::vector<WebFile> files, ReadWebFiles(manifest, folder, npm_folder));
  const auto texts = TextsOf(files);
  ZTS_ASSIGN_OR_RETURN(const std::string blob, BuildBlob(files, texts));
  std::vector<LazyFile> builtins;  // views of `codes`
  std::vector<std::string> codes;
  ZTS_RETURN_IF_ERROR(FillCodeCaches(blob, texts, &files, &builtins, &codes));
  std::vector<std::string_view> sources;
  for (const auto& text : texts) sources.emplace_back(text->data(), text->length());
  std::vector<LazyFile> lazy_files = LazyFilesOf(files);
  lazy_files.insert(lazy_files.end(), builtins.begin(), builtins.end());
  return WriteFileAtomically(output, Snapshot::Encode(blob, sources, lazy_files));
}

int Main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: snapshot_builder.node OUTPUT MANIFEST FOLDER FOLDER_OF_NPM\n");
    return 2;
  }
  const Status status = Build(argv[1], argv[2], argv[3], argv[4]);
  if (status.ok()) return 0;
  std::fprintf(stderr, "snapshot: %s\n", status.error().message.c_str());
  return 1;
}

}  // namespace
}  // namespace zts::js

ZTS_HOST_MAIN(zts::js::Main);
