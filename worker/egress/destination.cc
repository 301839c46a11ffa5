#include "worker/egress/destination.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"
#include "worker/egress/field_rules.h"
#include "worker/egress/limits.h"

namespace zts::egress {
namespace {

using ipc::FetchResult;

std::string Part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

IpAddress AddressOf(const curl_sockaddr& address, uint16_t* port) {
  IpAddress out;
  if (address.family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address.addr);
    uint8_t bytes[4];
    std::memcpy(bytes, &v4->sin_addr, sizeof bytes);
    *port = ntohs(v4->sin_port);
    return IpAddress::V4(bytes[0], bytes[1], bytes[2], bytes[3]);
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address.addr);
  std::memcpy(out.bytes.data(), &v6->sin6_addr, out.bytes.size());
  *port = ntohs(v6->sin6_port);
  return out;
}

// A tenant in a loop must not fill the disk.
void LogRefusal(const std::string& function, const std::string& where, std::string_view kind, Nanos now) {
  static Nanos last = 0;
  static uint64_t silent = 0;
  if (last != 0 && now - last < kRefusalLogPeriod) {
    ++silent;
    return;
  }
  ZTS_LOG(kWarning) << "egress policy: " << function << " may not connect to " << where << " (" << kind << ")"
                    << (silent > 0 ? "; " + std::to_string(silent) + " more refusals before it" : "");
  last = now;
  silent = 0;
}

}  // namespace

Destination::Destination(const StreamSettings* settings, std::shared_ptr<const Function> function)
    : settings_(settings), function_(std::move(function)), url_(curl_url(), &curl_url_cleanup) {
  ZTS_CHECK(url_ != nullptr);
}

// ---- the URL ----------------------------------------------------------------------------------------------------------------

std::optional<Fail> Destination::Read(std::string_view url) {
  if (curl_url_set(url_.get(), CURLUPART_URL, std::string(url).c_str(), 0) != CURLUE_OK) {
    return Fail{FetchResult::kProtocol, "the URL is not one that can be asked"};
  }
  return Enter();
}

std::optional<Fail> Destination::Move(const std::string& location) {
  if (curl_url_set(url_.get(), CURLUPART_URL, location.c_str(), CURLU_URLENCODE | CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
    return Fail{FetchResult::kRedirect, "the response redirects to what is no URL"};
  }
  return Enter();
}

std::optional<Fail> Destination::Enter() {
  CURLU* url = url_.get();
  scheme_ = Part(url, CURLUPART_SCHEME);
  if (scheme_ != "http" && scheme_ != "https") {
    return Fail{FetchResult::kRedirect, "only http and https can be fetched, not " + scheme_};
  }
  for (const CURLUPart part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_FRAGMENT}) curl_url_set(url, part, nullptr, 0);
  const std::string port = Part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  host_name_ = Lower(Part(url, CURLUPART_HOST));
  origin_ = scheme_ + "://" + host_name_ + ":" + port;
  if (host_name_.starts_with('[')) host_name_ = host_name_.substr(1, host_name_.find(']') - 1);
  while (host_name_.ends_with('.')) host_name_.pop_back();
  if (IsBadPort(ParseInteger<uint16_t>(port).value_or(0))) {
    return Fail{FetchResult::kPolicy, "port " + port + " belongs to another protocol and is not fetched from"};
  }
  return std::nullopt;
}

std::string Destination::url() const { return Part(url_.get(), CURLUPART_URL); }

std::string Destination::authority() const {
  const std::string whole = url();
  const size_t from = scheme_.size() + std::string_view("://").size();
  return whole.substr(from, whole.find_first_of("/?", from) - from);
}

std::string Destination::path_and_query() const {
  const std::string whole = url();
  const size_t from = whole.find_first_of("/?", scheme_.size() + std::string_view("://").size());
  return from == std::string::npos ? "/" : whole.substr(from);
}

// ---- the way there ----------------------------------------------------------------------------------------------------------

void Destination::SetUp(CURL* easy) {
  refused_ = {};
  curl_easy_setopt(easy, CURLOPT_CURLU, url_.get());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(kConnectTimeout / kMillisecond));
  if (!settings_->ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, settings_->ca_file.c_str());
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &Destination::OnOpenSocket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, &Destination::OnBeforeUse);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, this);
}

bool Destination::Allowed(const IpAddress& address, uint16_t port) {
  const std::string_view kind = function_->policy.Refusal(host_name_, address, port);
  if (kind.empty()) return true;
  refused_ = kind;
  refused_address_ = address.is_v4() ? address.ToString() : "[" + address.ToString() + "]";
  refused_address_ += ":" + std::to_string(port);
  LogRefusal(function_->name, refused_address_, kind, settings_->clock->Now());
  return false;
}

curl_socket_t Destination::OnOpenSocket(void* self, curlsocktype, curl_sockaddr* address) {
  uint16_t port = 0;
  if (address->family != AF_INET && address->family != AF_INET6) return CURL_SOCKET_BAD;
  const IpAddress ip = AddressOf(*address, &port);
  if (!static_cast<Destination*>(self)->Allowed(ip, port)) return CURL_SOCKET_BAD;
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
}

// A pooled connection may have been made for a function that was allowed more.
int Destination::OnBeforeUse(void* self, char* remote, char*, int remote_port, int) {
  const auto address = IpAddress::Parse(remote);
  auto* destination = static_cast<Destination*>(self);
  if (!address.ok() || !destination->Allowed(*address, static_cast<uint16_t>(remote_port))) return CURL_PREREQFUNC_ABORT;
  return CURL_PREREQFUNC_OK;
}

// ---- what went wrong --------------------------------------------------------------------------------------------------------

Fail Destination::Describe(CURLcode result) const {
  const std::string where = host_name_;
  const std::string why = curl_easy_strerror(result);
  if (!refused_.empty() && (result == CURLE_COULDNT_CONNECT || result == CURLE_ABORTED_BY_CALLBACK)) {
    return {FetchResult::kPolicy, "the egress policy does not let this function connect to " + refused_address_ + " (" +
                                      std::string(refused_) + "); deploy it with --allow-net " + where + " to allow it"};
  }
  switch (result) {
    case CURLE_COULDNT_RESOLVE_HOST: return {FetchResult::kResolve, "the name " + where + " has no address"};
    case CURLE_COULDNT_CONNECT: return {FetchResult::kConnect, "nobody accepts connections at " + origin_};
    case CURLE_OPERATION_TIMEDOUT: return {FetchResult::kTimeout, "no answer in time from " + origin_};
    case CURLE_PEER_FAILED_VERIFICATION:
      return {FetchResult::kTls, "the certificate of " + where + " is not trusted, or is another host's"};
    case CURLE_SSL_CONNECT_ERROR: case CURLE_SSL_CIPHER: case CURLE_SSL_CACERT_BADFILE: case CURLE_SSL_CERTPROBLEM:
      return {FetchResult::kTls, "no TLS connection with " + where + ": " + why};
    case CURLE_BAD_CONTENT_ENCODING: return {FetchResult::kProtocol, "the response cannot be decompressed"};
    case CURLE_PARTIAL_FILE: case CURLE_RECV_ERROR: case CURLE_SEND_ERROR: case CURLE_GOT_NOTHING: case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return {FetchResult::kProtocol, "the connection with " + where + " broke off: " + why};
    default: return {FetchResult::kProtocol, "the request to " + where + " failed: " + why};
  }
}

}  // namespace zts::egress
