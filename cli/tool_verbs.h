// The command line of the verbs that need no controller: new, completion, man.
//
// Owner:    App, one.
// Thread:   the main thread.
// Life:     outlives the parsing: options are written into it.
#pragma once

#include "cli/admin_verbs.h"

namespace zts::cli {

class ToolVerbs {
 public:
  // `root` is described when a verb runs: with all verbs, also those that are added later.
  void Add(const AdminVerbs::Host& host, const CLI::App& root);

 private:
  NewOptions new_;
  std::string shell_;
  bool markdown_ = false;
};

}  // namespace zts::cli
