#include "worker/egress/web_socket_handshake.h"

#include <llhttp.h>
#include <openssl/evp.h>
#include <sys/random.h>

#include <array>

#include "base/bytes.h"
#include "base/check.h"
#include "worker/egress/field_rules.h"
#include "worker/egress/limits.h"

namespace zts::egress {
namespace {

using ipc::FetchResult;

constexpr std::string_view kUserAgent = "zts";
constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 1.3

std::string Base64(const uint8_t* bytes, size_t size) {
  std::string text((size + 2) / 3 * 4 + 1, '\0');
  text.resize(static_cast<size_t>(EVP_EncodeBlock(reinterpret_cast<uint8_t*>(text.data()), bytes, static_cast<int>(size))));
  return text;
}

std::string NewKey() {
  std::array<uint8_t, 16> bytes;
  ZTS_CHECK(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  return Base64(bytes.data(), bytes.size());
}

// Whether a comma-separated list has the element.
bool Lists(std::string_view list, std::string_view element, bool (*same)(std::string_view, std::string_view)) {
  while (true) {
    const size_t comma = list.find(',');
    if (same(Trim(list.substr(0, comma)), element)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

bool Same(std::string_view a, std::string_view b) { return a == b; }

}  // namespace

struct WebSocketHandshake::Parser {
  explicit Parser(WebSocketHandshake* owner_) : owner(owner_) {
    llhttp_init(&llhttp, HTTP_RESPONSE, Settings());
    llhttp.data = this;
  }
  static WebSocketHandshake& Of(llhttp_t* parser) { return *static_cast<Parser*>(parser->data)->owner; }
  static const llhttp_settings_t* Settings() {
    static const llhttp_settings_t settings = [] {
      llhttp_settings_t s{};
      s.on_status = [](llhttp_t* parser, const char* at, size_t size) {
        Of(parser).reason_.append(at, size);
        return 0;
      };
      s.on_header_field = [](llhttp_t* parser, const char* at, size_t size) {
        Fields& fields = Of(parser).fields_;
        bool& in_name = static_cast<Parser*>(parser->data)->in_name;
        if (!std::exchange(in_name, true)) fields.emplace_back();
        fields.back().first.append(Lower({at, size}));
        return fields.size() > kResponseFieldsMax ? -1 : 0;
      };
      s.on_header_value = [](llhttp_t* parser, const char* at, size_t size) {
        static_cast<Parser*>(parser->data)->in_name = false;
        Of(parser).fields_.back().second.append(at, size);
        return 0;
      };
      s.on_header_value_complete = [](llhttp_t* parser) {
        static_cast<Parser*>(parser->data)->in_name = false;
        return 0;
      };
      s.on_headers_complete = [](llhttp_t* parser) {
        Of(parser).status_ = parser->status_code;
        return static_cast<int>(HPE_PAUSED);
      };
      return s;
    }();
    return &settings;
  }

  WebSocketHandshake* const owner;
  llhttp_t llhttp;
  bool in_name = false;
};

WebSocketHandshake::WebSocketHandshake(std::string protocols) : WebSocketHandshake(std::move(protocols), NewKey()) {}

WebSocketHandshake::WebSocketHandshake(std::string protocols, std::string key)
    : protocols_(std::move(protocols)), key_(std::move(key)), parser_(std::make_unique<Parser>(this)) {}

WebSocketHandshake::~WebSocketHandshake() = default;

std::string WebSocketHandshake::AcceptOf(std::string_view key) {
  std::array<uint8_t, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  const std::string text = std::string(key) + std::string(kGuid);
  ZTS_CHECK(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) == 1);
  return Base64(digest.data(), size);
}

std::string WebSocketHandshake::Request(std::string_view authority, std::string_view path_and_query) const {
  std::string text = "GET ";
  text.append(path_and_query).append(" HTTP/1.1\r\nHost: ").append(authority);
  text.append("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ").append(key_);
  if (!protocols_.empty()) text.append("\r\nSec-WebSocket-Protocol: ").append(protocols_);
  text.append("\r\nCache-Control: no-cache\r\nPragma: no-cache\r\nUser-Agent: ").append(kUserAgent).append("\r\n\r\n");
  return text;
}

// ---- the answer -------------------------------------------------------------------------------------------------------------

WebSocketHandshake::Step WebSocketHandshake::Take(std::string_view bytes) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  while (at < end) {
    llhttp_t* parser = &parser_->llhttp;
    const llhttp_errno_t error = llhttp_execute(parser, at, static_cast<size_t>(end - at));
    const char* const stop = error == HPE_OK ? end : llhttp_get_error_pos(parser);
    bytes_ += static_cast<size_t>(stop - at);
    at = stop;
    if (fields_.size() > kResponseFieldsMax || bytes_ > ipc::kResponseHeadBytesMax) {
      return Refuse(FetchResult::kLimit, "the server's answer has more than " + std::to_string(kResponseFieldsMax) +
                                             " headers, or they are larger than " +
                                             std::to_string(ipc::kResponseHeadBytesMax / 1024) + " KiB");
    }
    if (error == HPE_OK) break;
    if (error != HPE_PAUSED) return Refuse(FetchResult::kProtocol, "the server's answer is not HTTP");
    if (status_ < 100 || status_ >= 200 || status_ == 101) {
      const std::string why = WhyNot();
      if (!why.empty()) return Refuse(FetchResult::kProtocol, why);
      return {State::kAccepted, static_cast<size_t>(at - bytes.data())};
    }
    // 103 and the like: the answer is still to come.
    fields_.clear();
    reason_.clear();
    parser_ = std::make_unique<Parser>(this);
  }
  return {State::kMore, bytes.size()};
}

std::string WebSocketHandshake::WhyNot() const {
  if (status_ != 101) {
    return "the server answered " + std::to_string(status_) + (reason_.empty() ? "" : " " + reason_) + " instead of switching to WebSocket";
  }
  const std::string* upgrade = Find("upgrade");
  const std::string* connection = Find("connection");
  const std::string* accept = Find("sec-websocket-accept");
  if (upgrade == nullptr || !EqualsIgnoreCase(Trim(*upgrade), "websocket")) return "the server switched to something else than WebSocket";
  if (connection == nullptr || !Lists(*connection, "upgrade", &EqualsIgnoreCase)) return "the server's answer has no connection: upgrade";
  if (accept == nullptr || Trim(*accept) != AcceptOf(key_)) return "the server's sec-websocket-accept does not belong to this handshake";
  const std::string* extensions = Find("sec-websocket-extensions");
  if (extensions != nullptr && !Trim(*extensions).empty()) return "the server uses an extension that was not asked for";
  const std::string* protocol = Find("sec-websocket-protocol");
  if (protocol == nullptr && protocols_.empty()) return {};
  if (protocol == nullptr || Trim(*protocol).empty()) return "the server chose none of the protocols " + protocols_;
  if (!Lists(protocols_, Trim(*protocol), &Same)) return "the server chose a protocol that was not asked for";
  return {};
}

const std::string* WebSocketHandshake::Find(std::string_view name) const {
  for (const auto& [known, value] : fields_) {
    if (known == name) return &value;
  }
  return nullptr;
}

WebSocketHandshake::Step WebSocketHandshake::Refuse(FetchResult result, std::string message) {
  fail_ = {result, std::move(message)};
  return {State::kRefused, 0};
}

}  // namespace zts::egress
