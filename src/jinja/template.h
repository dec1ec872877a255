// A template of the Jinja language, as Hugging Face's chat templates are written in it: parsed
// once, rendered with variables that come as JSON. It knows nothing of models.
#pragma once

#include <ctime>
#include <memory>
#include <string>
#include <string_view>

#include "jinja/limits.h"

namespace weld::jinja {

struct RenderOptions {
  std::string input = "input";  ///< what errors call the variables
  std::tm now = {};             ///< what `strftime_now` gives
  Limits limits;
};

class Template {
 public:
  /// NAME is what errors call it. Throws Error, in one line with the line of the template, where
  /// SOURCE is none.
  Template(std::string name, std::string_view source);
  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;
  ~Template();

  /// The text that it makes of VARIABLES, a JSON object. Throws Error, in one line with the line of
  /// the template, where the template raises one, has a fault, or goes beyond a limit.
  std::string render(std::string_view variables, const RenderOptions& options = {}) const;

 private:
  struct State;
  std::unique_ptr<const State> state_;
};

}  // namespace weld::jinja
