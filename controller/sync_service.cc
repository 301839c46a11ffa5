#include "controller/sync_service.h"

#include <grpc/grpc_security_constants.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "base/log.h"
#include "controller/convert.h"
#include "controller/limits.h"

namespace zts::controller {
namespace {

constexpr size_t kWorkerNameBytesMax = 128;
constexpr size_t kHelloTextBytesMax = 512;
// Initial metadata of a stream whose worker is let in: whoever is refused gets none (sync.proto).
constexpr char kAcceptedKey[] = "zts-accepted";
// Of sync.proto's methods.
constexpr int kStreamIndex = 0;

// Writes to one worker on a thread of its own, so that the publisher never waits for a socket.
class StreamLink final : public WorkerLink {
 public:
  struct Parts {
    grpc::ServerContext& context;
    SyncService::WorkerStream& stream;
    PushEncoder& encoder;
    Metrics& metrics;
  };
  explicit StreamLink(Parts parts)
      : context_(parts.context), stream_(parts.stream), encoder_(parts.encoder), metrics_(parts.metrics) {
    thread_ = std::thread([this] { WriteAll(); });
  }
  ~StreamLink() override { Finish(); }

  // No write after this. One that waits for a peer that does not read is cut off.
  void Finish() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      if (writing_) context_.TryCancel();
    }
    changed_.notify_one();
    thread_.join();
  }

  // Tells the worker that it is let in. Nothing is sent before.
  void Accept() {
    const std::lock_guard lock(mutex_);
    accepted_ = true;
    changed_.notify_one();
  }

  void Send(Push push) override {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(push));
    changed_.notify_one();
  }

  void Close(Error why) override {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    closed_ = std::move(why);
    changed_.notify_one();
    // Ends the read that the stream's own thread is in.
    context_.TryCancel();
  }

  std::optional<Error> closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

 private:
  void WriteAll() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopped_ || accepted_; });
    if (stopped_) return;
    lock.unlock();
    context_.AddInitialMetadata(kAcceptedKey, "1");
    stream_.SendInitialMetadata();
    lock.lock();
    while (true) {
      changed_.wait(lock, [&] { return stopped_ || !queue_.empty(); });
      if (stopped_) return;
      const Push push = std::move(queue_.front());
      queue_.pop_front();
      writing_ = true;
      lock.unlock();
      const PushEncoder::Encoded encoded = encoder_.Encode(push);
      const bool written = stream_.Write(encoded.bytes);
      if (written) metrics_.OnPushed(encoded.bytes.Length());
      lock.lock();
      writing_ = false;
      if (!written) return;
    }
  }

  grpc::ServerContext& context_;
  SyncService::WorkerStream& stream_;
  PushEncoder& encoder_;
  Metrics& metrics_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Push> queue_;
  std::optional<Error> closed_;
  bool accepted_ = false;
  bool writing_ = false;
  bool stopped_ = false;
  std::thread thread_;
};

bool IsPlainText(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

grpc::Status CheckHello(const v1::Hello& hello) {
  if (hello.worker().empty() || hello.worker().size() > kWorkerNameBytesMax || !IsPlainText(hello.worker())) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "a worker needs a name of 1 to 128 bytes on one line"};
  }
  for (const std::string* text : {&hello.http_address(), &hello.artifact_key(), &hello.io_backend(), &hello.store_id()}) {
    if (text->size() > kHelloTextBytesMax || !IsPlainText(*text)) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "a field of `hello` is too long, or has control characters"};
    }
  }
  return grpc::Status::OK;
}

}  // namespace

SyncService::SyncService(Parts parts)
    : GatedService(parts.authorizer, parts.timer),
      parts_(parts),
      encoder_([this](const std::string& function) { return parts_.vault.OpenAll(function); }) {
  GateStream(Call::kFetchBlob, &SyncService::ServeBlob);
  // The generated service would encode a message of its own for each worker.
  MarkMethodStreamed(kStreamIndex, new grpc::internal::BidiStreamingHandler<SyncService, v1::WorkerMessage, grpc::ByteBuffer>(
                                       [](SyncService* self, grpc::ServerContext* context, WorkerStream* stream) {
                                         return self->Admit(*context, *stream);
                                       },
                                       this));
}

grpc::Status SyncService::Admit(grpc::ServerContext& context, WorkerStream& stream) {
  return parts_.authorizer.Run(context, Call::kStream, "", [&](const AdmittedCall&) { return Serve(context, stream); });
}

// A name that is given: the stream, which says who it is. Without: any worker.
grpc::Status SyncService::CheckPeer(const grpc::ServerContext& context, const std::string& name) const {
  if (!parts_.certificates) return grpc::Status::OK;
  const auto auth = context.auth_context();
  const auto names = auth->FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME);
  if (!auth->IsPeerAuthenticated() || names.empty()) {
    return {grpc::StatusCode::UNAUTHENTICATED, "workers need a certificate here; start the worker with --tls-cert and --tls-key"};
  }
  const std::string shown(names.front().data(), names.front().size());
  if (name.empty() || shown == name) return grpc::Status::OK;
  return {grpc::StatusCode::PERMISSION_DENIED,
          "the certificate is for worker '" + shown + "'; start the worker with --name " + shown + ", or give it a certificate of its own"};
}

