// PCRE2 as its users here need it: its objects in std::unique_ptr, and what its errors say.
#pragma once

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <memory>
#include <string>

namespace weld {

template <auto free>
struct PcreFree {
  template <typename T>
  void operator()(T* held) const {
    free(held);
  }
};

using PcreCode = std::unique_ptr<pcre2_code, PcreFree<pcre2_code_free>>;
using PcreMatch = std::unique_ptr<pcre2_match_data, PcreFree<pcre2_match_data_free>>;
using PcreContext = std::unique_ptr<pcre2_match_context, PcreFree<pcre2_match_context_free>>;

inline std::string pcre_message(int error) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(error, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

}  // namespace weld
