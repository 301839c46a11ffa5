#include "worker/supervisor/sync/controller_client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <chrono>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "worker/supervisor/sync/jit_message.h"
#include "zts/v1/sync.grpc.pb.h"

namespace zts::supervisor {
namespace {

constexpr size_t kTokenBytesMax = 4096;
constexpr size_t kPemBytesMax = size_t{1} << 20;
// A first catalog of 16 Ki functions with their environments in one message.
constexpr int kMessageBytesMax = 256 << 20;
// A bundle comes over in milliseconds; a controller that stalls is given up, and its update refused.
constexpr auto kFetchTimeout = std::chrono::seconds(30);
// A controller that vanished without a word is noticed after both.
constexpr int kKeepaliveMs = 20'000;
constexpr int kKeepaliveTimeoutMs = 10'000;
// How long the log thread waits for something to send before it looks whether it is still wanted, and at the windows.
constexpr auto kLogWait = std::chrono::milliseconds(500);
// A canary that fails is to lose its share within ten seconds.
constexpr auto kWindowPeriod = std::chrono::milliseconds(450);

// sync.proto: initial metadata of a controller that takes this worker.
constexpr char kAcceptedKey[] = "zts-accepted";

Result<std::string> ReadToken(const std::string& path) {
  ZTS_ASSIGN_OR_RETURN(std::string token, ReadFile(path, kTokenBytesMax));
  while (!token.empty() && std::isspace(static_cast<unsigned char>(token.back()))) token.pop_back();
  if (token.empty()) return Invalid(path + " has no token in it");
  return token;
}

Result<std::shared_ptr<grpc::ChannelCredentials>> CredentialsOf(const ControllerClient::Options::Tls& tls) {
  if (tls.ca.empty()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  ZTS_ASSIGN_OR_RETURN(options.pem_root_certs, ReadFile(tls.ca, kPemBytesMax));
  if (!tls.cert.empty()) {
    ZTS_ASSIGN_OR_RETURN(options.pem_cert_chain, ReadFile(tls.cert, kPemBytesMax));
    ZTS_ASSIGN_OR_RETURN(options.pem_private_key, ReadFile(tls.key, kPemBytesMax));
  }
  return grpc::SslCredentials(options);
}

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  // The waiting between attempts is ours.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // Each attempt resolves and connects by itself, whatever happened to an earlier channel.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, credentials, arguments);
}

Error FromGrpc(const grpc::Status& status, const std::string& address) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
      return {ErrorCode::kDenied, "the controller at " + address + " refuses this worker (" + status.error_message() +
                                      "); its --token-file must hold a token of role worker, or the controller's first one"};
    case grpc::StatusCode::UNAVAILABLE:
      return {ErrorCode::kUnavailable, "no controller at " + address + ": " + status.error_message()};
    default:
      return {ErrorCode::kUnavailable, "the controller at " + address + " ended the stream: " + status.error_message() +
                                           " (gRPC status " + std::to_string(status.error_code()) + ")"};
  }
}

v1::VersionWindow ToMessage(const VersionWindow& window) {
  v1::VersionWindow message;
  message.set_function(window.function);
  message.set_number(window.number);
  message.set_requests(window.requests);
  message.set_errors(window.errors);
  message.set_cold_starts(window.cold_starts);
  for (const auto& [up_to, count] : window.latencies) {
    auto& latencies = *message.add_latencies();
    latencies.set_up_to_ns(up_to);
    latencies.set_count(count);
  }
  return message;
}

v1::LogBatch ToBatch(const std::vector<LogRecord>& records, const std::string& worker) {
  v1::LogBatch batch;
  for (const LogRecord& record : records) {
    v1::LogRecord* out = batch.add_records();
    out->set_time_ns(record.time);
    out->set_function(record.function);
    out->set_version_number(record.number);
    out->set_severity(record.severity);
    out->set_message(record.message);
    out->set_request_id(record.request_id);
    out->set_worker(worker);
    out->set_dropped_before(record.dropped_before);
  }
  return batch;
}

}  // namespace

// One stream from Hello to its end.
class ControllerClient::Session final : public BlobSource {
 public:
  Session(const Options& options, std::string token, const std::shared_ptr<grpc::ChannelCredentials>& credentials)
      : token_(std::move(token)), stub_(v1::Sync::NewStub(MakeChannel(options.address, credentials))) {
    Authorize(&context_);
    stream_ = stub_->Stream(&context_);
  }

  bool Write(const v1::WorkerMessage& message) {
    std::lock_guard lock(write_mutex_);
    return stream_->Write(message);
  }
  // Blocks until the controller has let this worker in (true), or has said anything else.
  bool WaitUntilAccepted() {
    stream_->WaitForInitialMetadata();
    return context_.GetServerInitialMetadata().count(kAcceptedKey) > 0;
  }
  bool Read(v1::ControllerMessage* message) { return stream_->Read(message); }
  // Any thread; what waits in Read, Write or Fetch returns.
  void Cancel() {
    context_.TryCancel();
    std::lock_guard lock(fetch_mutex_);
    cancelled_ = true;
    if (fetch_ != nullptr) fetch_->TryCancel();
  }
  grpc::Status Finish() { return stream_->Finish(); }

