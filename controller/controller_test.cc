// The whole controller in one process, spoken to over gRPC as ztsctl and workers do; only the compiler is a fake.
#include "controller/controller.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/file.h"
#include "base/sha256.h"
#include "controller/authorizer.h"
#include "controller/limits.h"
#include "controller/store/testing/scratch_folder.h"
#include "controller/testing/fake_compiler.h"
#include "zts/v1/admin.pb.h"
#include "zts/v1/deploy.grpc.pb.h"
#include "zts/v1/stats.pb.h"
#include "zts/v1/sync.grpc.pb.h"
#include "zts/v1/versions.pb.h"

namespace zts::controller {
namespace {

std::unique_ptr<grpc::ClientContext> ContextWith(const std::string& token) {
  auto context = std::make_unique<grpc::ClientContext>();
  if (!token.empty()) context->AddMetadata("authorization", "Bearer " + token);
  return context;
}

// A worker that prepares and activates what it is told, on a thread of its own, and refuses the functions it was told to.
class TestWorker {
 public:
  TestWorker(const std::shared_ptr<grpc::Channel>& channel, const std::string& token, const std::string& name)
      : stub_(v1::Sync::NewStub(channel)), context_(ContextWith(token)), token_(token), stream_(stub_->Stream(context_.get())) {
    v1::WorkerMessage hello;
    hello.mutable_hello()->set_worker(name);
    hello.mutable_hello()->set_http_address("127.0.0.1:8080");
    hello.mutable_hello()->set_shards(2);
    stream_->Write(hello);
    thread_ = std::thread([this] { Run(); });
  }
  ~TestWorker() { Leave(); }

  void Leave() {
    context_->TryCancel();
    if (thread_.joinable()) thread_.join();
  }
  void Refuse(const std::string& function) {
    const std::lock_guard lock(mutex_);
    refused_ = function;
  }
  void AwaitActive(uint64_t catalog_version) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return active_ >= static_cast<int64_t>(catalog_version); });
  }
  // The number of a function's version that serves; 0: none.
  uint64_t Serves(const std::string& function) {
    const std::lock_guard lock(mutex_);
    const auto found = serving_.find(function);
    return found != serving_.end() ? found->second.number() : 0;
  }
  std::string Fetch(const std::string& digest) {
    auto context = ContextWith(token_);
    v1::FetchBlobRequest request;
    request.set_digest(digest);
    auto reader = stub_->FetchBlob(context.get(), request);
    std::string content;
    for (v1::BlobChunk chunk; reader->Read(&chunk);) content += chunk.data();
    return reader->Finish().ok() ? content : "failed";
  }
  std::string CodeCacheDigest(const std::string& function) {
    const std::lock_guard lock(mutex_);
    return serving_.at(function).code_cache_digest();
  }
  void Log(const std::string& function, const std::string& message) {
    v1::WorkerMessage logs;
    auto& record = *logs.mutable_logs()->add_records();
    record.set_function(function);
    record.set_message(message);
    const std::lock_guard lock(write_mutex_);
    stream_->Write(logs);
  }

 private:
  void Run() {
    v1::ControllerMessage message;
    while (stream_->Read(&message)) {
      v1::WorkerMessage answer;
      auto& result = *answer.mutable_result();
      if (message.has_update()) {
        Prepare(message.update(), result);
      } else {
        Activate(message.activate(), result);
      }
      const std::lock_guard lock(write_mutex_);
      stream_->Write(answer);
    }
  }
  void Prepare(const v1::Update& update, v1::UpdateResult& result) {
    const std::lock_guard lock(mutex_);
    prepared_ = update.full() ? std::map<std::string, v1::FunctionVersion>() : serving_;
    for (const auto& name : update.removals()) prepared_.erase(name);
    result.set_state(v1::UpdateResult::PREPARED);
    for (const auto& version : update.upserts()) {
      prepared_[version.function()] = version;
      if (version.function() != refused_) continue;
      result.set_state(v1::UpdateResult::NACK);
      auto& problem = *result.add_problems();
      problem.set_function(version.function());
      problem.set_number(version.number());
      problem.mutable_error()->set_kind("exception");
      problem.mutable_error()->set_message("refused");
    }
    result.set_catalog_version(update.catalog_version());
    result.set_nonce(update.nonce());
  }
  void Activate(const v1::Activate& activate, v1::UpdateResult& result) {
    const std::lock_guard lock(mutex_);
    serving_ = prepared_;
    active_ = static_cast<int64_t>(activate.catalog_version());
    changed_.notify_all();
    result.set_state(v1::UpdateResult::ACTIVE);
    result.set_catalog_version(activate.catalog_version());
    result.set_nonce(activate.nonce());
  }

  std::unique_ptr<v1::Sync::Stub> stub_;
  std::unique_ptr<grpc::ClientContext> context_;
  const std::string token_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::WorkerMessage, v1::ControllerMessage>> stream_;
  std::mutex write_mutex_, mutex_;
  std::condition_variable changed_;
  std::string refused_;
  std::map<std::string, v1::FunctionVersion> prepared_, serving_;
  int64_t active_ = -1;
  std::thread thread_;
};

