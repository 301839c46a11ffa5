// A controller in the test's process: a real gRPC server of sync.proto that remembers what workers say and says what the test wants.
//
// Thread:   any.
// Life:     Stop (or the destructor) ends all streams.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "zts/v1/sync.grpc.pb.h"

namespace zts::supervisor {

class FakeController final : private v1::Sync::Service {
 public:
  explicit FakeController(std::string token) : token_(std::move(token)) {}
  ~FakeController() override { Stop(); }

  // Port 0 picks one.
  void Start(int port = 0) {
    std::lock_guard lock(mutex_);
    stopping_ = false;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:" + std::to_string(port), grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  // Scripted before Start: a controller of before the key does not say that a worker is let in.
  bool sends_accepted = true;

  void Stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
    }
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }
  int port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  void Push(v1::ControllerMessage message) {
    std::lock_guard lock(mutex_);
    outgoing_.push_back(std::move(message));
    changed_.notify_all();
  }
  // The next thing a worker said; waits for it.
  v1::WorkerMessage Next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !incoming_.empty(); });
    v1::WorkerMessage message = std::move(incoming_.front());
    incoming_.pop_front();
    return message;
  }
  void AddBlob(const std::string& digest, const std::string& content) {
    std::lock_guard lock(mutex_);
    blobs_[digest] = content;
  }
  // Ends the stream that is open.
  void Hang() {
    std::lock_guard lock(mutex_);
    hang_ = true;
    changed_.notify_all();
  }
  int refused() {
    std::lock_guard lock(mutex_);
    return refused_;
  }
  void WaitForRefusals(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return refused_ >= count; });
  }

 private:
  using Stream_ = grpc::ServerReaderWriter<v1::ControllerMessage, v1::WorkerMessage>;

  bool Allowed(grpc::ServerContext* context) {
    const auto found = context->client_metadata().find("authorization");
    if (found != context->client_metadata().end() && found->second == "Bearer " + token_) return true;
    std::lock_guard lock(mutex_);
    ++refused_;
    changed_.notify_all();
    return false;
  }

  grpc::Status Stream(grpc::ServerContext* context, Stream_* stream) override {
    if (!Allowed(context)) return {grpc::StatusCode::UNAUTHENTICATED, "wrong token"};
    if (sends_accepted) {
      context->AddInitialMetadata("zts-accepted", "1");
      stream->SendInitialMetadata();
    }
    bool gone = false;
    std::thread reader([&] {
      v1::WorkerMessage message;
      while (stream->Read(&message)) {
        std::lock_guard lock(mutex_);
        incoming_.push_back(message);
        changed_.notify_all();
      }
      std::lock_guard lock(mutex_);
      gone = true;
      changed_.notify_all();
    });
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return !outgoing_.empty() || gone || stopping_ || hang_; });
      if (gone || stopping_ || hang_) break;
      const v1::ControllerMessage message = std::move(outgoing_.front());
      outgoing_.pop_front();
      lock.unlock();
      stream->Write(message);
      lock.lock();
    }
    hang_ = false;
    lock.unlock();
    context->TryCancel();
    reader.join();
    return grpc::Status::OK;
  }

  grpc::Status FetchBlob(grpc::ServerContext* context, const v1::FetchBlobRequest* request,
                         grpc::ServerWriter<v1::BlobChunk>* writer) override {
    if (!Allowed(context)) return {grpc::StatusCode::UNAUTHENTICATED, "wrong token"};
    std::string content;
    {
      std::lock_guard lock(mutex_);
      const auto found = blobs_.find(request->digest());
      if (found == blobs_.end()) return {grpc::StatusCode::NOT_FOUND, "no such content"};
      content = found->second;
    }
    // In pieces, as a large one would come.
    for (size_t at = 0; at < content.size(); at += 5) {
      v1::BlobChunk chunk;
      chunk.set_data(content.substr(at, 5));
      writer->Write(chunk);
    }
    return grpc::Status::OK;
  }

  const std::string token_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
  bool stopping_ = false;
  bool hang_ = false;
  int refused_ = 0;
  std::deque<v1::ControllerMessage> outgoing_;
  std::deque<v1::WorkerMessage> incoming_;
  std::map<std::string, std::string> blobs_;
};

}  // namespace zts::supervisor
