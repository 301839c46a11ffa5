// A function under test whose outgoing requests and WebSockets are answered by the test.
//
// Thread:   one.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jsruntime/testing/function_test.h"

namespace zts::js {

// What a function has asked for.
struct Asked {
  std::string method, url, headers, body;
  FetchRedirect redirect;
  FetchBody body_kind;
  uint64_t body_bytes = 0;
  bool finished = false;
  bool cancelled = false;
  int rewound = 0;
  uint64_t credit = 0;
  // Of a WebSocket.
  std::string messages;  // "text 5;binary 2;"
  uint32_t taken_bytes = 0, taken_messages = 0;
  std::string closed;    // "1000 bye"
};

class DoorClient final : public RecordingClient, public FetchDoor {
 public:
  FetchDoor* fetch_door() override { return open ? this : nullptr; }
  FetchId Start(const FetchRequest& request) override {
    Asked& asked = all[++last];
    asked.method = request.method;
    asked.url = request.url;
    for (const HeaderField& field : request.headers) {
      asked.headers.append(field.name).append("=").append(field.value).append(";");
    }
    asked.body = request.body;
    asked.redirect = request.redirect;
    asked.body_kind = request.body_kind;
    asked.body_bytes = request.body_bytes;
    return last;
  }
  void SendBody(FetchId id, std::string_view bytes) override { all.at(id).body.append(bytes); }
  void FinishBody(FetchId id) override { all.at(id).finished = true; }
  void Rewound(FetchId id) override {
    ++all.at(id).rewound;
    all.at(id).body.clear();
  }
  void ReadMore(FetchId id, uint32_t bytes) override { all.at(id).credit += bytes; }
  void Cancel(FetchId id) override { all.at(id).cancelled = true; }
  void SendMessage(FetchId id, SocketMessage kind, uint64_t bytes) override {
    all.at(id).messages += (kind == SocketMessage::kText ? "text " : "binary ") + std::to_string(bytes) + ";";
  }
  void CloseSocket(FetchId id, uint16_t code, std::string_view reason) override {
    all.at(id).closed = std::to_string(code) + " " + std::string(reason);
  }
  void MessagesTaken(FetchId id, uint32_t bytes, uint32_t messages) override {
    all.at(id).taken_bytes += bytes;
    all.at(id).taken_messages += messages;
  }

  bool open = true;
  FetchId last = 0;
  std::map<FetchId, Asked> all;
};

class DoorTest : public testing::Test {
 protected:
  void Load(const std::string& body) {
    script_ = MakeScript("fn", "v1", "let kept; export default { async fetch(request, env, ctx) {" + body + "} }");
    script_->limits.subrequests_max = 8;
    script_->limits.subrequests_at_once = 3;
    isolate_ = TestHost().NewIsolate();
    const LoadReport report = isolate_->Load(script_);
    ASSERT_TRUE(report.outcome.ok()) << report.outcome.message;
    isolate_->Attach(&client_);
  }
  InvocationId Send() {
    isolate_->Dispatch(++id_, &request_);
    return id_;
  }
  void Run(const std::string& body) {
    Load(body);
    Send();
  }
  void Head(FetchId id, int status = 200, std::vector<HeaderField> headers = {}, std::string_view url = "http://up/",
            bool redirected = false) {
    FetchHead head;
    head.status = status;
    head.status_text = "Text";
    head.url = url;
    head.redirected = redirected;
    head.headers = headers;
    isolate_->OnFetch(id, {.kind = FetchEvent::Kind::kHead, .head = &head});
  }
  void Data(FetchId id, std::string_view bytes) { isolate_->OnFetch(id, {.kind = FetchEvent::Kind::kData, .bytes = bytes}); }
  void End(FetchId id) { isolate_->OnFetch(id, {.kind = FetchEvent::Kind::kEnd}); }
  void Error(FetchId id, FetchResult result, std::string_view message) {
    isolate_->OnFetch(id, {.kind = FetchEvent::Kind::kError, .bytes = message, .result = result});
  }
  void Writable(FetchId id, uint32_t bytes) { isolate_->OnFetch(id, {.kind = FetchEvent::Kind::kWritable, .credit = bytes}); }
  std::string Body() { return BodyOf(id_); }
  std::string BodyOf(InvocationId id) {
    if (client_.failures.count(id) != 0) return "FAILED " + client_.failures[id].message;
    return client_.responses.count(id) == 0 ? "NO ANSWER" : client_.responses[id].body;
  }

  std::vector<HeaderField> headers_ = {{"Host", "fn.localhost"}, {"X-In", "1"}};
  RequestView request_{.method = "GET", .authority = "fn.localhost", .target = "/", .headers = headers_, .request_id = "r"};
  std::shared_ptr<Script> script_;
  DoorClient client_;
  std::unique_ptr<Isolate> isolate_;
  InvocationId id_ = 0;
};

}  // namespace zts::js