class ControllerTest : public testing::Test {
 protected:
  void SetUp() override { Start(); }

  Controller::Options OptionsHere() {
    Controller::Options options;
    options.data_dir = folder_.path() + "/data";
    options.listen = "127.0.0.1:0";
    options.admin = "127.0.0.1:0";
    options.token_file = folder_.path() + "/token";
    options.secret_key_file = folder_.path() + "/secret-key";
    options.compiler = std::make_unique<FakeCompiler>();
    return options;
  }

  void Start() { StartWith(OptionsHere()); }
  void StartWith(Controller::Options options) {
    auto started = Controller::Start(std::move(options));
    ASSERT_TRUE(started.ok()) << started.error().message;
    controller_ = std::move(started).value();
    token_ = *ReadFile(folder_.path() + "/token");
    token_.pop_back();
    // A channel of its own: the next controller may be on another port, and global subchannels remember failures.
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ = grpc::CreateCustomChannel(controller_->rpc_address(), grpc::InsecureChannelCredentials(), arguments);
    stub_ = v1::Deploy::NewStub(channel_);
  }

  std::unique_ptr<TestWorker> Worker(const std::string& name) {
    auto worker = std::make_unique<TestWorker>(channel_, token_, name);
    worker->AwaitActive(0);
    return worker;
  }

  struct Upload {
    std::string function = "hello";
    std::string bundle = "export default () => {}";
    std::optional<std::string> digest;
    std::optional<uint64_t> bytes;
    uint32_t wait_ms = 0;
    std::vector<std::string> routes;
    std::string source_map;
    std::optional<std::string> source_map_digest;
  };
  // What GetSource gives: "map", or "module", and the text; or the status' code.
  std::string Source(const std::string& function, uint64_t number, const std::string& token) {
    auto context = ContextWith(token);
    v1::GetSourceRequest request;
    request.set_function(function);
    request.set_number(number);
    auto reader = stub_->GetSource(context.get(), request);
    std::string text, kind;
    for (v1::SourceChunk chunk; reader->Read(&chunk);) {
      text += chunk.data();
      kind = chunk.is_map() ? "map " : "module ";
    }
    const grpc::Status status = reader->Finish();
    return status.ok() ? kind + text : std::to_string(status.error_code());
  }
  std::vector<v1::DeployEvent> Deploy(const Upload& upload) {
    auto context = ContextWith(token_);
    auto stream = stub_->DeployFunction(context.get());
    v1::DeployRequest request;
    auto& start = *request.mutable_start();
    start.set_function(upload.function);
    start.set_main_module(upload.function + ".js");
    start.set_bundle_bytes(upload.bytes.value_or(upload.bundle.size()));
    start.set_bundle_digest(upload.digest.value_or(ToHex(Sha256Of(upload.bundle))));
    start.set_wait_ms(upload.wait_ms);
    for (const std::string& route : upload.routes) start.mutable_config()->add_routes(route);
    start.set_source_map_bytes(upload.source_map.size());
    start.set_source_map_digest(upload.source_map_digest.value_or(ToHex(Sha256Of(upload.source_map))));
    stream->Write(request);
    for (size_t at = 0; at < upload.bundle.size(); at += kUploadChunkBytesMax) {
      request.set_chunk(upload.bundle.substr(at, kUploadChunkBytesMax));
      if (!stream->Write(request)) break;
    }
    for (size_t at = 0; at < upload.source_map.size(); at += kUploadChunkBytesMax) {
      request.set_chunk(upload.source_map.substr(at, kUploadChunkBytesMax));
      if (!stream->Write(request)) break;
    }
    stream->WritesDone();
    std::vector<v1::DeployEvent> events;
    for (v1::DeployEvent event; stream->Read(&event);) events.push_back(event);
    status_ = stream->Finish();
    return events;
  }
  v1::DeployLive DeployLive(const Upload& upload) {
    const auto events = Deploy(upload);
    EXPECT_TRUE(status_.ok()) << status_.error_message();
    EXPECT_FALSE(events.empty());
    if (events.empty()) return {};
    EXPECT_TRUE(events.back().has_live()) << events.back().ShortDebugString();
    return events.back().live();
  }
  v1::DeployFailed DeployFails(const Upload& upload) {
    const auto events = Deploy(upload);
    EXPECT_TRUE(status_.ok()) << status_.error_message();
    EXPECT_FALSE(events.empty());
    if (events.empty()) return {};
    EXPECT_TRUE(events.back().has_failed()) << events.back().ShortDebugString();
    return events.back().failed();
  }

