// The one exception that weld throws at its users.
#pragma once

#include <stdexcept>

namespace weld {

/// What went wrong, in one line that names the file, the field and the value.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace weld