grpc::Status SyncService::Serve(grpc::ServerContext& context, WorkerStream& stream) {
  v1::WorkerMessage first;
  const bool said = [&] {
    const CallTimer::Wait silent(parts_.timer, parts_.hello_timeout, [&context] {
      ZTS_LOG(kWarning) << "a worker's stream from " << context.peer() << " says nothing and is ended";
      context.TryCancel();
    });
    return stream.Read(&first);
  }();
  if (!said || !first.has_hello()) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "the first message of a worker must be `hello`"};
  }
  if (grpc::Status valid = CheckHello(first.hello()); !valid.ok()) return valid;
  const std::string name = first.hello().worker();
  if (grpc::Status peer = CheckPeer(context, name); !peer.ok()) return peer;
  StreamLink link({context, stream, encoder_, parts_.metrics});
  const auto id = parts_.publisher.Connect(FromProto(first.hello()), &link);
  if (!id.ok()) return ToStatus(id.error());
  link.Accept();
  parts_.jit.Connect(name, &link);
  ZTS_LOG(kInfo) << "worker " << name << " connected from " << context.peer() << " with catalog " << first.hello().active_version();
  const grpc::Status status = ReadFrom(stream, *id, name);
  parts_.jit.Disconnect(name, &link);
  parts_.publisher.Disconnect(*id);
  parts_.stats.Forget(name);
  link.Finish();
  const auto closed = link.closed();
  ZTS_LOG(kInfo) << "worker " << name << " disconnected" << (closed ? ": " + closed->message : "");
  return closed ? ToStatus(*closed) : status;
}

grpc::Status SyncService::ReadFrom(WorkerStream& stream, WorkerId id, const std::string& name) {
  v1::WorkerMessage message;
  while (stream.Read(&message)) {
    switch (message.message_case()) {
      case v1::WorkerMessage::kResult: {
        auto result = FromProto(message.result());
        if (!result) return {grpc::StatusCode::INVALID_ARGUMENT, "a result needs a state"};
        parts_.publisher.OnResult(id, *std::move(result));
        break;
      }
      case v1::WorkerMessage::kLogs: {
        std::vector<LogRecord> records;
        for (const auto& record : message.logs().records()) {
          records.push_back(FromProto(record));
          records.back().worker = name;
        }
        parts_.logs.Append(std::move(records));
        break;
      }
      case v1::WorkerMessage::kStats:
        if (Status taken = parts_.stats.OnReport(name, std::move(*message.mutable_stats())); !taken.ok()) return ToStatus(taken.error());
        break;
      case v1::WorkerMessage::kJit: parts_.jit.OnAnswer(name, std::move(*message.mutable_jit())); break;
      case v1::WorkerMessage::kWindows: parts_.promoter.OnWindows(FromProto(message.windows())); break;
      case v1::WorkerMessage::kHello: return {grpc::StatusCode::INVALID_ARGUMENT, "`hello` is said once"};
      // A newer worker may say what this controller does not know yet.
      case v1::WorkerMessage::MESSAGE_NOT_SET: break;
    }
  }
  return grpc::Status::OK;
}

grpc::Status SyncService::ServeBlob(grpc::ServerContext* context, const v1::FetchBlobRequest* request, Writer<v1::BlobChunk>* writer) {
  return parts_.authorizer.Run(*context, Call::kFetchBlob, "", [&](const AdmittedCall&) {
    const grpc::Status peer = CheckPeer(*context, "");
    return peer.ok() ? Send(*request, *writer) : peer;
  });
}

grpc::Status SyncService::Send(const v1::FetchBlobRequest& request, Writer<v1::BlobChunk>& writer) {
  const auto digest = DigestFromHex(request.digest());
  if (!digest) return {grpc::StatusCode::INVALID_ARGUMENT, "a digest is 64 lower-case hex digits"};
  const auto content = parts_.registry.ReadBlob(*digest);
  if (!content.ok()) {
    if (content.error().code != ErrorCode::kNotFound) {
      ZTS_LOG(kError) << content.error().message;
    }
    return ToStatus(content.error());
  }
  for (size_t at = 0; at < content->size(); at += kBlobChunkBytes) {
    v1::BlobChunk chunk;
    chunk.set_data(content->substr(at, kBlobChunkBytes));
    if (!writer.Write(chunk)) return grpc::Status::OK;
  }
  parts_.metrics.OnBlobServed(content->size());
  return grpc::Status::OK;
}

}  // namespace zts::controller