  store::ScratchFolder folder_;
  std::unique_ptr<Controller> controller_;
  std::string token_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Deploy::Stub> stub_;
  grpc::Status status_;
};

// The status of a call that says its headers and nothing more.
grpc::Status CallWithoutAWord(const std::shared_ptr<grpc::Channel>& channel, const std::string& method, const std::string& token) {
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  const auto context = ContextWith(token);
  const auto next = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue.Next(&tag, &ok));
  };
  auto call = stub.PrepareCall(context.get(), method, &queue);
  call->StartCall(nullptr);
  next();
  grpc::Status status;
  call->Finish(&status, nullptr);
  next();
  queue.Shutdown();
  return status;
}

TEST_F(ControllerTest, StrangersAreRefusedBeforeAnythingTheySayIsRead) {
  size_t calls = 0;
  for (const auto* file : {v1::DeployStart::descriptor()->file(), v1::Hello::descriptor()->file(), v1::Token::descriptor()->file(),
                           v1::GetStatsRequest::descriptor()->file(), v1::Change::descriptor()->file()}) {
    const auto* service = file->service(0);
    for (int i = 0; i < service->method_count(); ++i, ++calls) {
      const std::string method = "/" + service->full_name() + "/" + service->method(i)->name();
      EXPECT_EQ(CallWithoutAWord(channel_, method, "").error_code(), grpc::StatusCode::UNAUTHENTICATED) << method;
      EXPECT_EQ(CallWithoutAWord(channel_, method, "wrong").error_code(), grpc::StatusCode::UNAUTHENTICATED) << method;
    }
  }
  EXPECT_EQ(calls, static_cast<size_t>(Call::kCount));
}

TEST_F(ControllerTest, SourcesAreForThoseWhoReadStacks) {
  auto worker = Worker("one");
  const std::string map(kUploadChunkBytesMax + 7, 'm');
  DeployLive({.source_map = map});
  DeployLive({.bundle = "export default 2"});
  EXPECT_EQ(Source("hello", 1, token_), "map " + map);
  EXPECT_EQ(Source("hello", 2, token_), "module export default 2");
  EXPECT_EQ(Source("hello", 3, token_), std::to_string(grpc::StatusCode::NOT_FOUND));
  EXPECT_EQ(Source("nobody", 1, token_), std::to_string(grpc::StatusCode::NOT_FOUND));
  EXPECT_EQ(Source("hello", 1, "wrong"), std::to_string(grpc::StatusCode::UNAUTHENTICATED));
}

TEST_F(ControllerTest, SourceMapsAreCheckedLikeBundles) {
  EXPECT_EQ(DeployFails({.source_map = "map", .source_map_digest = ToHex(Sha256Of("other"))}).code(), "invalid");
  EXPECT_NE(DeployFails({.source_map = std::string(kSourceMapBytesMax + 1, 'm')}).message().find("at most"), std::string::npos);
}

