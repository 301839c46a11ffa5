#include "worker/supervisor/version_names.h"

#include <iterator>
#include <utility>

#include "worker/engine/limits.h"

namespace zts::supervisor {
namespace {

// In the order of js::LogSeverity.
constexpr const char* kSeverities[] = {"debug", "info", "log", "warn", "error", "exception"};

constexpr size_t kNamesMax = 2 * kFunctionCountMax;

}  // namespace

std::string Title(const std::string& function, uint64_t number) {
  return function.empty() ? "the catalog" : function + " v" + std::to_string(number);
}

void VersionNames::Remember(const FunctionSpec& spec, const std::set<uint64_t>& known) {
  names_[spec.version_id] = {spec.function, spec.number};
  for (auto it = names_.begin(); names_.size() > kNamesMax && it != names_.end();) {
    it = known.count(it->first) > 0 ? std::next(it) : names_.erase(it);
  }
}

const VersionNames::Name* VersionNames::Find(uint64_t version_id) const {
  const auto found = names_.find(version_id);
  return found == names_.end() ? nullptr : &found->second;
}

Problem VersionNames::ToProblem(const ipc::Problem& from) const {
  Problem problem;
  if (const Name* name = Find(from.version_id())) {
    problem.function = name->function;
    problem.number = name->number;
  }
  problem.kind = from.kind();
  problem.message = from.message();
  problem.file = from.file();
  problem.line = from.line();
  problem.column = from.column();
  problem.source_line = from.source_line();
  problem.stack = from.stack();
  return problem;
}

std::vector<LogRecord> VersionNames::ToRecords(const ipc::Logs& logs) const {
  std::vector<LogRecord> records;
  for (const ipc::Log& log : logs.records()) {
    LogRecord record;
    record.time = log.time_ns();
    if (const Name* name = Find(log.version_id())) {
      record.function = name->function;
      record.number = name->number;
    }
    record.severity = log.severity() < std::size(kSeverities) ? kSeverities[log.severity()] : "log";
    record.message = log.message();
    record.request_id = log.request_id();
    record.dropped_before = log.dropped_before();
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace zts::supervisor
