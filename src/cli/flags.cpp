// Declaring flags and reading words.
#include "cli/flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>
#include <utility>

#include "cli/output.h"

namespace weld::cli {
namespace {

/// Flags of several letters after one dash, which CLI11 has no form for, and what it knows them by.
struct Alias {
  const char* typed;
  const char* name;
};
constexpr Alias aliases[] = {
    {"-ub", "--ubatch-size"}, {"-mqkv", "--merge-qkv"}, {"-muge", "--merge-up-gate-experts"}};

std::string unalias(const std::string& word) {
  for (const Alias& alias : aliases)
    if (word == alias.typed) return alias.name;
  return word;
}

/// The form in which people type a flag: the alias, or the first of CLI11's names.
std::string typed_form(const std::string& names) {
  for (const Alias& alias : aliases)
    if (names.find(alias.name) != std::string::npos) return alias.typed;
  return names.substr(0, names.find(','));
}

/// Help that shows flags as they are typed, with the names of their values.
class Formatter : public CLI::Formatter {
  std::string make_option_name(const CLI::Option* option, bool positional) const override {
    std::string names = CLI::Formatter::make_option_name(option, positional);
    if (positional) return names;
    const std::string typed = typed_form(names);
    if (!names.starts_with(typed)) names = typed + "," + names;
    return option->get_items_expected_max() == 0 ? names : names + " " + option->get_type_name();
  }
  /// CLI11's own marks, such as `=default` and `REQUIRED`, are told in words.
  std::string make_option_opts(const CLI::Option*) const override { return ""; }
};

/// Letters to change, add, drop or swap with their neighbour to come from one word to the other.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before, last(b.size() + 1), row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    before = std::exchange(last, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] =
          std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row.back();
}

/// Every form in which the flags may be typed.
std::vector<std::string> all_forms(const CLI::App& flags) {
  std::vector<std::string> forms;
  for (const CLI::Option* option : flags.get_options()) {
    for (const std::string& name : option->get_snames()) forms.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) {
      forms.push_back("--" + name);
      for (const Alias& alias : aliases)
        if (forms.back() == alias.name) forms.insert(forms.end() - 1, alias.typed);
    }
  }
  return forms;
}

/// Whether words may stand by themselves, without a flag.
bool takes_words(const CLI::App& flags) {
  const auto options = flags.get_options();
  return std::any_of(options.begin(), options.end(),
                     [](const CLI::Option* option) { return option->get_positional(); });
}

std::string unexpected(const CLI::App& flags, const std::string& word) {
  const bool is_model = word.ends_with(".gguf") && flags.get_option_no_throw("--model");
  return fmt::format("unexpected word \"{}\"{}", word,
                     is_model ? fmt::format(", did you mean -m {}?", word) : "");
}

/// The words as CLI11 wants them: every flag known to it, no aliases, values apart from their
/// flags.
Words normalize(const CLI::App& flags, const Words& words) {
  Words result;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      if (i + 1 < words.size() && !takes_words(flags))
        throw UsageError(unexpected(flags, words[i + 1]));
      result.insert(result.end(), words.begin() + static_cast<ptrdiff_t>(i), words.end());
      break;
    }
    if (word.size() < 2 || word[0] != '-') {
      if (!takes_words(flags)) throw UsageError(unexpected(flags, word));
      result.push_back(word);
      continue;
    }
    const size_t equals = word.find('=');
    const std::string typed = word.substr(0, equals);
    const std::string name = unalias(typed);
    const CLI::Option* option = flags.get_option_no_throw(name);
    if (!option)
      throw UsageError(
          fmt::format("unknown flag {}{}", typed, suggestion(typed, all_forms(flags))));
    result.push_back(name);
    const bool takes_value = option->get_items_expected_max() > 0;
    if (!takes_value && equals != std::string::npos)
      throw UsageError(fmt::format("{}: takes no value", typed));
    if (!takes_value) continue;
    if (equals == std::string::npos && ++i == words.size())
      throw UsageError(fmt::format("{}: needs a value", typed));
    result.push_back(equals == std::string::npos ? words[i] : word.substr(equals + 1));
  }
  return result;
}

template <typename T>
std::optional<T> parse_number(std::string_view word) {
  T value{};
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, value);
  if (word.empty() || stop != end || error != std::errc()) return std::nullopt;
  return value;
}

/// The words between commas.
Words split_list(const std::string& list) {
  Words words;
  size_t begin = 0;
  for (size_t comma = 0; comma != std::string::npos; begin = comma + 1) {
    comma = list.find(',', begin);
    words.push_back(list.substr(begin, comma == std::string::npos ? comma : comma - begin));
  }
  return words;
}

