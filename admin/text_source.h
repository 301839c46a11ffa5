// Something that writes its own metrics in the Prometheus text format: where building a model of each sample would cost more than
// reading it.
//
// Thread:   AppendText: any, the admin server's.
// Source:   Prometheus text exposition format 0.0.4.
#pragma once

#include <string>

namespace zts::admin {

class TextSource {
 public:
  virtual ~TextSource() = default;
  // Whole families, each with its HELP and TYPE lines; no family that another source has.
  virtual void AppendText(std::string* out) const = 0;
};

}  // namespace zts::admin
