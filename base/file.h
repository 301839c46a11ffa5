// Whole files: read, and written so that a crash leaves the old one or the new one, never half.
//
// Thread:   any. Blocks on the disk: never on a shard.
// Errors:   every failure names the path.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace zts {

Result<std::string> ReadFile(const std::string& path, size_t bytes_max = size_t{1} << 30);

// Temporary file in the same folder, fsync, rename, fsync of the folder.
Status WriteFileAtomically(const std::string& path, std::string_view content, int mode = 0644);

// mkdir -p.
Status MakeDirectories(const std::string& path, int mode = 0755);

// A sealed, read-only memory file with this content: what is mapped from it can never change or shrink.
Result<UniqueFd> MakeSealedMemfd(const char* name, std::string_view content);

// The folder of the running binary, with symbolic links resolved.
Result<std::string> ExecutableDirectory();

}  // namespace zts