  Result<std::string> Fetch(const std::string& digest, size_t bytes_max) override {
    grpc::ClientContext context;
    Authorize(&context);
    context.set_deadline(std::chrono::system_clock::now() + kFetchTimeout);
    if (!SetFetch(&context)) return Error{ErrorCode::kAborted, "the worker is stopping"};
    v1::FetchBlobRequest request;
    request.set_digest(digest);
    auto reader = stub_->FetchBlob(&context, request);
    std::string content;
    v1::BlobChunk chunk;
    bool fits = true;
    while (fits && reader->Read(&chunk)) {
      fits = content.size() + chunk.data().size() <= bytes_max;
      if (fits) content += chunk.data();
    }
    if (!fits) context.TryCancel();
    const grpc::Status status = reader->Finish();
    SetFetch(nullptr);
    if (!fits) return Error{ErrorCode::kCorrupt, "content " + digest + " is larger than the catalog says"};
    if (!status.ok()) return Unavailable("fetching " + digest + ": " + status.error_message());
    return content;
  }

 private:
  void Authorize(grpc::ClientContext* context) { context->AddMetadata("authorization", "Bearer " + token_); }
  bool SetFetch(grpc::ClientContext* context) {
    std::lock_guard lock(fetch_mutex_);
    fetch_ = context;
    return !cancelled_;
  }

  const std::string token_;
  std::unique_ptr<v1::Sync::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::WorkerMessage, v1::ControllerMessage>> stream_;
  std::mutex write_mutex_;
  std::mutex fetch_mutex_;
  grpc::ClientContext* fetch_ = nullptr;
  bool cancelled_ = false;
};

ControllerClient::ControllerClient(Options options, CatalogReceiver* receiver, LogQueue* logs)
    : options_(std::move(options)), receiver_(receiver), logs_(logs), random_(std::random_device()()) {}

ControllerClient::~ControllerClient() { Stop(); }

void ControllerClient::Start() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = false;
  }
  thread_ = std::thread([this] { Run(); });
}

void ControllerClient::Stop() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    if (session_ != nullptr) session_->Cancel();
  }
  stop_changed_.notify_all();
  thread_.join();
}

void ControllerClient::OfferStats(v1::WorkerStats stats) {
  std::lock_guard lock(mutex_);
  if (status_.connected) stats_ = std::move(stats);
}

std::optional<v1::WorkerStats> ControllerClient::TakeStats() {
  std::lock_guard lock(mutex_);
  return std::exchange(stats_, std::nullopt);
}

// The thread that reads does not wait for the answer.
void ControllerClient::AskJit(const v1::AskJit& ask) {
  const auto answer = [this, id = ask.id()](const JitSurvey& survey) {
    {
      std::lock_guard lock(mutex_);
      if (jit_.size() < kJitAnswersMax) jit_.push_back(ToMessage(id, survey));
    }
    logs_->Interrupt();
  };
  if (options_.ask_jit) return options_.ask_jit(ask.function(), ask.watch_ns(), answer);
  JitSurvey none;
  none.problem = "this worker has no engine";
  answer(none);
}

std::vector<v1::WorkerJit> ControllerClient::TakeJit() {
  std::lock_guard lock(mutex_);
  return std::exchange(jit_, {});
}

ControllerClient::Status ControllerClient::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

bool ControllerClient::stopping() const {
  std::lock_guard lock(mutex_);
  return stopping_;
}

// Doubles up to the maximum; the wait is drawn from its upper half.
Nanos ControllerClient::NextBackoff() {
  backoff_ = std::clamp(backoff_ * 2, kBackoffMin, kBackoffMax);
  return std::uniform_int_distribution<Nanos>(backoff_ / 2, backoff_)(random_);
}

void ControllerClient::Run() {
  while (!stopping()) {
    const auto began = std::chrono::steady_clock::now();
    const auto ended = RunSession();
    if (stopping()) return;
    // A controller that has nothing to push says nothing; a stream that lasted was a good one.
    if (std::chrono::steady_clock::now() - began > std::chrono::nanoseconds(kBackoffMax)) backoff_ = 0;
    if (!ended.ok()) Report(ended.error());
    std::unique_lock lock(mutex_);
    stop_changed_.wait_for(lock, std::chrono::nanoseconds(NextBackoff()), [this] { return stopping_; });
  }
}

// The same trouble is told once, not twenty times a minute.
void ControllerClient::Report(const Error& error) {
  {
    std::lock_guard lock(mutex_);
    ++status_.failures;
    status_.last_error = error.message;
  }
  if (error.message == reported_) return;
  reported_ = error.message;
  ZTS_LOG(kWarning) << error.message << "; what is served stays, and the next attempt comes by itself";
}

