// The worker's folder on disk: one worker at a time, and an identity that outlives the process.
//
// Owner:    main(), one; the lock is held until it goes, also by kill -9.
// Thread:   one.
// Errors:   another worker has it; the folder cannot be made or written. The message says what to do.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace zts::supervisor {

class DataDir {
 public:
  static Result<DataDir> Open(const std::string& path);
  // With the lock of the worker whose place this one takes: both hold it until the older one ends.
  static Result<DataDir> Adopt(const std::string& path, UniqueFd lock);
  Result<UniqueFd> DuplicateLock() const;

  const std::string& path() const { return path_; }
  // 8 hex digits, made at the first start.
  const std::string& id() const { return id_; }

 private:
  DataDir(std::string path, UniqueFd lock, std::string id)
      : path_(std::move(path)), lock_(std::move(lock)), id_(std::move(id)) {}
  std::string path_;
  UniqueFd lock_;
  std::string id_;
};

}  // namespace zts::supervisor
