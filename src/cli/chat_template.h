// Chat templates: where they come from, and what day it is for them.
#pragma once

#include <ctime>
#include <string>

#include "gguf/file.h"
#include "jinja/template.h"

namespace weld::cli {

/// The template in the file at PATH, or, where there is no path, the one that the model has in
/// `tokenizer.chat_template`. Throws Error.
jinja::Template load_template(const std::string& path, const gguf::File* model);

/// Now, or noon of the day that WELD_DATE (YYYY-MM-DD) names. Throws Error if it names none.
std::tm template_time();

}  // namespace weld::cli