// Sends what functions said, from the moment the controller is there until the stream ends.
class ControllerClient::LogSender {
 public:
  LogSender(ControllerClient& client, Session& session) : client_(client), session_(session) {}

  void Start() {
    thread_ = std::thread([this] { Run(); });
  }
  void Stop() {
    open_ = false;
    client_.logs_->Interrupt();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void Run() {
    while (open_) {
      std::vector<LogRecord> records = client_.logs_->Take(kLogWait);
      SendStats();
      SendWindows();
      SendJit();
      if (records.empty()) continue;
      v1::WorkerMessage batch;
      *batch.mutable_logs() = ToBatch(records, client_.options_.worker);
      if (open_ && session_.Write(batch)) continue;
      client_.logs_->Return(std::move(records));
      return;
    }
  }

  void SendStats() {
    auto stats = client_.TakeStats();
    if (!stats || !open_) return;
    v1::WorkerMessage report;
    *report.mutable_stats() = std::move(*stats);
    session_.Write(report);
  }

  void SendJit() {
    for (v1::WorkerJit& jit : client_.TakeJit()) {
      v1::WorkerMessage message;
      *message.mutable_jit() = std::move(jit);
      session_.Write(message);
    }
  }

  // Where functions log much, this comes round more often than the wait; a window a second is enough.
  void SendWindows() {
    const auto now = std::chrono::steady_clock::now();
    if (!client_.options_.windows || now - windows_sent_ < kWindowPeriod) return;
    windows_sent_ = now;
    const std::vector<VersionWindow> windows = client_.options_.windows();
    if (windows.empty()) return;
    v1::WorkerMessage message;
    for (const VersionWindow& window : windows) *message.mutable_windows()->add_windows() = ToMessage(window);
    session_.Write(message);
  }

  ControllerClient& client_;
  Session& session_;
  std::chrono::steady_clock::time_point windows_sent_{};
  std::atomic<bool> open_{true};
  std::thread thread_;
};

void ControllerClient::OnConnected(LogSender& logs) {
  ZTS_LOG(kInfo) << "in touch with the controller at " << options_.address;
  reported_.clear();
  {
    std::lock_guard lock(mutex_);
    status_.connected = true;
    ++status_.connects;
  }
  logs.Start();
}

Result<void> ControllerClient::RunSession() {
  ZTS_ASSIGN_OR_RETURN(std::string token, ReadToken(options_.token_file));
  ZTS_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ChannelCredentials> credentials, CredentialsOf(options_.tls));
  Session session(options_, std::move(token), credentials);
  {
    std::lock_guard lock(mutex_);
    if (stopping_) session.Cancel();
    session_ = &session;
  }
  const CatalogReceiver::Position position = receiver_->position();
  const EngineStatus engine = options_.engine();
  v1::WorkerMessage message;
  v1::Hello* hello = message.mutable_hello();
  hello->set_worker(options_.worker);
  hello->set_http_address(options_.http_address);
  hello->set_shards(options_.shards);
  hello->set_artifact_key(engine.artifact_key);
  hello->set_io_backend(engine.io_backend);
  hello->set_store_id(position.store_id);
  hello->set_active_version(position.version);

  LogSender logs(*this, session);
  bool open = session.Write(message);
  bool connected = open && session.WaitUntilAccepted();
  if (connected) OnConnected(logs);

  Result<void> ended;
  v1::ControllerMessage pushed;
  while (open && session.Read(&pushed)) {
    backoff_ = 0;
    // One that sends no key: its first message says as much.
    if (!std::exchange(connected, true)) OnConnected(logs);
    if (pushed.has_ask_jit()) AskJit(pushed.ask_jit());
    if (!pushed.has_update() && !pushed.has_activate()) continue;  // of a newer controller
    auto result = pushed.has_update() ? receiver_->OnUpdate(pushed.update(), &session) : receiver_->OnActivate(pushed.activate());
    if (!result.ok()) {
      ended = std::move(result).error();
      break;
    }
    v1::WorkerMessage answer;
    *answer.mutable_result() = std::move(*result);
    // Without it the stream is over, and Read says so.
    session.Write(answer);
    receiver_->Settle();
  }

  // A stream that has ended by itself is not cancelled, so that Finish tells its own reason.
  if (!ended.ok()) session.Cancel();
  logs.Stop();
  const grpc::Status status = session.Finish();
  {
    std::lock_guard lock(mutex_);
    session_ = nullptr;
    jit_.clear();
    status_.connected = false;
  }
  if (!ended.ok()) return ended;
  if (status.ok()) return Unavailable("the controller at " + options_.address + " ended the stream");
  return FromGrpc(status, options_.address);
}

}  // namespace zts::supervisor
