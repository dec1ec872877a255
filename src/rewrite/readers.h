// Which other engines read merged tensors of which architectures.
#pragma once

#include <string_view>

#include "rewrite/groups.h"

namespace weld::rewrite {

struct Reader {
  const char* name;
  bool (*reads)(std::string_view architecture, const Group& group);
};

/// The engines of the table, as of the day that it names.
extern const Reader readers[2];
inline constexpr const char* readers_date = "November 2026";

}  // namespace weld::rewrite
