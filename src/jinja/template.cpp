// From source to text, and from faults to errors.
#include "jinja/template.h"

#include <utility>

#include "fail.h"
#include "gguf/quoted.h"
#include "jinja/interpreter.h"
#include "jinja/json.h"
#include "jinja/operations.h"
#include "jinja/parser.h"

namespace weld::jinja {
namespace {

/// Bytes of a message that are shown; a template may raise any.
constexpr size_t most_shown = 2000;

[[noreturn]] void fail_at(const std::string& name, const Fault& found) {
  fail("{}:{}: {}", name, found.line, gguf::plain(found.message, most_shown));
}

}  // namespace

struct Template::State {
  std::string name;
  Program program;
};

Template::Template(std::string name, std::string_view source) {
  if (source.size() > max_source)
    fail("{}: has {} bytes; a template may have {}", name, source.size(), max_source);
  if (!gguf::is_utf8(source)) fail("{}: is not UTF-8", name);
  try {
    state_ = std::make_unique<const State>(State{name, parse(source)});
  } catch (const Fault& found) {
    fail_at(name, found);
  }
}

Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

std::string Template::render(std::string_view variables, const RenderOptions& options) const {
  Heap heap(options.limits);
  Value input;
  try {
    input = parse_json(heap, variables);
  } catch (const Fault& found) {
    fail("{}: {}", options.input, gguf::plain(found.message, most_shown));
  }
  if (!as_dict(input)) fail("{}: must be a JSON object, is {}", options.input, type_name(input));
  try {
    return interpret(heap, state_->program, *as_dict(input), options.now);
  } catch (const Fault& found) {
    fail_at(state_->name, found);
  }
}

}  // namespace weld::jinja
