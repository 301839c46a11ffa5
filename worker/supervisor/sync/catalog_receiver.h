// Who takes what a controller pushes: the Applier of a worker; in load tests of a fleet something that only counts.
//
// Owner:    main(), one a ControllerClient.
// Thread:   the client's, one call at a time; position() any.
// Errors:   OnUpdate and OnActivate fail only when there is nothing to answer; the stream is then opened anew.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "zts/v1/sync.pb.h"

namespace zts::supervisor {

// Where content comes from that the disk does not have.
class BlobSource {
 public:
  virtual ~BlobSource() = default;
  // Not checked: whoever asks compares with the digest.
  virtual Result<std::string> Fetch(const std::string& digest, size_t bytes_max) = 0;
};

class CatalogReceiver {
 public:
  virtual ~CatalogReceiver() = default;
  virtual Result<v1::UpdateResult> OnUpdate(const v1::Update& update, BlobSource* blobs) = 0;
  virtual Result<v1::UpdateResult> OnActivate(const v1::Activate& activate) = 0;
  // Once the answer is out.
  virtual void Settle() = 0;

  // What a Hello says; empty and 0 when only a whole catalog will do.
  struct Position {
    std::string store_id;
    uint64_t version = 0;
  };
  virtual Position position() const = 0;
};

}  // namespace zts::supervisor
