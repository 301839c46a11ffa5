#include "jsruntime/function_body/function_body.h"

#include <v8.h>

#include <memory>
#include <utility>

#include "jsruntime/errors.h"
#include "jsruntime/function_body/transform_source.h"
#include "jsruntime/host_platform.h"
#include "jsruntime/ops/text.h"
#include "jsruntime/snapshot.h"
#include "jsruntime/task_queue.h"

namespace zts::js {
namespace {

constexpr const char* kDirective = "\"use strict\";\n";

// An isolate for one call.
class Workshop {
 public:
  explicit Workshop(const Snapshot& snapshot)
      : tasks_(std::make_shared<TaskQueue>()), delegate_(tasks_), isolate_(v8::Isolate::Allocate()) {
    HostPlatform()->RegisterIsolate(isolate_, &delegate_);
    allocator_.reset(v8::ArrayBuffer::Allocator::NewDefaultAllocator());
    v8::Isolate::CreateParams params;
    params.snapshot_blob = snapshot.data();
    params.external_references = snapshot.references().data();
    params.array_buffer_allocator = allocator_.get();
    params.constraints.ConfigureDefaultsFromHeapSize(0, kBodyHeapBytesMax);
    v8::Isolate::Initialize(isolate_, params);
  }
  ~Workshop() {
    tasks_->Close();
    HostPlatform()->DisposeIsolate(isolate_);
  }
  Workshop(const Workshop&) = delete;
  v8::Isolate* isolate() { return isolate_; }

 private:
  std::shared_ptr<TaskQueue> tasks_;
  TaskQueueDelegate delegate_;
  std::unique_ptr<v8::ArrayBuffer::Allocator> allocator_;
  v8::Isolate* isolate_;
};

v8::MaybeLocal<v8::Value> Transform(v8::Isolate* isolate, v8::Local<v8::Context> context, std::string_view source) {
  v8::Local<v8::String> text, argument;
  v8::Local<v8::Function> program;
  v8::Local<v8::Value> transform;
  if (!Latin1String(isolate, TransformSource()).ToLocal(&text) || !Utf8String(isolate, source).ToLocal(&argument)) return {};
  v8::ScriptCompiler::Source unit(text);
  if (!v8::ScriptCompiler::CompileFunction(context, &unit).ToLocal(&program) ||
      !program->Call(context, v8::Undefined(isolate), 0, nullptr).ToLocal(&transform) || !transform->IsFunction()) {
    return {};
  }
  v8::Local<v8::Value> arguments[] = {argument};
  return transform.As<v8::Function>()->Call(context, v8::Undefined(isolate), 1, arguments);
}

std::string Utf8Of(v8::Isolate* isolate, v8::Local<v8::Value> value) {
  return value->IsString() ? std::string(Utf8Text(isolate, value.As<v8::String>()).view()) : std::string();
}

// Item `index` of the answer, a list of strings.
std::vector<std::string> ListAt(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Array> answer, uint32_t index) {
  const auto list = answer->Get(context, index).ToLocalChecked().As<v8::Array>();
  std::vector<std::string> texts;
  for (uint32_t i = 0; i < list->Length(); ++i) texts.push_back(Utf8Of(isolate, list->Get(context, i).ToLocalChecked()));
  return texts;
}

FunctionBody Read(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Array> answer) {
  FunctionBody body;
  body.text = kDirective + Utf8Of(isolate, answer->Get(context, 0).ToLocalChecked());
  body.modules = ListAt(isolate, context, answer, 1);
  std::vector<std::string> names = ListAt(isolate, context, answer, 2), modules = ListAt(isolate, context, answer, 3),
                           imported = ListAt(isolate, context, answer, 4);
  for (size_t i = 0; i < names.size(); ++i) body.parameters.push_back({std::move(names[i]), std::move(modules[i]), std::move(imported[i])});
  return body;
}

}  // namespace

FunctionBody MakeFunctionBody(const Snapshot& snapshot, std::string_view source) {
  FunctionBody body;
  if (source.size() > kBodySourceBytesMax) {
    body.refusal = "it is larger than " + std::to_string(kBodySourceBytesMax >> 20) + " MiB";
    return body;
  }
  Workshop workshop(snapshot);
  v8::Isolate* isolate = workshop.isolate();
  const v8::Isolate::Scope isolate_scope(isolate);
  const v8::HandleScope handles(isolate);
  const v8::Local<v8::Context> context = v8::Context::New(isolate);
  const v8::Context::Scope context_scope(context);
  v8::TryCatch caught(isolate);
  v8::Local<v8::Value> answer;
  if (!Transform(isolate, context, source).ToLocal(&answer)) {
    body.refusal = "it cannot be transformed: " +
                   (caught.HasCaught() && !caught.HasTerminated()
                        ? OutcomeOf(isolate, context, caught, OutcomeKind::kThrew).message
                        : "ended");
    return body;
  }
  if (answer->IsArray()) return Read(isolate, context, answer.As<v8::Array>());
  body.refusal = Utf8Of(isolate, answer);
  return body;
}

}  // namespace zts::js
