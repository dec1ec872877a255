// Python's two ways to format text: `text % values` and `text.format(values)`.
#pragma once

#include <string_view>

#include "jinja/value.h"

namespace weld::jinja {

Value format_percent(Heap& heap, const Text& format, const Value& values);
Value format_braces(Heap& heap, const Text& format, const Arguments& arguments);

}  // namespace weld::jinja
