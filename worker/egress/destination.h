// Where a stream connects to, and whether it may: what requests and WebSockets set up alike in libcurl.
//
// The policy is asked for each address before libcurl connects to it, and again before a connection is used, which may be a pooled one.
//
// Owner:    Exchange, WebSocket; one each.
// Thread:   the egress process's only one.
// Life:     stays where it is while a transfer that SetUp has seen is under way; settings outlive it.
// Errors:   a Fail, in words for the function's owner.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "worker/egress/stream.h"

namespace zts::egress {

class Destination {
 public:
  Destination(const StreamSettings* settings, std::shared_ptr<const Function> function);
  Destination(const Destination&) = delete;

  // Reads the first URL of a stream.
  std::optional<Fail> Read(std::string_view url);
  // By the location of a redirect.
  std::optional<Fail> Move(const std::string& location);
  // Options of a transfer there: where it goes, and the time and care it may take.
  void SetUp(CURL* easy);

  // The URL in full, without user, password and fragment.
  std::string url() const;
  // Its parts, as a request line and the Host field have them.
  std::string path_and_query() const;
  std::string authority() const;
  const std::string& scheme() const { return scheme_; }
  const std::string& host_name() const { return host_name_; }
  const std::string& origin() const { return origin_; }

  // What a transfer's failure means.
  Fail Describe(CURLcode result) const;

 private:
  std::optional<Fail> Enter();
  bool Allowed(const IpAddress& address, uint16_t port);
  static curl_socket_t OnOpenSocket(void* self, curlsocktype purpose, curl_sockaddr* address);
  static int OnBeforeUse(void* self, char* remote, char* local, int remote_port, int local_port);

  const StreamSettings* const settings_;
  const std::shared_ptr<const Function> function_;
  std::unique_ptr<CURLU, void (*)(CURLU*)> url_;
  std::string scheme_;
  std::string host_name_;            // as the policy wants it
  std::string origin_;
  std::string_view refused_;         // why the policy refused an address, since SetUp
  std::string refused_address_;
};

}  // namespace zts::egress