TEST_F(ControllerTest, DeployGoesLiveOnEveryWorker) {
  auto one = Worker("one"), two = Worker("two");
  const auto events = Deploy({});
  ASSERT_GE(events.size(), 3u);
  EXPECT_TRUE(events[0].has_compiled());
  EXPECT_TRUE(events[1].has_stored());
  EXPECT_EQ(events[1].stored().version().number(), 1u);
  const v1::DeployLive& live = events.back().live();
  EXPECT_EQ(live.workers_live(), 2u);
  EXPECT_EQ(live.workers_total(), 2u);
  ASSERT_EQ(live.urls_size(), 1);
  EXPECT_EQ(live.urls(0), "http://127.0.0.1:8080/hello");
  EXPECT_GT(live.took_ns(), 0);
  EXPECT_EQ(one->Serves("hello"), 1u);
  EXPECT_EQ(two->Serves("hello"), 1u);
  EXPECT_EQ(one->Fetch(live.version().bundle_digest()), "export default () => {}");
  EXPECT_EQ(one->Fetch(one->CodeCacheDigest("hello")), "cache of export default () => {}");
  EXPECT_EQ(one->Fetch(std::string(64, '0')), "failed");
  EXPECT_EQ(one->Fetch("../../etc/passwd"), "failed");
}

TEST_F(ControllerTest, LargeBundlesArriveWhole) {
  auto worker = Worker("w");
  std::string bundle(kBundleBytesMax, 'x');
  for (size_t i = 0; i < bundle.size(); i += 1000) bundle[i] = static_cast<char>('a' + i / 1000 % 26);
  const auto live = DeployLive({.bundle = bundle});
  EXPECT_TRUE(worker->Fetch(live.version().bundle_digest()) == bundle);
}

TEST_F(ControllerTest, DeployWithoutWorkersIsStored) {
  const auto live = DeployLive({});
  EXPECT_EQ(live.workers_total(), 0u);
  auto late = Worker("late");
  EXPECT_EQ(late->Serves("hello"), 1u);
}

TEST_F(ControllerTest, RefusalsHaveTheirCodeAndKeepWhatServes) {
  auto worker = Worker("w");
  DeployLive({});
  EXPECT_EQ(DeployFails({.function = "Hello"}).code(), "invalid");
  EXPECT_EQ(DeployFails({.bundle = ""}).code(), "invalid");
  EXPECT_EQ(DeployFails({.bundle = "x", .bytes = kBundleBytesMax + 1}).code(), "exhausted");
  EXPECT_EQ(DeployFails({.digest = ToHex(Sha256Of("another"))}).code(), "invalid");
  EXPECT_EQ(DeployFails({.digest = "no digest"}).code(), "invalid");
  EXPECT_EQ(DeployFails({.bundle = "abc", .bytes = 2}).code(), "invalid");
  EXPECT_EQ(DeployFails({.bundle = "abc", .bytes = 4}).code(), "invalid");
  EXPECT_EQ(DeployFails({.bundle = "\xff\xfe"}).code(), "invalid");
  EXPECT_EQ(DeployFails({.function = "b", .routes = {"/hello"}}).code(), "invalid");
  const auto source = DeployFails({.bundle = "!x"});
  EXPECT_EQ(source.code(), "source");
  EXPECT_EQ(source.source().kind(), "syntax-error");
  EXPECT_EQ(source.source().line(), 1);
  EXPECT_EQ(source.source().file(), "hello.js");
  EXPECT_TRUE(source.previous_kept());
  EXPECT_EQ(worker->Serves("hello"), 1u);
}

TEST_F(ControllerTest, FirstMessageMustBeStart) {
  auto context = ContextWith(token_);
  auto stream = stub_->DeployFunction(context.get());
  v1::DeployRequest request;
  request.set_chunk("x");
  stream->Write(request);
  stream->WritesDone();
  v1::DeployEvent event;
  ASSERT_TRUE(stream->Read(&event));
  EXPECT_EQ(event.failed().code(), "invalid");
}

