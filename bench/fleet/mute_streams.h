// Workers that say hello and then neither read nor answer: what a peer that hangs, or an attacker with a token, costs the controller.
//
// Owner:    the fleet, one.
// Thread:   one.
// Life:     the streams are cancelled at its end.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "zts/v1/sync.grpc.pb.h"

namespace zts::bench {

class MuteStreams {
 public:
  // Returns once the controller has let them in.
  MuteStreams(const std::string& controller, const std::string& token, int count);
  ~MuteStreams();

 private:
  struct One {
    std::unique_ptr<v1::Sync::Stub> stub;
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReaderWriter<v1::WorkerMessage, v1::ControllerMessage>> stream;
  };
  std::vector<std::unique_ptr<One>> streams_;
};

}  // namespace zts::bench
