// Writing whole characters at once, so that they are seen at once.
#include "cli/text_stream.h"

#include "cli/output.h"

namespace weld::cli {

void TextStream::finish() {
  write(utf8_.finish());
  if (text_.empty() || text_.ends_with('\n')) return;
  write_output("\n");
  flush_output();
}

void TextStream::write(const std::string& text) {
  if (text.empty()) return;
  write_output(text);
  flush_output();
  text_ += text;
}

}  // namespace weld::cli
