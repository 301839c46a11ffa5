// One HTTP field as two views; what every part that speaks of headers passes around.
//
// Life:     the views belong to whoever made them; each user says how long they last.
#pragma once

#include <string_view>

namespace zts {

struct HeaderField {
  std::string_view name;
  std::string_view value;
};

}  // namespace zts
