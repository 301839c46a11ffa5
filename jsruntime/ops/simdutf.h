// The door to simdutf, the vectorised text codecs that the host binary exports: the few of its functions that the ops use.
//
// Declared here because the host ships the code without its header.
//
// Thread:   pure functions.
// Needs:    simdutf 5 or later; a function that goes missing fails when the addon is loaded, not later.
#pragma once

#include <cstddef>
#include <cstdint>

namespace simdutf {

bool validate_ascii(const char* text, size_t length) noexcept;
bool validate_utf8(const char* text, size_t length) noexcept;
bool validate_utf16le(const char16_t* text, size_t length) noexcept;
void to_well_formed_utf16le(const char16_t* text, size_t length, char16_t* out) noexcept;
void change_endianness_utf16(const char16_t* text, size_t length, char16_t* out) noexcept;

// Bytes of UTF-8 that Latin-1 text needs, and their writing.
size_t utf8_length_from_latin1(const char* text, size_t length) noexcept;
size_t convert_latin1_to_utf8(const char* text, size_t length, char* out) noexcept;
// Units written, or 0 where the text is not valid UTF-8 (or, for Latin-1, has a character beyond it).
size_t convert_utf8_to_latin1(const char* text, size_t length, char* out) noexcept;
size_t convert_utf8_to_utf16le(const char* text, size_t length, char16_t* out) noexcept;

enum error_code : int {};  // 0 is success
struct result {
  error_code error;
  size_t count;  // bytes written, where there is no error
};
enum base64_options : uint64_t { base64_default = 0, base64_url = 1 };  // url: RFC 4648 5, written without padding
enum last_chunk_handling_options : uint64_t { loose = 0 };

// Decodes as the Infra standard's forgiving-base64 does with the options above.
size_t maximal_binary_length_from_base64(const char* text, size_t length) noexcept;
result base64_to_binary(const char* text, size_t length, char* out, base64_options options,
                        last_chunk_handling_options last_chunk) noexcept;
size_t base64_length_from_binary(size_t length, base64_options options) noexcept;
size_t binary_to_base64(const char* bytes, size_t length, char* out, base64_options options) noexcept;

}  // namespace simdutf
