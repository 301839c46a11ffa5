// The files of one folder as one stream with a checksum, and back: what a backup is.
//
//   "zts-backup-1\n"
//   for each file: length of its name (4 bytes), name, length of its content (8 bytes), content      numbers are little-endian
//   4 bytes of 0, SHA-256 of all before (32 bytes)
//
// Thread:   any. Blocks on the disk.
// Limits:   kArchiveFilesMax, kArchiveNameBytesMax; only plain names, so that nothing is ever written outside the folder.
// Errors:   kCorrupt: the file is no archive, was cut or changed. Every failure names the path.
// Needs:    OpenSSL's libcrypto: plain processes only, never the engine.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace zts {

inline constexpr size_t kArchiveFilesMax = 100'000;
inline constexpr size_t kArchiveNameBytesMax = 255;

// How long WriteArchive's stream will be. REQUIRES: nobody changes the folder until it is written.
Result<uint64_t> ArchiveBytes(const std::string& folder);
// Gives `sink` the stream in pieces; a failure of the sink ends it.
Status WriteArchive(const std::string& folder, const std::function<Status(std::string_view)>& sink);

// Reads all of it and compares the checksum; writes nothing.
Status VerifyArchive(const std::string& path);
// Makes `folder` and the files in it, flushed to the disk. REQUIRES: VerifyArchive said yes.
Status ExtractArchive(const std::string& path, const std::string& folder);

}  // namespace zts
