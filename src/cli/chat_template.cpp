// Finding a template and the date.
#include "cli/chat_template.h"

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "cli/output.h"
#include "fail.h"
#include "gguf/quoted.h"

namespace weld::cli {
namespace {

constexpr const char* key = "tokenizer.chat_template";

std::optional<int> number(std::string_view digits) {
  int value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (stop != end || error != std::errc() || value < 1) return std::nullopt;
  return value;
}

/// Noon of a day; nothing if there is no such day.
std::optional<std::tm> read_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = number(text.substr(0, 4)), month = number(text.substr(5, 2)),
             day = number(text.substr(8, 2));
  if (!year || !month || !day) return std::nullopt;
  std::tm time{};
  time.tm_year = *year - 1900;
  time.tm_mon = *month - 1;
  time.tm_mday = *day;
  time.tm_hour = 12;
  time.tm_isdst = -1;
  // mktime() makes another day of one that is not in the calendar.
  if (mktime(&time) == -1 || time.tm_mday != *day || time.tm_mon != *month - 1) return std::nullopt;
  return time;
}

}  // namespace

jinja::Template load_template(const std::string& path, const gguf::File* model) {
  if (!path.empty()) return {path, read_input(path)};
  const auto source = model->find_string(key);
  if (!source) fail("{}: {}: is missing; --template FILE gives one", model->path(), key);
  return {fmt::format("{}: {}", model->path(), key), *source};
}

std::tm template_time() {
  if (const char* date = std::getenv("WELD_DATE")) {
    if (const auto time = read_date(date)) return *time;
    fail("WELD_DATE: must be a day, YYYY-MM-DD, is {}", gguf::quoted(date));
  }
  const std::time_t now = std::time(nullptr);
  std::tm time{};
  localtime_r(&now, &time);
  return time;
}

}  // namespace weld::cli
