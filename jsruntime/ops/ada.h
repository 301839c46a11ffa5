// The door to ada, the URL parser that the host binary exports: the part of its C interface that the URL ops use.
//
// Declared here because the host ships the code without its header. Handles are opaque; every one that ada_parse* returns is
// given back with ada_free, also when the URL is not valid. Views stay good until the handle changes or goes.
//
// Thread:   a handle belongs to one thread; the functions share no state.
// Needs:    ada 3 or 4 (url.test.js compares offsets with the getters, so a change of layout fails a test).
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

using ada_url = void*;

struct ada_string {
  const char* data;
  size_t length;
};

// Offsets into the href, and the port's value; kAdaOmitted where there is no such part.
struct ada_url_components {
  uint32_t protocol_end;
  uint32_t username_end;
  uint32_t host_start;
  uint32_t host_end;
  uint32_t port;
  uint32_t pathname_start;
  uint32_t search_start;
  uint32_t hash_start;
};

ada_url ada_parse(const char* input, size_t length);
ada_url ada_parse_with_base(const char* input, size_t length, const char* base, size_t base_length);
bool ada_can_parse(const char* input, size_t length);
bool ada_can_parse_with_base(const char* input, size_t length, const char* base, size_t base_length);
void ada_free(ada_url url);
bool ada_is_valid(ada_url url);
ada_string ada_get_href(ada_url url);
const ada_url_components* ada_get_components(ada_url url);

bool ada_set_href(ada_url url, const char* input, size_t length);
bool ada_set_protocol(ada_url url, const char* input, size_t length);
bool ada_set_username(ada_url url, const char* input, size_t length);
bool ada_set_password(ada_url url, const char* input, size_t length);
bool ada_set_host(ada_url url, const char* input, size_t length);
bool ada_set_hostname(ada_url url, const char* input, size_t length);
bool ada_set_port(ada_url url, const char* input, size_t length);
bool ada_set_pathname(ada_url url, const char* input, size_t length);
void ada_set_search(ada_url url, const char* input, size_t length);
void ada_set_hash(ada_url url, const char* input, size_t length);

}  // extern "C"

inline constexpr uint32_t kAdaOmitted = UINT32_MAX;
