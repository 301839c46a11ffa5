#include "worker/ipc/frame.h"

namespace zts::ipc {
namespace {

// More are no head, whatever their size.
constexpr uint32_t kFieldsMax = 4096;

}  // namespace

size_t FrameWriter::BytesOf(std::span<const HeaderField> fields) {
  size_t bytes = sizeof(uint32_t);
  for (const HeaderField& field : fields) bytes += 2 * sizeof(uint32_t) + field.name.size() + field.value.size();
  return bytes;
}

std::string_view FrameCursor::Text() {
  const auto size = Get<uint32_t>();
  if (rest_.size() < size) ok_ = false;
  const std::string_view text = ok_ ? rest_.substr(0, size) : std::string_view();
  if (ok_) rest_.remove_prefix(size);
  return text;
}

std::vector<HeaderField> FrameCursor::Fields() {
  const auto count = Get<uint32_t>();
  if (count > kFieldsMax) ok_ = false;
  std::vector<HeaderField> fields;
  for (uint32_t i = 0; ok_ && i < count; ++i) {
    const std::string_view name = Text();
    fields.push_back({name, Text()});
  }
  return fields;
}

Result<std::optional<RawFrame>> TakeFrame(size_t bytes_max, uint8_t type_max, std::string_view* rest) {
  RawFrame frame;
  if (rest->size() < sizeof frame.header) return std::optional<RawFrame>();
  std::memcpy(&frame.header, rest->data(), sizeof frame.header);
  if (frame.header.bytes > bytes_max || frame.header.type == 0 || frame.header.type > type_max) {
    return Error{ErrorCode::kCorrupt, "a frame of type " + std::to_string(frame.header.type) + " and " +
                                          std::to_string(frame.header.bytes) + " bytes"};
  }
  if (rest->size() < sizeof frame.header + frame.header.bytes) return std::optional<RawFrame>();
  frame.payload = rest->substr(sizeof frame.header, frame.header.bytes);
  rest->remove_prefix(sizeof frame.header + frame.header.bytes);
  return std::optional<RawFrame>(frame);
}

Error BrokenFrame(std::string_view what) { return {ErrorCode::kCorrupt, "a broken " + std::string(what) + " frame"}; }

}  // namespace zts::ipc
