// An IsolateClient that writes down what it is told, for tests.
//
// Thread:   as IsolateClient; tasks_posted: any.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "jsruntime/isolate.h"

namespace zts::js {

class RecordingClient : public IsolateClient {
 public:
  struct Response {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;  // of a streamed one: what was taken so far
    std::string borrowed;
    ResponseView::Form form = ResponseView::Form::kWhole;
    std::optional<uint64_t> declared_length;

    // Empty where there is none.
    std::string Header(std::string_view name) const {
      for (const auto& [field, value] : headers) {
        if (field == name) return value;
      }
      return "";
    }
  };
  struct Record {
    InvocationId id;
    LogSeverity severity;
    std::string message;
  };

  void OnResponse(InvocationId id, const ResponseView& view) override {
    Response& response = responses[id];
    response.status = view.status();
    for (const HeaderField& field : view.headers()) response.headers.emplace_back(field.name, field.value);
    response.form = view.form();
    response.declared_length = view.declared_length();
    response.body.resize(view.body_bytes());
    view.CopyBody(response.body.data());
    response.borrowed = view.BorrowBody();
    ++answers[id];
  }
  // Takes what `room` allows, and counts it down.
  Taken OnChunk(InvocationId id, std::string_view bytes) override {
    const size_t taken = bytes.size() < room ? bytes.size() : room;
    responses[id].body.append(bytes.substr(0, taken));
    room -= taken;
    ++chunks[id];
    return {taken, room > 0 ? Room::kYes : Room::kNo};
  }
  void OnResponseEnd(InvocationId id, const Outcome& outcome) override {
    ends[id] = outcome;
    ++end_count[id];
  }
  void OnFailure(InvocationId id, const Outcome& outcome) override {
    failures[id] = outcome;
    ++answers[id];
  }
  void OnBackgroundDone(InvocationId id) override { background_done.push_back(id); }
  void OnConsole(InvocationId id, LogSeverity severity, std::string_view message) override {
    console.push_back({id, severity, std::string(message)});
  }
  void OnTimerDue(Nanos when) override { timer_due = when; }
  void OnTasksPosted() override { ++tasks_posted; }
  void OnGarbageCollected(GcKind kind, GcDuring during, Nanos pause) override { collections.push_back({kind, during, pause}); }

  std::map<InvocationId, Response> responses;
  std::map<InvocationId, Outcome> failures;
  std::map<InvocationId, int> answers;  // must never exceed one
  size_t room = size_t{1} << 40;  // for streamed responses, all together
  std::map<InvocationId, int> chunks;
  std::map<InvocationId, Outcome> ends;
  std::map<InvocationId, int> end_count;  // must never exceed one
  std::vector<InvocationId> background_done;
  std::vector<Record> console;
  struct Collection {
    GcKind kind;
    GcDuring during;
    Nanos pause;
  };
  std::vector<Collection> collections;
  Nanos timer_due = 0;
  std::atomic<int> tasks_posted{0};
};

}  // namespace zts::js
