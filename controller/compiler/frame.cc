#include "controller/compiler/frame.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/check.h"

namespace zts::controller {
namespace {

using Json = nlohmann::json;

Error Corrupt(const char* what) { return {ErrorCode::kCorrupt, std::string("the compiler process and its parent disagree: ") + what}; }

std::string Frame(const Json& head, std::string_view body) {
  // Messages of tenants' exceptions may hold lone surrogates; the replacement character is good enough for people.
  const std::string text = head.dump(-1, ' ', false, Json::error_handler_t::replace);
  const uint32_t head_bytes = static_cast<uint32_t>(text.size());
  const uint64_t body_bytes = body.size();
  std::string frame;
  frame.reserve(sizeof head_bytes + sizeof body_bytes + text.size() + body.size());
  frame.append(reinterpret_cast<const char*>(&head_bytes), sizeof head_bytes);
  frame.append(reinterpret_cast<const char*>(&body_bytes), sizeof body_bytes);
  return frame.append(text).append(body);
}

// Typed reads that cannot throw.
std::string TextOf(const Json& head, const char* name) {
  const auto found = head.find(name);
  return found != head.end() && found->is_string() ? found->get<std::string>() : std::string();
}

int64_t NumberOf(const Json& head, const char* name) {
  const auto found = head.find(name);
  return found != head.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

Result<Json> ParseHead(const std::string& text) {
  Json head = Json::parse(text, nullptr, false);
  if (!head.is_object()) return Corrupt("the head is no JSON object");
  return head;
}

}  // namespace

std::string EncodeJob(const CompileJob& job) {
  const Json head = {
      {"function", job.function},
      {"main_module", job.main_module},
      {"env", job.env},
      {"startup_cpu_ns", job.limits.startup_cpu_ns},
      {"memory_bytes_max", job.limits.memory_bytes_max},
      {"product", static_cast<int>(job.product)},
      {"source_bytes", job.source.size()},
  };
  if (job.snapshot_to_try.empty()) return Frame(head, job.source);
  return Frame(head, std::string(job.source).append(job.snapshot_to_try));
}

Result<ReceivedJob> DecodeJob(std::string text, std::string body) {
  ZTS_ASSIGN_OR_RETURN(const Json head, ParseHead(text));
  ReceivedJob received;
  received.storage = std::move(body);
  received.job.function = TextOf(head, "function");
  received.job.main_module = TextOf(head, "main_module");
  received.job.limits.startup_cpu_ns = NumberOf(head, "startup_cpu_ns");
  received.job.limits.memory_bytes_max = static_cast<uint64_t>(NumberOf(head, "memory_bytes_max"));
  const int64_t product = NumberOf(head, "product"), source_bytes = NumberOf(head, "source_bytes");
  if (product < 0 || product > static_cast<int>(CompileJob::Product::kTrial) || source_bytes < 0 ||
      static_cast<size_t>(source_bytes) > received.storage.size()) {
    return Corrupt("the job asks for what is not known");
  }
  received.job.product = static_cast<CompileJob::Product>(product);
  received.snapshot_to_try = received.storage.substr(static_cast<size_t>(source_bytes));
  received.storage.resize(static_cast<size_t>(source_bytes));
  if (const auto env = head.find("env"); env != head.end() && env->is_object()) {
    for (const auto& [name, value] : env->items()) {
      if (value.is_string()) received.job.env[name] = value.get<std::string>();
    }
  }
  if (received.job.main_module.empty()) return Corrupt("the job names no module");
  return received;
}

std::string EncodeAnswer(const CompileOutcome& outcome) {
  if (const auto* compiled = std::get_if<CompiledBundle>(&outcome)) {
    return Frame({{"artifact_key", compiled->artifact_key},
                  {"evaluate_ns", compiled->evaluate_ns},
                  {"reads_environment", compiled->reads_environment},
                  {"snapshot_refusal", compiled->snapshot_refusal}},
                 compiled->code_cache);
  }
  const SourceProblem& problem = std::get<SourceProblem>(outcome);
  return Frame({{"kind", problem.kind},
                {"message", problem.message},
                {"file", problem.file},
                {"line", problem.line},
                {"column", problem.column},
                {"source_line", problem.source_line},
                {"stack", problem.stack}},
               {});
}

Result<CompileOutcome> DecodeAnswer(std::string text, std::string body) {
  ZTS_ASSIGN_OR_RETURN(const Json head, ParseHead(text));
  if (std::string key = TextOf(head, "artifact_key"); !key.empty()) {
    CompiledBundle compiled{.code_cache = std::move(body), .artifact_key = std::move(key)};
    compiled.evaluate_ns = NumberOf(head, "evaluate_ns");
    compiled.reads_environment = head.value("reads_environment", Json(false)) == Json(true);
    compiled.snapshot_refusal = TextOf(head, "snapshot_refusal");
    return CompileOutcome(std::move(compiled));
  }
  SourceProblem problem;
  problem.kind = TextOf(head, "kind");
  problem.message = TextOf(head, "message");
  problem.file = TextOf(head, "file");
  problem.line = static_cast<int>(NumberOf(head, "line"));
  problem.column = static_cast<int>(NumberOf(head, "column"));
  problem.source_line = TextOf(head, "source_line");
  problem.stack = TextOf(head, "stack");
  if (problem.kind.empty()) return Corrupt("the answer is neither a result nor a problem");
  return CompileOutcome(std::move(problem));
}

Status FrameReader::Add(std::string_view bytes) {
  bytes_.append(bytes);
  if (!head_bytes_ && bytes_.size() >= kPrefixBytes) {
    uint32_t head_bytes = 0;
    uint64_t body_bytes = 0;
    std::memcpy(&head_bytes, bytes_.data(), sizeof head_bytes);
    std::memcpy(&body_bytes, bytes_.data() + sizeof head_bytes, sizeof body_bytes);
    if (head_bytes > bytes_max_ || body_bytes > bytes_max_ - head_bytes) {
      return Error{ErrorCode::kExhausted, "a compiler frame is larger than " + std::to_string(bytes_max_) + " bytes"};
    }
    head_bytes_ = head_bytes;
    body_bytes_ = body_bytes;
  }
  if (head_bytes_ && bytes_.size() > kPrefixBytes + *head_bytes_ + body_bytes_) return Corrupt("more bytes than the frame says");
  return {};
}

bool FrameReader::done() const { return head_bytes_ && bytes_.size() == kPrefixBytes + *head_bytes_ + body_bytes_; }

std::string FrameReader::TakeHead() {
  ZTS_CHECK(done());
  return bytes_.substr(kPrefixBytes, *head_bytes_);
}

std::string FrameReader::TakeBody() {
  ZTS_CHECK(done());
  return bytes_.substr(kPrefixBytes + *head_bytes_);
}

}  // namespace zts::controller
