// Regular expressions in which tensors' names are looked for.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace weld::synth {

/// A compiled regular expression of Perl's kind.
class Pattern {
 public:
  /// Throws Error if it is none.
  explicit Pattern(const std::string& expression);

  /// Whether some part of the text matches. Throws Error if that takes too many steps to tell.
  bool is_found_in(std::string_view text) const;

 private:
  std::string expression_;
  std::shared_ptr<const void> code_;
};

}  // namespace weld::synth
