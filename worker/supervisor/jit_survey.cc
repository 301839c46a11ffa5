#include "worker/supervisor/jit_survey.h"

#include <algorithm>
#include <utility>

#include "worker/engine/limits.h"

namespace zts::supervisor {
namespace {

void Add(const ipc::Deoptimization& from, std::vector<js::Deoptimization>* all) {
  const auto same = [&](const js::Deoptimization& each) {
    return each.line == static_cast<int>(from.line()) && each.reason == from.reason();
  };
  const auto found = std::find_if(all->begin(), all->end(), same);
  if (found != all->end()) {
    found->count += from.count();
  } else {
    all->push_back({from.reason(), static_cast<int>(from.line()), from.count()});
  }
}

int FastestTier(const FunctionJit& function) {
  for (int tier = js::kJitTiers - 1; tier > 0; --tier) {
    if (function.isolates[static_cast<size_t>(tier)] > 0) return tier;
  }
  return 0;
}

// Isolates keep different functions where there are too many: together they may be more again.
void Bound(VersionJit* version) {
  const size_t count = version->functions.size();
  if (count <= kJitFunctionsMax) return;
  const auto weight = [](const FunctionJit& each) { return std::tuple(each.samples, each.deoptimizations.size(), FastestTier(each)); };
  std::stable_sort(version->functions.begin(), version->functions.end(),
                   [&](const auto& a, const auto& b) { return weight(a) > weight(b); });
  version->functions.resize(kJitFunctionsMax);
  version->left_out += static_cast<uint32_t>(count - kJitFunctionsMax);
  std::sort(version->functions.begin(), version->functions.end(),
            [](const auto& a, const auto& b) { return std::tuple(a.line, a.column) < std::tuple(b.line, b.column); });
}

}  // namespace

std::optional<ipc::ToEngine> JitSurveys::Begin(Subject subject, Nanos watch, Done done) {
  watch = std::clamp<Nanos>(watch, 0, kJitWatchMax);
  JitSurvey refused{.watch = watch};
  if (std::any_of(open_.begin(), open_.end(), [&](const Open& each) { return each.subject.function == subject.function; })) {
    refused.problem = "somebody else is looking at this function; ask again when that is over";
  } else if (open_.size() >= kSurveysMax) {
    refused.problem = std::to_string(kSurveysMax) + " functions are being looked at here; ask again in a moment";
  }
  if (!refused.problem.empty()) {
    done(std::move(refused));
    return std::nullopt;
  }
  ipc::ToEngine message;
  ipc::AskJit& ask = *message.mutable_ask_jit();
  ask.set_id(++last_id_);
  ask.set_watch_ns(watch);
  for (const auto& [version_id, number] : subject.numbers) ask.add_version_ids(version_id);
  Open open{.id = last_id_, .subject = std::move(subject), .watch = watch, .deadline = clock_->Now() + watch + kAnswerTime,
            .answered = {}, .versions = {}, .done = std::move(done)};
  for (const auto& [version_id, number] : open.subject.numbers) open.versions[version_id].jit.number = number;
  open_.push_back(std::move(open));
  return message;
}

void JitSurveys::OnAnswer(const ipc::JitAnswer& answer) {
  const auto open = std::find_if(open_.begin(), open_.end(), [&](const Open& each) { return each.id == answer.id(); });
  // Too late, or twice.
  if (open == open_.end() || answer.thread() >= open->subject.threads || !open->answered.insert(answer.thread()).second) return;
  for (const ipc::VersionCode& code : answer.versions()) {
    if (const auto version = open->versions.find(code.version_id()); version != open->versions.end()) Add(code, &version->second);
  }
  if (open->answered.size() == open->subject.threads) End(open, "");
}

void JitSurveys::Add(const ipc::VersionCode& code, Gathered* version) {
  ++version->jit.isolates;
  if (code.watched()) ++version->jit.watched;
  version->jit.left_out = std::max(version->jit.left_out, code.left_out());
  for (const ipc::FunctionCode& from : code.functions()) {
    const Place place{static_cast<int>(from.line()), static_cast<int>(from.column()), from.name()};
    FunctionJit& function = version->functions[place];
    std::tie(function.line, function.column, function.name) = place;
    const int tier = static_cast<int>(std::min<uint32_t>(from.tier(), js::kJitTiers - 1));
    const bool first = std::all_of(function.isolates.begin(), function.isolates.end(), [](uint32_t count) { return count == 0; });
    if (first || tier >= FastestTier(function)) function.code_bytes = from.code_bytes();
    ++function.isolates[static_cast<size_t>(tier)];
    function.samples += from.samples();
    for (const ipc::Deoptimization& each : from.deoptimizations()) supervisor::Add(each, &function.deoptimizations);
  }
}

void JitSurveys::End(std::list<Open>::iterator at, const std::string& problem) {
  Open open = std::move(*at);
  open_.erase(at);
  JitSurvey survey{.watch = open.watch, .versions = {}, .threads_silent = 0, .problem = problem};
  survey.threads_silent = open.subject.threads - static_cast<uint32_t>(open.answered.size());
  for (auto& [version_id, gathered] : open.versions) {
    for (auto& [place, function] : gathered.functions) gathered.jit.functions.push_back(std::move(function));
    Bound(&gathered.jit);
    survey.versions.push_back(std::move(gathered.jit));
  }
  open.done(std::move(survey));
}

void JitSurveys::EndAll(const std::string& problem) {
  while (!open_.empty()) End(open_.begin(), problem);
}

void JitSurveys::OnTime() {
  for (auto open = open_.begin(); open != open_.end();) {
    const auto next = std::next(open);
    if (clock_->Now() >= open->deadline) End(open, "");
    open = next;
  }
}

Nanos JitSurveys::NextDeadline() const {
  Nanos next = 0;
  for (const Open& open : open_) next = next == 0 ? open.deadline : std::min(next, open.deadline);
  return next;
}

}  // namespace zts::supervisor
