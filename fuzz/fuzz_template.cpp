// Fuzzes chat templates: any source with any variables ends in a text within the limits, or in one
// line of error. An input is the source, a zero byte, and the variables as JSON.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "gguf/quoted.h"
#include "input.h"
#include "jinja/template.h"

namespace {

/// As users have them, but small enough for many inputs a second. The depth is the real one: what
/// it takes of the stack is what is to be seen.
constexpr weld::jinja::Limits limits{
    .steps = 100'000, .memory = size_t{8} << 20, .output = size_t{1} << 20};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = input.find('\0');
  const std::string_view source = input.substr(0, end);
  const std::string_view variables = end == input.npos ? "{}" : input.substr(end + 1);
  allow_error([&] {
    const weld::jinja::Template chat("template", source);
    const std::string text =
        chat.render(variables, {.input = "input", .now = {}, .limits = limits});
    if (text.size() > limits.output || !weld::gguf::is_utf8(text)) __builtin_trap();
  });
  return 0;
}
