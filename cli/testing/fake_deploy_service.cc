#include "cli/testing/fake_deploy_service.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"

namespace zts::cli {

FakeDeployService::FakeDeployService(std::string token, int port) : token_(std::move(token)) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:" + std::to_string(port), grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  ZTS_CHECK(server_ != nullptr && port_ != 0);
}

FakeDeployService::~FakeDeployService() { Stop(); }

void FakeDeployService::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  server_.reset();
}

FakeDeployService::Received FakeDeployService::received() {
  const std::lock_guard lock(mutex_);
  return received_;
}

void FakeDeployService::WaitForTails(int count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return tails_ >= count; });
}

grpc::Status FakeDeployService::Check(Context* context) const {
  const auto& metadata = context->client_metadata();
  const auto found = metadata.find("authorization");
  if (found == metadata.end() || std::string(found->second.data(), found->second.size()) != "Bearer " + token_) {
    return {grpc::StatusCode::UNAUTHENTICATED, "no such token"};
  }
  return grpc::Status::OK;
}

grpc::Status FakeDeployService::DeployFunction(Context* context,
                                               grpc::ServerReaderWriter<v1::DeployEvent, v1::DeployRequest>* stream) {
  if (const grpc::Status allowed = Check(context); !allowed.ok()) return allowed;
  for (v1::DeployRequest request; stream->Read(&request);) {
    const std::lock_guard lock(mutex_);
    if (request.has_start()) received_.start = request.start();
    if (!request.has_chunk()) continue;
    received_.bundle += request.chunk();
    ++received_.chunks;
    received_.largest_chunk = std::max(received_.largest_chunk, request.chunk().size());
    if (received_.bundle.size() >= refuse_after_bytes) break;
  }
  for (const v1::DeployEvent& event : events) stream->Write(event);
  return deploy_status;
}

grpc::Status FakeDeployService::ListFunctions(Context* context, const v1::ListFunctionsRequest*, v1::ListFunctionsResponse* response) {
  if (const grpc::Status allowed = Check(context); !allowed.ok()) return allowed;
  *response = functions;
  return status;
}

grpc::Status FakeDeployService::ListVersions(Context* context, const v1::ListVersionsRequest* request,
                                             v1::ListVersionsResponse* response) {
  if (const grpc::Status allowed = Check(context); !allowed.ok()) return allowed;
  const std::lock_guard lock(mutex_);
  received_.function = request->function();
  *response = versions;
  return status;
}

grpc::Status FakeDeployService::DeleteFunction(Context* context, const v1::DeleteFunctionRequest* request,
                                               v1::DeleteFunctionResponse* response) {
  if (const grpc::Status allowed = Check(context); !allowed.ok()) return allowed;
  const std::lock_guard lock(mutex_);
  received_.function = request->function();
  *response = deleted;
  return status;
}

grpc::Status FakeDeployService::TailLogs(Context* context, const v1::TailLogsRequest* request,
                                         grpc::ServerWriter<v1::TailLogsEvent>* writer) {
  if (const grpc::Status allowed = Check(context); !allowed.ok()) return allowed;
  {
    const std::lock_guard lock(mutex_);
    received_.tail = *request;
  }
  writer->SendInitialMetadata();
  for (const v1::TailLogsEvent& event : logs) writer->Write(event);
  std::unique_lock lock(mutex_);
  ++tails_;
  changed_.notify_all();
  // A stream that stays open ends when the client cancels; it is looked for now and then, as gRPC's sync API has no other way.
  while (logs_stay_open && !stopping_ && !context->IsCancelled()) changed_.wait_for(lock, std::chrono::milliseconds(10));
  return status;
}

grpc::Status FakeDeployService::GetSource(Context* context, const v1::GetSourceRequest* request,
                                          grpc::ServerWriter<v1::SourceChunk>* writer) {
  if (const grpc::Status allowed = Check(context); !allowed.ok()) return allowed;
  {
    const std::lock_guard lock(mutex_);
    received_.function = request->function();
    ++received_.source_calls;
  }
  for (const v1::SourceChunk& chunk : source) writer->Write(chunk);
  return status;
}

grpc::Status FakeDeployService::ListWorkers(Context* context, const v1::ListWorkersRequest*, v1::ListWorkersResponse* response) {
  if (const grpc::Status allowed = Check(context); !allowed.ok()) return allowed;
  *response = workers;
  return status;
}

}  // namespace zts::cli
