#include "controller/jit_hub.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "controller/limits.h"

namespace zts::controller {
namespace {

// How often a question that waits looks whether somebody still wants to know.
constexpr auto kPoll = std::chrono::milliseconds(100);

v1::WorkerJit Nothing(std::string problem) {
  v1::WorkerJit answer;
  answer.set_problem(std::move(problem));
  return answer;
}

}  // namespace

void JitHub::Connect(const std::string& worker, WorkerLink* link) {
  const std::lock_guard lock(mutex_);
  links_[worker] = link;
}

void JitHub::Disconnect(const std::string& worker, const WorkerLink* link) {
  const std::lock_guard lock(mutex_);
  const auto found = links_.find(worker);
  if (found == links_.end() || found->second != link) return;
  links_.erase(found);
  for (auto& [id, open] : open_) Answer(open, worker, Nothing("the worker has gone meanwhile"));
}

void JitHub::OnAnswer(const std::string& worker, v1::WorkerJit answer) {
  const std::lock_guard lock(mutex_);
  const auto open = open_.find(answer.id());
  if (open == open_.end()) return;  // too late
  if (answer.ByteSizeLong() > kJitAnswerBytesMax) answer = Nothing("the answer is larger than any should be");
  Answer(open->second, worker, std::move(answer));
}

// The first answer of a worker counts.
void JitHub::Answer(Open& open, const std::string& worker, v1::WorkerJit answer) {
  if (open.silent.erase(worker) == 0) return;
  answer.set_worker(worker);
  open.answers.push_back(std::move(answer));
  changed_.notify_all();
}

Status JitHub::Ask(const std::string& function, Nanos watch, const std::function<bool()>& keep_waiting, const OnJit& on_answer) {
  watch = std::clamp<Nanos>(watch, 0, kJitWatchMax);
  std::unique_lock lock(mutex_);
  if (open_.size() >= kJitAsksMax) {
    return Error{ErrorCode::kExhausted, std::to_string(kJitAsksMax) + " others are looking at functions' code; ask again in a moment"};
  }
  const uint64_t id = ++last_id_;
  Open& open = open_[id];
  for (const auto& [worker, link] : links_) {
    open.silent.insert(worker);
    link->Send(AskJit{id, function, watch});
  }
  const Nanos deadline = clock_.Now() + watch + kJitAnswerTimeout;
  while (true) {
    while (!open.answers.empty()) {
      const v1::WorkerJit answer = std::move(open.answers.front());
      open.answers.pop_front();
      lock.unlock();
      on_answer(answer);
      lock.lock();
    }
    if (open.silent.empty() || !keep_waiting()) break;
    if (clock_.Now() >= deadline) {
      for (const std::string& worker : std::set<std::string>(open.silent)) {
        Answer(open, worker, Nothing("the worker does not answer: it is of an older release, or its machine is very busy"));
      }
      continue;
    }
    changed_.wait_for(lock, kPoll);
  }
  open_.erase(id);
  return {};
}

}  // namespace zts::controller
