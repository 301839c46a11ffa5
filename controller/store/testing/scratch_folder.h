// A folder of a test's own, gone with everything in it at the end of the scope.
//
// Owner:    a test.
// Thread:   one.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "base/check.h"

namespace zts::store {

class ScratchFolder {
 public:
  ScratchFolder() {
    const char* base = ::getenv("TEST_TMPDIR");
    path_ = std::string(base != nullptr ? base : "/tmp") + "/zts-store-XXXXXX";
    ZTS_CHECK(::mkdtemp(path_.data()) != nullptr);
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace zts::store
