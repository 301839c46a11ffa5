// The opening handshake of a WebSocket, of the client's side: the request, and whether the server's answer agrees.
//
// The answer is read by llhttp; what follows its head is the first of the server's frames.
//
// Owner:    WebSocket, one, until the connection is open.
// Thread:   the egress process's only one.
// Limits:   ipc::kResponseHeadBytesMax, kResponseFieldsMax.
// Errors:   fail(): why the connection is not one of WebSocket's, in words.
// Sources:  RFC 6455 4.1, 4.2.2; WebSockets Standard 2, "establish a WebSocket connection".
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/egress/stream.h"

namespace zts::egress {

class WebSocketHandshake {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  // `protocols`: the value of the field, as the function wants it; empty: none.
  explicit WebSocketHandshake(std::string protocols);
  // With a key that is given: 16 bytes in base64.
  WebSocketHandshake(std::string protocols, std::string key);
  ~WebSocketHandshake();
  WebSocketHandshake(const WebSocketHandshake&) = delete;

  std::string Request(std::string_view authority, std::string_view path_and_query) const;

  enum class State : uint8_t { kMore, kAccepted, kRefused };
  struct Step {
    State state;
    size_t used;  // of the bytes: those behind it are frames
  };
  Step Take(std::string_view bytes);

  // Of the answer, once it is accepted; lower-case names.
  const Fields& fields() const { return fields_; }
  // Once it is refused.
  const Fail& fail() const { return fail_; }

  // What a server answers to a key.
  static std::string AcceptOf(std::string_view key);

 private:
  struct Parser;
  Step Refuse(ipc::FetchResult result, std::string message);
  // Empty: it is what was asked for.
  std::string WhyNot() const;
  const std::string* Find(std::string_view name) const;

  const std::string protocols_;
  const std::string key_;
  std::unique_ptr<Parser> parser_;
  size_t bytes_ = 0;  // of the head, so far
  int status_ = 0;
  std::string reason_;
  Fields fields_;
  Fail fail_;
};

}  // namespace zts::egress
