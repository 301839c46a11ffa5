// Deploys as ztsctl makes them, many at a time and from memory.
//
// Owner:    the fleet, one.
// Thread:   any.
// Errors:   what the controller says, with the function's name.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "zts/v1/deploy.grpc.pb.h"

namespace zts::bench {

class Deploys {
 public:
  Deploys(const std::string& controller, std::string token);

  struct Done {
    uint64_t catalog_version = 0;
    Nanos compiled_at = 0;  // from here on it is stored and pushed
    Nanos live_at = 0;
    uint32_t workers_live = 0, workers_total = 0;
  };
  // `wait`: for the workers; 0 is the controller's default.
  Result<Done> Deploy(const std::string& function, const std::string& source, Nanos wait = 0);
  // `count` functions, the first `sources` of which have a source of their own; `streams` at a time. The newest catalog version.
  Result<uint64_t> Fill(int count, int sources, size_t source_bytes, int streams);

 private:
  const std::string token_;
  std::unique_ptr<v1::Deploy::Stub> stub_;
};

// The name of the n-th function.
std::string FunctionName(int n);
std::string SourceText(int n, size_t bytes = 0);

}  // namespace zts::bench
