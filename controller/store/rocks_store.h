// The Store on RocksDB: one WriteBatch a commit, written through to the disk.
//
// Owner:    main(), one a process; a second process on the same folder is refused.
// Thread:   as Store.
// Errors:   Open: the folder is locked (kUnavailable), cannot be written (kDenied), holds a newer format (kUnsupported) or is damaged
//           (kCorrupt).
//           Each says what to do.
// Source:   docs/storage_format.md.
#pragma once

#include <memory>
#include <string>

#include "controller/store/store.h"

namespace rocksdb {
class Env;
}

namespace zts::store {

// Opens the store in `folder`, and creates folder and store where there is none. `env`: a disk that fails as a test wants it, null for the
// real one; outlives the store.
Result<std::unique_ptr<Store>> OpenRocksStore(const std::string& folder, rocksdb::Env* env = nullptr);

}  // namespace zts::store
