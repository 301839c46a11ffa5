// Frames over a Unix stream socket between two processes of one build: a fixed header, then a payload. What the frames of one socket mean
// is said where they are made (egress_frame.h, class_frame.h); here is how they are written and cut out of a stream of bytes.
//
// Integers lie as in memory: both ends are of one build on one machine.
//
// Thread:   values.
// Limits:   a reader's Rules: what a socket's frames may be.
// Errors:   FrameReaderOf and FrameCursor refuse what the other end should never send; nothing is read outside of the frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/header_field.h"
#include "base/result.h"

namespace zts::ipc {

// As it lies in front of each payload. `Type`: an enum of one byte whose values count from 1.
template <typename Type>
struct FrameHeaderOf {
  uint32_t bytes;  // behind the header
  Type type;
  uint8_t flags;
  uint16_t reserved;
  uint64_t stream;
};
using RawFrameHeader = FrameHeaderOf<uint8_t>;
static_assert(sizeof(RawFrameHeader) == 16);

// Appends one frame to a buffer: the header when it is made, the length when it goes. REQUIRES: within the socket's rules.
class FrameWriter {
 public:
  template <typename Type>
  FrameWriter(Type type, uint64_t stream, std::string* out) : out_(out), start_(out->size()) {
    const FrameHeaderOf<Type> header{0, type, 0, 0, stream};
    out->append(reinterpret_cast<const char*>(&header), sizeof header);
  }
  ~FrameWriter() {
    const auto bytes = static_cast<uint32_t>(out_->size() - start_ - sizeof(RawFrameHeader));
    std::memcpy(out_->data() + start_ + offsetof(RawFrameHeader, bytes), &bytes, sizeof bytes);
  }
  FrameWriter(const FrameWriter&) = delete;
  FrameWriter& operator=(const FrameWriter&) = delete;

  template <typename Integer>
  void Put(Integer value) {
    out_->append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void Put(std::string_view text) {
    Put(static_cast<uint32_t>(text.size()));
    out_->append(text);
  }
  void Put(std::span<const HeaderField> fields) {
    Put(static_cast<uint32_t>(fields.size()));
    for (const HeaderField& field : fields) {
      Put(field.name);
      Put(field.value);
    }
  }
  // What Put would append.
  static size_t BytesOf(std::span<const HeaderField> fields);

 private:
  std::string* out_;
  size_t start_;
};

// Bytes as frames of this type, none with more than `piece_bytes_max`. Nothing for no bytes.
template <typename Type>
void AppendPieces(Type type, uint64_t stream, std::string_view bytes, size_t piece_bytes_max, std::string* out) {
  for (size_t at = 0; at < bytes.size(); at += piece_bytes_max) {
    const std::string_view piece = bytes.substr(at, piece_bytes_max);
    const FrameHeaderOf<Type> header{static_cast<uint32_t>(piece.size()), type, 0, 0, stream};
    out->append(reinterpret_cast<const char*>(&header), sizeof header);
    out->append(piece);
  }
}

// Reads what FrameWriter wrote; what is not there is zero and makes done() false.
class FrameCursor {
 public:
  explicit FrameCursor(std::string_view bytes) : rest_(bytes) {}
  template <typename Integer>
  Integer Get() {
    Integer value{};
    if (rest_.size() < sizeof value) {
      ok_ = false;
      return value;
    }
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view Text();
  std::vector<HeaderField> Fields();
  // All was there, and nothing is left.
  bool done() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// Finds the first frame of a buffer, if all of it is there, and what is behind it. `bytes_max` and `type_max` are the socket's rules.
struct RawFrame {
  RawFrameHeader header;
  std::string_view payload;
};
Result<std::optional<RawFrame>> TakeFrame(size_t bytes_max, uint8_t type_max, std::string_view* rest);

// Cuts a stream of bytes into frames. Of `Rules`: Type, kBytesMax (of a payload), kLast (type).
template <typename Rules>
class FrameReaderOf {
 public:
  using Type = typename Rules::Type;
  struct Frame {
    FrameHeaderOf<Type> header;
    std::string_view payload;  // valid until the next Feed
  };
  // Calls `on_frame` for each frame that is whole now. It may return an error, which ends the reading like a broken frame.
  template <typename F>
  Status Feed(std::string_view bytes, F&& on_frame) {
    std::string_view rest = bytes;
    if (!partial_.empty()) {
      partial_.append(bytes);
      rest = partial_;
    }
    while (true) {
      ZTS_ASSIGN_OR_RETURN(const std::optional<RawFrame> raw, TakeFrame(Rules::kBytesMax, static_cast<uint8_t>(Rules::kLast), &rest));
      if (!raw) break;
      const RawFrameHeader& header = raw->header;
      const Frame frame{{header.bytes, static_cast<Type>(header.type), header.flags, header.reserved, header.stream}, raw->payload};
      ZTS_RETURN_IF_ERROR(on_frame(frame));
    }
    Keep(rest);
    return {};
  }

 private:
  void Keep(std::string_view rest) {
    if (rest.empty()) {
      partial_.clear();
    } else if (rest.data() != partial_.data() || rest.size() != partial_.size()) {
      partial_ = std::string(rest);
    }
  }
  std::string partial_;
};

Error BrokenFrame(std::string_view what);

}  // namespace zts::ipc
