// Functions that the language comes with: filters, tests, methods of values and global functions.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/value.h"

namespace weld::jinja {

/// The arguments of one call, under the parameters that a builtin declares.
class Call {
 public:
  Call(Heap& heap, const Value& self, Arguments& arguments)
      : heap(heap), self(self), arguments(arguments) {}

  /// Gives each argument its parameter. Throws Fault where they do not fit.
  void bind(std::string_view name, std::string_view parameters);

  bool has(size_t i) const { return bound_[i].has_value(); }
  const Value& operator[](size_t i) const { return *bound_[i]; }
  /// The argument, or what it is when it is left out; Throws Fault if it is of another type.
  Value value(size_t i, const Value& otherwise) const { return has(i) ? *bound_[i] : otherwise; }
  bool flag(size_t i, bool otherwise) const { return has(i) ? truth_of(i) : otherwise; }
  int64_t integer(size_t i, int64_t otherwise) const;
  const std::string& text(size_t i) const;

  Heap& heap;
  const Value& self;     ///< what a filter, a test or a method is of
  Arguments& arguments;  ///< of a builtin that takes any

 private:
  bool truth_of(size_t i) const;
  std::vector<std::optional<Value>> bound_;
};

struct Builtin {
  const char* name;
  /// Names with spaces between, those that may be left out with a question mark; "*": any.
  const char* parameters;
  Value (*body)(Call& call);
};

Value call_builtin(Heap& heap, const Builtin& builtin, const Value& self, Arguments& arguments);

// Null where there is none of this name.
const Builtin* find_filter(std::string_view name);
const Builtin* find_test(std::string_view name);
const Builtin* find_method(const Value& value, std::string_view name);
const Builtin* find_cycler_method(const Value& value, std::string_view name);
const Builtin* find_global(std::string_view name);

/// Something to call: a method with its value, or a global function.
Value bind_method(Heap& heap, const Builtin& method, const Value& self);

/// `strftime_now`, whose now is fixed.
Value make_clock(Heap& heap, const std::tm& now);

/// Calls a filter or test by its name, as `map` and `select` do.
Value apply_filter(Heap& heap, const std::string& name, const Value& self, Arguments arguments);
bool apply_test(Heap& heap, const std::string& name, const Value& self, Arguments arguments);

}  // namespace weld::jinja
