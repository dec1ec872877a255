// Unicode normalization form C.
#pragma once

#include <string>
#include <string_view>

namespace weld::text {

/// Whether TEXT, which is well-formed UTF-8, may change under NFC. False is certain, true is not.
bool may_need_nfc(std::string_view text);

/// TEXT, which is well-formed UTF-8, in NFC.
std::string nfc(std::string_view text);

}  // namespace weld::text