TEST_F(ControllerTest, RejectedDeployKeepsThePreviousVersion) {
  auto one = Worker("one"), two = Worker("two");
  DeployLive({});
  two->Refuse("hello");
  const auto failed = DeployFails({.bundle = "bad"});
  EXPECT_EQ(failed.code(), "rejected-by-worker");
  EXPECT_NE(failed.message().find("two"), std::string::npos) << failed.message();
  EXPECT_EQ(failed.source().message(), "refused");
  EXPECT_TRUE(failed.previous_kept());
  two->Refuse("");
  const auto other = DeployLive({.function = "other"});
  EXPECT_EQ(other.workers_live(), 2u);
  EXPECT_EQ(one->Serves("hello"), 1u);
  EXPECT_EQ(two->Serves("hello"), 1u);
}

TEST_F(ControllerTest, ListsAndDeletes) {
  auto worker = Worker("w");
  DeployLive({});
  DeployLive({.bundle = "second"});
  DeployLive({.function = "other"});
  auto context = ContextWith(token_);
  v1::ListFunctionsResponse functions;
  ASSERT_TRUE(stub_->ListFunctions(context.get(), {}, &functions).ok());
  ASSERT_EQ(functions.active_size(), 2);
  EXPECT_EQ(functions.active(0).function(), "hello");
  EXPECT_EQ(functions.active(0).number(), 2u);
  EXPECT_EQ(functions.catalog_version(), 3u);

  context = ContextWith(token_);
  v1::ListVersionsRequest wanted;
  wanted.set_function("hello");
  v1::ListVersionsResponse versions;
  ASSERT_TRUE(stub_->ListVersions(context.get(), wanted, &versions).ok());
  ASSERT_EQ(versions.versions_size(), 2);
  EXPECT_EQ(versions.versions(0).version().number(), 2u);
  EXPECT_TRUE(versions.versions(0).active());
  EXPECT_FALSE(versions.versions(1).active());

  context = ContextWith(token_);
  v1::ListWorkersResponse workers;
  ASSERT_TRUE(stub_->ListWorkers(context.get(), {}, &workers).ok());
  ASSERT_EQ(workers.workers_size(), 1);
  EXPECT_EQ(workers.workers(0).name(), "w");
  EXPECT_EQ(workers.workers(0).active_version(), 3u);

  v1::DeleteFunctionRequest unwanted;
  unwanted.set_function("hello");
  v1::DeleteFunctionResponse deleted;
  context = ContextWith(token_);
  ASSERT_TRUE(stub_->DeleteFunction(context.get(), unwanted, &deleted).ok());
  EXPECT_EQ(deleted.workers_done(), 1u);
  EXPECT_EQ(worker->Serves("hello"), 0u);
  EXPECT_EQ(worker->Serves("other"), 1u);
  context = ContextWith(token_);
  EXPECT_EQ(stub_->DeleteFunction(context.get(), unwanted, &deleted).error_code(), grpc::StatusCode::NOT_FOUND);
  context = ContextWith(token_);
  EXPECT_EQ(stub_->ListVersions(context.get(), wanted, &versions).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ControllerTest, EveryCallNeedsTheToken) {
  for (const std::string& token : std::vector<std::string>{"", "wrong", token_ + "x"}) {
    token_ = token;
    Deploy({});
    EXPECT_EQ(status_.error_code(), grpc::StatusCode::UNAUTHENTICATED);
    EXPECT_NE(status_.error_message().find("token"), std::string::npos);
    v1::ListFunctionsResponse functions;
    v1::ListVersionsResponse versions;
    v1::ListWorkersResponse workers;
    v1::DeleteFunctionResponse deleted;
    const auto expect_refused = [](const grpc::Status& status) { EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED); };
    expect_refused(stub_->ListFunctions(ContextWith(token).get(), {}, &functions));
    expect_refused(stub_->ListVersions(ContextWith(token).get(), {}, &versions));
    expect_refused(stub_->ListWorkers(ContextWith(token).get(), {}, &workers));
    expect_refused(stub_->DeleteFunction(ContextWith(token).get(), {}, &deleted));
    const auto logs_context = ContextWith(token);
    const auto sync = v1::Sync::NewStub(channel_);
    const auto blob_context = ContextWith(token), stream_context = ContextWith(token);
    expect_refused(stub_->TailLogs(logs_context.get(), {})->Finish());
    expect_refused(sync->FetchBlob(blob_context.get(), {})->Finish());
    auto stream = sync->Stream(stream_context.get());
    v1::ControllerMessage message;
    EXPECT_FALSE(stream->Read(&message));
    expect_refused(stream->Finish());
  }
}

