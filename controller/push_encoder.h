// What is said to workers, as bytes of sync.proto's ControllerMessage.
//
// An update goes to a whole fleet: its encoding is made by the first link that sends it, and all messages that carry it refer to that
// memory, each with its own nonce beside it. So a fleet of any size costs the memory and the time of one catalog. Records of functions
// with secrets are set apart: they are decrypted for the messages that are being written, shared by those, and gone with the last.
//
// Owner:    SyncService, one.
// Thread:   any. Whoever asks for an update that another thread is encoding waits for that.
// Life:     an encoding lives as long as its update, or a message that refers to it; one with secrets as long as an Encoded.
// Limits:   kCatalogBytesMax an encoding, and kSecretsBytesMax of secrets.
// Errors:   secrets that no key opens are logged, and their function goes without.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "controller/push.h"
#include "controller/tenancy/vault.h"

namespace zts::controller {

class PushEncoder {
 public:
  using OpenSecrets = std::function<Result<tenancy::Vault::Opened>(const std::string& function)>;
  explicit PushEncoder(OpenSecrets open_secrets) : open_secrets_(std::move(open_secrets)) {}

  struct Encoded {
    grpc::ByteBuffer bytes;
    // Held until they are written.
    std::shared_ptr<const grpc::Slice> secrets;
  };
  Encoded Encode(const Push& push);

 private:
  struct Encoding {
    std::once_flag once;
    grpc::Slice plain;                      // of the v1::Update but for its nonce and what has secrets
    std::vector<size_t> with_secrets;       // upserts
    std::mutex mutex;
    std::weak_ptr<const grpc::Slice> secrets;  // while messages with it are written
  };
  struct Known {
    std::weak_ptr<const Update> update;
    std::shared_ptr<Encoding> encoding;
  };
  std::shared_ptr<Encoding> EncodingOf(const UpdatePtr& update);
  void EncodePlain(const Update& update, Encoding& encoding) const;
  std::shared_ptr<const grpc::Slice> EncodeSecrets(const Update& update, Encoding& encoding) const;
  tenancy::Vault::Opened SecretsOf(const std::string& function) const;

  const OpenSecrets open_secrets_;
  std::mutex mutex_;
  std::vector<Known> known_;
};

}  // namespace zts::controller
