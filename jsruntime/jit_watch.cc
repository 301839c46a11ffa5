#include "jsruntime/jit_watch.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "jsruntime/ops/simdutf.h"

namespace zts::js {
namespace {

constexpr int kSamplingMicros = 1000;

using Place = std::pair<int, int>;  // line and column
using Functions = std::map<Place, FunctionCode>;

// V8 calls back without a word of whose it is.
struct Listing {
  std::string_view file;
  Functions functions;
};
thread_local Listing* t_listing = nullptr;

std::optional<JitTier> TierOf(char mark) {
  switch (mark) {
    case '~': return JitTier::kInterpreted;
    case '^': return JitTier::kBaseline;
    case '+': return JitTier::kMidTier;
    case '*': return JitTier::kOptimized;
    default: return std::nullopt;
  }
}

// Cuts ":NUMBER" off the end.
std::optional<int> CutNumber(std::string_view* text) {
  const size_t colon = text->rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto number = ParseInteger<int>(text->substr(colon + 1));
  *text = text->substr(0, colon);
  return number;
}

// A name may be any UTF-16, and V8 cuts long ones where it likes.
std::string NameOf(std::string_view name, Place place) {
  if (name.empty()) return place == Place{1, 1} ? "(module)" : "(anonymous)";
  return simdutf::validate_utf8(name.data(), name.size()) ? std::string(name) : "(no text)";
}

// As V8 logs code: "JS:*NAME FILE:LINE:COLUMN", with "'" behind the mark for code made on another thread.
void OnCode(const v8::JitCodeEvent* event) {
  if (t_listing == nullptr || event->type != v8::JitCodeEvent::CODE_ADDED) return;
  std::string_view text(event->name.str, event->name.len);
  if (!text.starts_with("JS:") || text.size() < 4) return;
  const std::optional<JitTier> tier = TierOf(text[3]);
  text.remove_prefix(4);
  if (text.starts_with('\'')) text.remove_prefix(1);
  const std::optional<int> column = CutNumber(&text);
  const std::optional<int> line = CutNumber(&text);
  if (!tier || !column || !line || !text.ends_with(t_listing->file)) return;
  std::string_view name = text.substr(0, text.size() - t_listing->file.size());
  if (!name.empty() && name.back() == ' ') name.remove_suffix(1);
  FunctionCode& code = t_listing->functions[{*line, *column}];
  code.name = NameOf(name, {*line, *column});
  code.line = *line;
  code.column = *column;
  if (*tier < code.tier) return;
  code.tier = *tier;
  code.code_bytes = static_cast<uint32_t>(event->code_len);
}

Functions List(v8::Isolate* isolate, std::string_view file) {
  Listing listing{file, {}};
  t_listing = &listing;
  isolate->SetJitCodeEventHandler(v8::kJitCodeEventEnumExisting, OnCode);
  isolate->SetJitCodeEventHandler(v8::kJitCodeEventDefault, nullptr);
  t_listing = nullptr;
  return std::move(listing.functions);
}

// The function of a profile's node: by its line, as its column there is that of its body.
FunctionCode* Find(Functions* functions, const v8::CpuProfileNode& node, std::string_view file) {
  if (std::string_view(node.GetScriptResourceNameStr()) != file) return nullptr;
  const std::string_view name = node.GetFunctionNameStr();
  FunctionCode* found = nullptr;
  const int line = node.GetLineNumber();
  for (auto at = functions->lower_bound({line, 0}); at != functions->end() && at->first.first == line; ++at) {
    if (at->second.name == name || found == nullptr) found = &at->second;
  }
  return found;
}

int LineAt(std::string_view source, size_t position) {
  const std::string_view before = source.substr(0, std::min(position, source.size()));
  return 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
}

void AddDeoptimization(FunctionCode* code, const v8::CpuProfileDeoptInfo& info, std::string_view source) {
  // V8 throws code away for reasons of its own, too: to go on in better code.
  if (std::strstr(info.deopt_reason, "OSR") != nullptr) return;
  const int line = info.stack.empty() ? 0 : LineAt(source, info.stack.front().position);
  const auto same = [&](const Deoptimization& other) { return other.line == line && other.reason == info.deopt_reason; };
  const auto found = std::find_if(code->deoptimizations.begin(), code->deoptimizations.end(), same);
  if (found != code->deoptimizations.end()) {
    ++found->count;
  } else {
    code->deoptimizations.push_back({info.deopt_reason, line, 1});
  }
}

void AddProfile(const v8::CpuProfileNode& node, const Script& script, Functions* functions) {
  if (FunctionCode* code = Find(functions, node, script.main_module)) {
    code->samples += node.GetHitCount();
    for (const v8::CpuProfileDeoptInfo& info : node.GetDeoptInfos()) AddDeoptimization(code, info, script.source);
  }
  for (int i = 0; i < node.GetChildrenCount(); ++i) AddProfile(*node.GetChild(i), script, functions);
}

}  // namespace

void JitWatch::Stop(v8::Isolate* isolate) {
  if (profiler_ == nullptr) return;
  const v8::Isolate::Scope scope(isolate);
  const v8::HandleScope handles(isolate);
  if (v8::CpuProfile* profile = profiler_->Stop(id_)) profile->Delete();
  profiler_->Dispose();
  profiler_ = nullptr;
}

void JitWatch::Start(v8::Isolate* isolate) {
  if (profiler_ != nullptr) return;
  profiler_ = v8::CpuProfiler::New(isolate, v8::kStandardNaming, v8::kLazyLogging);
  profiler_->SetSamplingInterval(kSamplingMicros);
  id_ = profiler_->Start(v8::CpuProfilingOptions(v8::kLeafNodeLineNumbers, kSamplesMax)).id;
}

JitReport JitWatch::Take(v8::Isolate* isolate, const Script& script) {
  const v8::HandleScope handles(isolate);
  Functions functions = List(isolate, script.main_module);
  if (profiler_ != nullptr) {
    if (v8::CpuProfile* profile = profiler_->Stop(id_)) {
      AddProfile(*profile->GetTopDownRoot(), script, &functions);
      profile->Delete();
    }
    profiler_->Dispose();
    profiler_ = nullptr;
  }
  JitReport report;
  for (auto& [place, code] : functions) report.push_back(std::move(code));
  return report;
}

}  // namespace zts::js
