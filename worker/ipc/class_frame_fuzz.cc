// Nothing that comes over the socket between two classes' shards harms either end, and cuts between reads do not show.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "worker/ipc/class_frame.h"
#include "worker/ipc/frame_fuzz.h"

namespace {

using namespace zts;
using Type = ipc::ClassFrameType;

// Each field's own bytes, so that a view outside of the frame is a read that the sanitizer sees.
void Show(std::span<const HeaderField> fields, std::string* out) {
  for (const HeaderField& field : fields) out->append(field.name).append("=").append(field.value).append(";");
}

void ShowRequest(std::string_view payload, std::string* out) {
  const auto request = ipc::DecodeClassRequest(payload);
  if (!request.ok()) return void(out->append("no request"));
  out->append(request->method).append(request->scheme).append(request->authority).append(request->target).append(request->request_id);
  Show(request->headers, out);
  char address[PeerAddress::kTextBytesMax + 1];
  out->append(request->body).append(request->peer.Text(address)).append(std::to_string(request->peer.port));
}

void ShowAnswer(std::string_view payload, std::string* out) {
  const auto answer = ipc::DecodeClassAnswer(payload);
  if (!answer.ok()) return void(out->append("no answer"));
  out->append(std::to_string(answer->status));
  Show(answer->headers, out);
  out->append(answer->body);
}

void Show(const ipc::ClassFrameReader::Frame& frame, std::string* out) {
  out->append(std::to_string(frame.header.stream) + ":" + std::to_string(static_cast<int>(frame.header.type)) + " ");
  switch (frame.header.type) {
    case Type::kRequest: return ShowRequest(frame.payload, out);
    case Type::kAnswer: return ShowAnswer(frame.payload, out);
    case Type::kEnd:
    case Type::kFailure: {
      const auto outcome = ipc::DecodeClassOutcome(frame.payload);
      if (outcome.ok()) out->append(js::OutcomeName(outcome->kind)).append(outcome->message);
      return;
    }
    case Type::kColdTimes: {
      const auto times = ipc::DecodeClassColdTimes(frame.payload);
      if (times.ok()) out->append(std::to_string(times->phases[0]));
      return;
    }
    case Type::kCredit:
    case Type::kBodyTaken: {
      const auto count = ipc::DecodeClassCount(frame.payload);
      if (count.ok()) out->append(std::to_string(*count));
      return;
    }
    case Type::kBodyFailed: {
      const auto text = ipc::DecodeClassText(frame.payload);
      if (text.ok()) out->append(*text);
      return;
    }
    default: out->append(frame.payload);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return ipc::FuzzFrames<ipc::ClassFrameReader>(data, size, [](const auto& frame, std::string* out) { Show(frame, out); });
}
