// A function under test in a real isolate: load it, ask it, look at what came.
//
// Thread:   one.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "jsruntime/testing/make_script.h"
#include "jsruntime/testing/recording_client.h"
#include "jsruntime/testing/test_host.h"

namespace zts::js {

class FunctionTest : public testing::Test {
 protected:
  LoadReport Load(std::string source) {
    script_ = MakeScript("fn", "v1", std::move(source));
    if (memory_bytes_max_ != 0) script_->limits.memory_bytes_max = memory_bytes_max_;
    script_->env = {{"GREETING", "hi"}};
    client_.console.clear();
    isolate_ = TestHost().NewIsolate({.nursery_bytes = nursery_bytes_});
    const LoadReport report = isolate_->Load(script_);
    if (report.outcome.ok()) isolate_->Attach(&client_);
    return report;
  }
  // Loads and sends one request; what came is in client_.
  void Run(std::string source) {
    const LoadReport report = Load(std::move(source));
    ASSERT_TRUE(report.outcome.ok()) << report.outcome.message << "\n" << report.outcome.stack;
    Send();
  }
  InvocationId Send(std::string_view method = "GET", std::string_view body = "") {
    request_.method = method;
    request_.body = body;
    isolate_->Dispatch(++id_, &request_);
    return id_;
  }
  void RunDueTimers() {
    for (int i = 0; i < 1000 && client_.timer_due != 0; ++i) isolate_->RunTimers(client_.timer_due);
  }
  // The body of the last answer; what went wrong in its place.
  std::string Body() {
    if (client_.failures.count(id_) != 0) return "FAILED " + client_.failures[id_].message;
    if (client_.responses.count(id_) == 0) return "NO ANSWER";
    return client_.responses[id_].body;
  }
  std::string Ask(std::string source) {
    Run(std::move(source));
    return Body();
  }

  std::vector<HeaderField> headers_ = {{"Host", "fn.localhost"}, {"Accept", "a/b"}, {"ACCEPT", "c/d"}, {"X-Raw", "caf\xe9"}};
  RequestView request_{"GET", "http", "Fn.localhost:80", "/p?q=1", headers_, "", "r1"};
  size_t memory_bytes_max_ = 0;
  size_t nursery_bytes_ = 0;
  std::shared_ptr<Script> script_;
  RecordingClient client_;
  std::unique_ptr<Isolate> isolate_;
  InvocationId id_ = 0;
};

}  // namespace zts::js
