// The edge towards workers: the push stream and the content of sync.proto, in terms of Publisher, Registry and LogHub.
//
// Owner:    main(), one a process; registered with the gRPC server.
// Thread:   the server's own: one a stream reads, and one more of ours writes.
// Life:     everything handed to it outlives the server.
// Limits:   kWorkersMax streams, kBlobChunkBytes a chunk; one unanswered message a worker is the publisher's promise, and its bytes are
//           shared by all that get the same (PushEncoder): a worker that does not read costs its own thread and socket buffer.
#pragma once

#include "controller/authorizer.h"
#include "controller/call_timer.h"
#include "controller/gated_service.h"
#include "controller/jit_hub.h"
#include "controller/limits.h"
#include "controller/log_hub.h"
#include "controller/metrics.h"
#include "controller/promoter.h"
#include "controller/publisher.h"
#include "controller/push_encoder.h"
#include "controller/registry.h"
#include "controller/stats_hub.h"
#include "controller/tenancy/vault.h"
#include "zts/v1/sync.grpc.pb.h"

namespace zts::controller {

class SyncService final : public GatedService<v1::Sync::Service> {
 public:
  struct Parts {
    Authorizer& authorizer;
    Registry& registry;
    Publisher& publisher;
    LogHub& logs;
    StatsHub& stats;
    JitHub& jit;
    Promoter& promoter;
    Metrics& metrics;
    const tenancy::Vault& vault;
    // Workers must show a certificate, and are who it says.
    bool certificates = false;
    CallTimer& timer;
    Nanos hello_timeout = kHelloTimeout;
  };
  explicit SyncService(Parts parts);

  // What is written is encoded before, and shared: ControllerMessages as bytes.
  using WorkerStream = grpc::ServerReaderWriter<grpc::ByteBuffer, v1::WorkerMessage>;

 private:
  grpc::Status ServeBlob(grpc::ServerContext* context, const v1::FetchBlobRequest* request, Writer<v1::BlobChunk>* writer);
  grpc::Status CheckPeer(const grpc::ServerContext& context, const std::string& name) const;
  // The Stream of sync.proto.
  grpc::Status Admit(grpc::ServerContext& context, WorkerStream& stream);
  grpc::Status Serve(grpc::ServerContext& context, WorkerStream& stream);
  grpc::Status Send(const v1::FetchBlobRequest& request, Writer<v1::BlobChunk>& writer);
  grpc::Status ReadFrom(WorkerStream& stream, WorkerId id, const std::string& name);

  const Parts parts_;
  PushEncoder encoder_;
};

}  // namespace zts::controller