template <typename T>
T number_in_range(const std::string& names, const std::string& word, T least, T most,
                  const char* kind) {
  const auto value = parse_number<T>(word);
  if (!value || !(*value >= least && *value <= most))
    throw UsageError(fmt::format("{}: must be {} from {} to {}, is \"{}\"", typed_form(names), kind,
                                 least, most, word));
  return *value;
}

void check_choice(const std::string& names, const Words& choices, const std::string& word) {
  if (std::find(choices.begin(), choices.end(), word) == choices.end())
    throw UsageError(fmt::format("{}: must be one of {}, is \"{}\"{}", typed_form(names),
                                 fmt::join(choices, ", "), word, suggestion(word, choices)));
}

template <typename T>
void add_number_of(CLI::App& flags, const std::string& names, T& target, T least, T most,
                   const char* kind, const std::string& help) {
  const bool has_default = target >= least && target <= most;
  flags
      .add_option_function<std::string>(
          names,
          [=, &target](const std::string& word) {
            target = number_in_range(names, word, least, most, kind);
          },
          has_default ? fmt::format("{} (default {})", help, target) : help)
      ->type_name("N");
}

}  // namespace

std::string suggestion(std::string_view word, std::span<const std::string> candidates) {
  const auto stripped = [](std::string_view text) {
    return text.substr(std::min(text.find_first_not_of('-'), text.size()));
  };
  std::string_view best;
  size_t least = SIZE_MAX;
  for (const std::string& candidate : candidates) {
    // A wrong number of dashes is no great difference.
    const size_t letters = distance(stripped(word), stripped(candidate));
    const size_t changes = 2 * letters + (distance(word, candidate) > letters ? 1 : 0);
    if (letters <= stripped(candidate).size() / 2 && letters <= 3 && changes < least) {
      best = candidate;
      least = changes;
    }
  }
  return best.empty() ? "" : fmt::format(", did you mean {}?", best);
}

Flags::Flags(const std::string& subcommand, const std::string& description)
    : CLI::App(description, "weld " + subcommand) {
  formatter(std::make_shared<Formatter>());
  option_defaults()->take_last();
  set_help_flag("-h,--help", "print this help");
}

bool Flags::read(const Words& words) {
  Words reversed = normalize(*this, words);
  std::reverse(reversed.begin(), reversed.end());  // the order in which CLI11 takes words
  try {
    parse(reversed);
  } catch (const CLI::CallForHelp&) {
    write_output(help());
    return false;
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
  return true;
}

void Flags::add_number(const std::string& names, int& target, int least, int most,
                       const std::string& help) {
  add_number_of(*this, names, target, least, most, "a whole number", help);
}

void Flags::add_number(const std::string& names, float& target, float least, float most,
                       const std::string& help) {
  add_number_of(*this, names, target, least, most, "a number", help);
}

void Flags::add_numbers(const std::string& names, std::vector<int>& target, int least, int most,
                        const std::string& help) {
  add_option_function<std::string>(
      names,
      [=, &target](const std::string& list) {
        target.clear();
        for (const std::string& word : split_list(list))
          target.push_back(number_in_range(names, word, least, most, "a whole number"));
      },
      fmt::format("{} (default {})", help, fmt::join(target, ",")))
      ->type_name("N,...");
}

void Flags::add_choices(const std::string& names, std::vector<std::string>& target,
                        std::initializer_list<const char*> choices, const std::string& help) {
  const Words words(choices.begin(), choices.end());
  add_option_function<std::string>(
      names,
      [=, &target](const std::string& list) {
        target = split_list(list);
        for (const std::string& word : target) check_choice(names, words, word);
      },
      fmt::format("{}: {} (default {})", help, fmt::join(words, ", "), fmt::join(target, ",")))
      ->type_name("WORD,...");
}

void Flags::add_words(const std::string& names, std::vector<std::string>& target,
                      const std::string& kind, const std::string& help) {
  add_option(names, target, help)->type_name(kind)->allow_extra_args(false)->take_all();
}

void Flags::add_choice(const std::string& names, std::string& target,
                       std::initializer_list<const char*> choices, const std::string& help) {
  const std::vector<std::string> words(choices.begin(), choices.end());
  add_option_function<std::string>(
      names,
      [=, &target](const std::string& word) {
        check_choice(names, words, word);
        target = word;
      },
      fmt::format("{}: {} (default {})", help, fmt::join(words, ", "), target))
      ->type_name("WORD");
}

}  // namespace weld::cli
