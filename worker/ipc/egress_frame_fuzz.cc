// Nothing that comes over a shard's socket harms the egress process, nor the other way round, and cuts between reads do not show.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "worker/ipc/egress_frame.h"
#include "worker/ipc/frame_fuzz.h"

namespace {

using namespace zts;
using ipc::FrameType;

// Each field's own bytes, so that a view outside of the frame is a read that the sanitizer sees.
void Show(const std::vector<HeaderField>& fields, std::string* out) {
  for (const HeaderField& field : fields) out->append(field.name).append("=").append(field.value).append(";");
}

void Show(const ipc::FrameReader::Frame& frame, std::string* out) {
  out->append(std::to_string(frame.header.stream) + ":" + std::to_string(static_cast<int>(frame.header.type)) + " ");
  switch (frame.header.type) {
    case FrameType::kRequest: {
      const auto request = ipc::DecodeRequest(frame.payload);
      if (!request.ok()) return void(out->append("no request"));
      out->append(request->method).append(request->url).append(request->body);
      return Show(request->headers, out);
    }
    case FrameType::kHead: {
      const auto head = ipc::DecodeHead(frame.payload);
      if (!head.ok()) return void(out->append("no head"));
      out->append(std::to_string(head->status)).append(head->url).append(head->status_text);
      return Show(head->headers, out);
    }
    case FrameType::kError: {
      const auto error = ipc::DecodeError(frame.payload);
      if (error.ok()) out->append(js::FetchResultName(error->result)).append(error->message);
      return;
    }
    case FrameType::kCredit: {
      const auto credit = ipc::DecodeCredit(frame.payload);
      if (credit.ok()) out->append(std::to_string(*credit));
      return;
    }
    case FrameType::kMessage: {
      const auto message = ipc::DecodeMessage(frame.payload);
      if (message.ok()) out->append(std::to_string(message->bytes));
      return;
    }
    case FrameType::kTaken: {
      const auto taken = ipc::DecodeTaken(frame.payload);
      if (taken.ok()) out->append(std::to_string(taken->bytes) + "/" + std::to_string(taken->messages));
      return;
    }
    case FrameType::kClose: {
      const auto close = ipc::DecodeClose(frame.payload);
      if (close.ok()) out->append(std::to_string(close->code)).append(close->reason);
      return;
    }
    default:
      out->append(frame.payload);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return ipc::FuzzFrames<ipc::FrameReader>(data, size, [](const auto& frame, std::string* out) { Show(frame, out); });
}