TEST_F(ControllerTest, WorkerMustSayHelloOnce) {
  const auto sync = v1::Sync::NewStub(channel_);
  for (const char* name : {"", "two\nlines"}) {
    const auto context = ContextWith(token_);
    auto stream = sync->Stream(context.get());
    v1::WorkerMessage hello;
    hello.mutable_hello()->set_worker(name);
    stream->Write(hello);
    v1::ControllerMessage message;
    EXPECT_FALSE(stream->Read(&message));
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  }
  const auto context = ContextWith(token_);
  auto stream = sync->Stream(context.get());
  v1::WorkerMessage result;
  result.mutable_result()->set_state(v1::UpdateResult::ACTIVE);
  stream->Write(result);
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ControllerTest, LogsReachWhoTailsThem) {
  auto worker = Worker("w");
  worker->Log("hello", "before");
  worker->Log("other", "not this");
  const auto context = ContextWith(token_);
  v1::TailLogsRequest request;
  request.set_function("hello");
  request.set_backlog(10);
  auto reader = stub_->TailLogs(context.get(), request);
  v1::TailLogsEvent event;
  ASSERT_TRUE(reader->Read(&event));
  EXPECT_EQ(event.record().message(), "before");
  EXPECT_EQ(event.record().worker(), "w");
  worker->Log("hello", "after");
  ASSERT_TRUE(reader->Read(&event));
  EXPECT_EQ(event.record().message(), "after");
  context->TryCancel();
}

TEST_F(ControllerTest, EverythingIsThereAfterARestart) {
  {
    auto worker = Worker("w");
    DeployLive({});
    DeployLive({.bundle = "second"});
  }
  controller_.reset();
  Start();
  auto worker = Worker("w");
  worker->AwaitActive(2);
  EXPECT_EQ(worker->Serves("hello"), 2u);
}

TEST_F(ControllerTest, SecondControllerOnTheSameFolderIsRefused) {
  const auto second = Controller::Start(OptionsHere());
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message.find("another controller is using"), std::string::npos) << second.error().message;
}

TEST_F(ControllerTest, SecondControllerOnTheSamePortIsRefused) {
  Controller::Options options = OptionsHere();
  options.data_dir = folder_.path() + "/other";
  options.listen = controller_->rpc_address();
  const auto second = Controller::Start(std::move(options));
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message.find(controller_->rpc_address()), std::string::npos) << second.error().message;
}

TEST_F(ControllerTest, EndsWhileCallsAreOpen) {
  auto worker = Worker("w");
  const auto context = ContextWith(token_);
  auto tail = stub_->TailLogs(context.get(), {});
  tail->WaitForInitialMetadata();
  controller_.reset();
  v1::TailLogsEvent event;
  EXPECT_FALSE(tail->Read(&event));
}

TEST_F(ControllerTest, AStalledUploadIsEndedAndItsSlotIsFree) {
  controller_.reset();
  Controller::Options options = OptionsHere();
  options.upload_timeout = 20 * kMillisecond;
  StartWith(std::move(options));
  for (size_t i = 0; i < kDeploysMax; ++i) {
    auto context = ContextWith(token_);
    auto stream = stub_->DeployFunction(context.get());
    v1::DeployRequest request;
    request.mutable_start()->set_function("stalls");
    request.mutable_start()->set_main_module("stalls.js");
    request.mutable_start()->set_bundle_bytes(100);
    request.mutable_start()->set_bundle_digest(std::string(64, '0'));
    stream->Write(request);
    v1::DeployEvent event;
    while (stream->Read(&event)) {
    }
    EXPECT_FALSE(stream->Finish().ok());
  }
  Deploy({});
  EXPECT_TRUE(status_.ok()) << status_.error_message();
}

TEST_F(ControllerTest, AWorkersStreamThatSaysNothingIsEnded) {
  controller_.reset();
  Controller::Options options = OptionsHere();
  options.hello_timeout = 20 * kMillisecond;
  StartWith(std::move(options));
  auto context = ContextWith(token_);
  auto stream = v1::Sync::NewStub(channel_)->Stream(context.get());
  v1::ControllerMessage message;
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_FALSE(stream->Finish().ok());
}

}  // namespace
}  // namespace zts::controller
