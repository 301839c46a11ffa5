// Nothing that comes over a shard's socket harms the egress process, nor the other way round, and cuts between reads do not show.
//
// The input's first byte is the size of the reads; the rest is the stream.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "worker/ipc/egress_frame.h"

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
    default:
      out->append(frame.payload);
  }
}

std::string Transcript(std::string_view stream, size_t step) {
  ipc::FrameReader reader;
  std::string out;
  while (!stream.empty()) {
    const std::string piece(stream.substr(0, step));  // of its own, and gone before the next
    stream.remove_prefix(piece.size());
    const Status fed = reader.Feed(piece, [&](const ipc::FrameReader::Frame& frame) -> Status {
      Show(frame, &out);
      return {};
    });
    if (!fed.ok()) return out + "broken";
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = Transcript(stream, std::max<size_t>(stream.size(), 1));
  const std::string cut = Transcript(stream, std::max<size_t>(data[0], 1));
  if (whole == cut) return 0;
  std::fprintf(stderr, "the frames differ when cut\n--- whole\n%s\n--- cut\n%s\n", whole.c_str(), cut.c_str());
  std::abort();
}
