// The words of a command line: flags are declared with CLI11; their spelling and their values are
// checked here, so that every mistake gets one line that says what would be right.
#pragma once

#include <CLI/CLI.hpp>
#include <initializer_list>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace weld::cli {

using Words = std::vector<std::string>;

/// A command line that makes no sense. Without the subcommand's name: main() adds it.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// ", did you mean WORD?" with the candidate that is spelled most like the word; nothing if none
/// is.
std::string suggestion(std::string_view word, std::span<const std::string> candidates);

/// The flags of a subcommand. Of a flag given twice the last counts.
class Flags : public CLI::App {
 public:
  Flags(const std::string& subcommand, const std::string& description);

  /// A flag whose value is a number from `least` to `most`; the target's value is shown as the
  /// default if it is in range. `names` are CLI11's: "-t,--threads".
  void add_number(const std::string& names, int& target, int least, int most,
                  const std::string& help);
  void add_number(const std::string& names, float& target, float least, float most,
                  const std::string& help);

  /// A flag whose value is one of a few words; the target holds the default.
  void add_choice(const std::string& names, std::string& target,
                  std::initializer_list<const char*> choices, const std::string& help);

  // The same for several values with commas between them.
  void add_numbers(const std::string& names, std::vector<int>& target, int least, int most,
                   const std::string& help);
  void add_choices(const std::string& names, std::vector<std::string>& target,
                   std::initializer_list<const char*> choices, const std::string& help);

  /// A flag that may be given again and again, each time with one more value.
  void add_words(const std::string& names, std::vector<std::string>& target,
                 const std::string& kind, const std::string& help);

  /// Reads words into the variables behind the flags. Throws UsageError. Returns false where the
  /// words ask for help, which is printed.
  bool read(const Words& words);
};

}  // namespace weld::cli
