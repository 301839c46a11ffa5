// Nothing that a WebSocket's server sends harms the egress process, and cuts between reads do not show.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/egress/web_socket_codec.h"
#include "worker/ipc/frame_fuzz.h"

namespace {

using namespace zts;

// Small, so that a short input finds it.
constexpr uint64_t kMessageBytesMax = 300;

// A codec as a reader of frames: messages, and the end.
class Reader final : public egress::WebSocketHandler {
 public:
  using Frame = std::string;

  template <typename F>
  Status Feed(std::string_view bytes, F&& on_frame) {
    codec_.Receive(bytes);
    codec_.out().clear();
    for (const std::string& message : std::exchange(messages_, {})) ZTS_RETURN_IF_ERROR(on_frame(message));
    if (codec_.failure()) return Error{ErrorCode::kCorrupt, "failed"};
    if (codec_.closed_by() && !std::exchange(told_, true)) {
      return on_frame("closed " + std::to_string(codec_.closed_by()->code) + codec_.closed_by()->reason);
    }
    return {};
  }

 private:
  void OnMessageBytes(std::string_view bytes) override { partial_.append(bytes); }
  void OnMessageEnd(js::SocketMessage kind, uint64_t bytes) override {
    if (bytes != partial_.size() || bytes > kMessageBytesMax) std::abort();
    messages_.push_back((kind == js::SocketMessage::kText ? "text " : "binary ") + std::exchange(partial_, {}) + "\n");
  }

  std::string partial_;
  std::vector<std::string> messages_;
  egress::WebSocketCodec codec_{this, kMessageBytesMax};
  bool told_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return ipc::FuzzFrames<Reader>(data, size, [](const std::string& frame, std::string* out) { out->append(frame); });
}
