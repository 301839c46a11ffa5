// One sub-request: the request as the Fetch standard sends it, over as many hops as it takes, with both bodies streamed.
//
//   Start -> hop (-> redirect -> hop ...) -> head, data, end     or an error at any point
//
// Redirects are followed here and not by libcurl, by the Fetch standard: methods are rewritten, credentials do not cross origins, each
// hop's host is judged anew (Destination).
//
// Owner:    ShardLink, one a stream.
// Thread:   the egress process's only one.
// Life:     as stream.h says. It ends with kEnd or kError.
// Limits:   limits.h. Of the response at most kPendingBytesMax and of the request kWindowBytes are held.
// Sources:  Fetch standard 4.4 (HTTP-redirect fetch), 4.6; RFC 9110 5.5, 7.6.1; RFC 9112 5.2.
#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "worker/egress/destination.h"
#include "worker/egress/multi.h"
#include "worker/egress/stream.h"
#include "worker/ipc/egress_frame.h"

namespace zts::egress {

class Exchange final : public Stream, private Transfer {
 public:
  Exchange(StreamHost* host, const StreamSettings* settings, std::shared_ptr<const Function> function, uint64_t stream);
  ~Exchange() override;

  void Start(const ipc::RequestFrame& request) override;
  Status OnFrame(const ipc::FrameReader::Frame& frame) override;

 private:
  // How a hop's response is treated, once its head is there.
  enum class Response : uint8_t { kHead, kDeliver, kRedirect };

  Status OnBody(std::string_view bytes);
  Status OnBodyEnd();
  // The shard begins the body anew, as it was asked to.
  Status OnRewound();
  Status OnCredit(uint32_t bytes);

  bool TakeRequest(const ipc::RequestFrame& request);
  void StartHop();
  void SetUrl();
  void SetRequest();
  void SetBody();
  void SetLimits();

  void OnTransferDone(CURLcode result) override;
  void FollowRedirect();
  void DropBody();
  void Finish();
  void FailWith(ipc::FetchResult result, std::string message);

  // libcurl's callbacks.
  static size_t OnHeaderLine(char* data, size_t size, size_t count, void* self);
  static size_t OnData(char* data, size_t size, size_t count, void* self);
  static size_t OnRead(char* out, size_t size, size_t count, void* self);
  static int OnSeek(void* self, curl_off_t offset, int origin);
  bool TakeHeaderLine(std::string_view line);
  bool TakeHead();
  void SendHead();
  bool TakeData(std::string_view bytes);
  size_t GiveBody(char* out, size_t room);
  void SendPending();
  void UpdatePause();

  StreamHost* const host_;
  const StreamSettings* const settings_;
  const uint64_t stream_;
  CURL* easy_;
  bool running_ = false;     // in the multi
  bool in_callback_ = false;
  Nanos deadline_ = 0;

  // The request.
  std::string method_;
  std::vector<std::pair<std::string, std::string>> fields_;
  ipc::Redirect redirect_ = ipc::Redirect::kFollow;
  ipc::BodyKind body_kind_ = ipc::BodyKind::kNone;
  uint64_t body_bytes_ = 0;
  std::string body_;         // all of a kWhole body; else what has come and was not sent
  size_t body_at_ = 0;       // sent of it
  uint64_t body_sent_ = 0;   // in all, in this hop
  bool body_ended_ = false;
  bool rewinding_ = false;   // pieces that come are of the old run
  uint32_t window_ = ipc::kWindowBytes;  // the shard may still send
  uint32_t credit_owed_ = 0;

  // The hop.
  Destination destination_;
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> lines_;
  std::string accept_encoding_;
  int hops_ = 0;

  // The response.
  Response response_ = Response::kHead;
  int status_ = 0;
  std::string status_text_;
  std::vector<std::pair<std::string, std::string>> response_fields_;
  size_t head_bytes_ = 0;
  std::string pending_;      // of the body, not sent for want of credit
  uint64_t credit_ = ipc::kWindowBytes;
  size_t skipped_ = 0;       // of a redirect's body
  bool recv_paused_ = false;
  bool send_paused_ = false;
  bool done_ = false;        // libcurl has no more; pending_ may still be
  std::unique_ptr<Fail> fail_;  // decided in a callback
};

}  // namespace zts::egress
