// A controller's Deploy service in this process: keeps what it is told in memory and answers as a test scripts it.
//
// Owner:    a test.
// Thread:   script it before the call; received() after.
// Life:     serves from construction to Stop or destruction.
#pragma once

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "zts/v1/deploy.grpc.pb.h"

namespace zts::cli {

class FakeDeployService final : public v1::Deploy::Service {
 public:
  explicit FakeDeployService(std::string token = "secret", int port = 0);
  ~FakeDeployService() override;

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  int port() const { return port_; }
  void Stop();

  // What a deploy is answered with, in order; then the status.
  std::vector<v1::DeployEvent> events;
  grpc::Status deploy_status;
  // Answer after this many bytes without reading the rest.
  size_t refuse_after_bytes = SIZE_MAX;
  v1::ListFunctionsResponse functions;
  v1::ListVersionsResponse versions;
  v1::ListWorkersResponse workers;
  v1::DeleteFunctionResponse deleted;
  grpc::Status status;  // of the short calls
  std::vector<v1::TailLogsEvent> logs;
  bool logs_stay_open = true;
  std::vector<v1::SourceChunk> source;

  struct Received {
    v1::DeployStart start;
    std::string bundle;
    size_t chunks = 0;
    size_t largest_chunk = 0;
    std::string function;
    v1::TailLogsRequest tail;
    int source_calls = 0;
  };
  Received received();
  // Blocks until a log stream has been opened this many times.
  void WaitForTails(int count);

 private:
  using Context = grpc::ServerContext;
  grpc::Status Check(Context* context) const;
  grpc::Status DeployFunction(Context* context, grpc::ServerReaderWriter<v1::DeployEvent, v1::DeployRequest>* stream) override;
  grpc::Status ListFunctions(Context* context, const v1::ListFunctionsRequest*, v1::ListFunctionsResponse* response) override;
  grpc::Status ListVersions(Context* context, const v1::ListVersionsRequest* request, v1::ListVersionsResponse* response) override;
  grpc::Status DeleteFunction(Context* context, const v1::DeleteFunctionRequest* request, v1::DeleteFunctionResponse* response) override;
  grpc::Status TailLogs(Context* context, const v1::TailLogsRequest* request, grpc::ServerWriter<v1::TailLogsEvent>* writer) override;
  grpc::Status GetSource(Context* context, const v1::GetSourceRequest* request, grpc::ServerWriter<v1::SourceChunk>* writer) override;
  grpc::Status ListWorkers(Context* context, const v1::ListWorkersRequest*, v1::ListWorkersResponse* response) override;

  std::string token_;
  int port_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  Received received_;
  int tails_ = 0;
  bool stopping_ = false;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace zts::cli
