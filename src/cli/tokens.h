// Token ids as people and programs write them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weld::cli {

/// Reads `1 2 3`, `1,2,3` or `[1, 2, 3]`. Throws Error at anything else, and at ids outside 0 to
/// 2^31 - 1.
std::vector<int32_t> parse_tokens(std::string_view text);

}  // namespace weld::cli
