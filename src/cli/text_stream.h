// Generated text on its way to standard output.
#pragma once

#include <string>
#include <string_view>

#include "text/tokenizer.h"

namespace weld::cli {

/// Writes text as its characters become whole, and a newline after the last.
class TextStream {
 public:
  void push(std::string_view bytes) { write(utf8_.push(bytes)); }
  void finish();
  /// All that was written, but for the newline.
  const std::string& text() const { return text_; }

 private:
  void write(const std::string& text);

  text::Utf8Stream utf8_;
  std::string text_;
};

}  // namespace weld::cli
