// Columns as llama-bench has them, and what was reached of what the machine can do.
#include "cli/bench_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "kernels/cpu/kernels.h"

namespace weld::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string backend() { return fmt::format("CPU {}", kernels::kernels().name); }

std::string size_text(uint64_t bytes) {
  return fmt::format("{:.2f} GiB", static_cast<double>(bytes) / (1U << 30U));
}

std::string parameters_text(uint64_t parameters) {
  return parameters >= 1'000'000'000
             ? fmt::format("{:.2f} B", static_cast<double>(parameters) / 1e9)
             : fmt::format("{:.2f} M", static_cast<double>(parameters) / 1e6);
}

bool generates(const Measurement& m) { return m.test.phase == Phase::Generation; }

/// A cell of a Markdown table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out;
}

/// A field of a CSV file, https://www.rfc-editor.org/rfc/rfc4180.
std::string quoted_field(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

}  // namespace

std::string to_markdown(std::span<const Measurement> measurements) {
  const std::string header[] = {"model", "size", "params", "backend",         "threads",
                                "fuse",  "test", "t/s",    "reached of limit"};
  constexpr size_t columns = std::size(header);
  constexpr size_t right_columns[] = {1, 2, 4, 7, 8};
  std::vector<std::vector<std::string>> rows{{std::begin(header), std::end(header)}};
  for (const Measurement& m : measurements)
    rows.push_back({cell(m.subject->label), size_text(m.subject->layers.file().bytes()),
                    parameters_text(m.subject->parameters), backend(), std::to_string(m.threads),
                    m.fuse, m.test.name(), fmt::format("{:.2f} ± {:.2f}", m.speed(), m.deviation()),
                    fmt::format("{:.1f} of {:.1f} G{}/s, {:.0f}%", m.work() / 1e9, m.best() / 1e9,
                                generates(m) ? "B" : "MA", 100 * m.share())});

  // Widths in characters: "±" is one of two bytes.
  const auto width_of = [](const std::string& text) {
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
  };
  std::vector<size_t> widths(columns);
  for (const auto& row : rows)
    for (size_t i = 0; i < columns; ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  const auto right = [&](size_t i) {
    return std::find(std::begin(right_columns), std::end(right_columns), i) !=
           std::end(right_columns);
  };
  std::string text;
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t i = 0; i < columns; ++i) {
      const std::string padding(widths[i] - width_of(rows[r][i]), ' ');
      text += "| " + (right(i) ? padding + rows[r][i] : rows[r][i] + padding) + ' ';
    }
    text += "|\n";
    if (r > 0) continue;
    for (size_t i = 0; i < columns; ++i)
      text += "| " + std::string(widths[i] - 1, '-') + (right(i) ? ":" : "-") + ' ';
    text += "|\n";
  }
  return text;
}

std::string to_json(std::span<const Measurement> measurements, const SessionOptions& options) {
  Json rows = Json::array();
  for (const Measurement& m : measurements) {
    const Subject& subject = *m.subject;
    Json row = {{"model", subject.label},
                {"name", subject.name},
                {"architecture", subject.layers.config().architecture->name},
                {"type", subject.main_type},
                {"size", subject.layers.file().bytes()},
                {"parameters", subject.parameters},
                {"backend", "CPU"},
                {"isa", kernels::kernels().name},
                {"threads", m.threads},
                {"fuse", m.fuse},
                {"ubatch", options.batch},
                {"cache", options.cache == CacheType::F16 ? "f16" : "f32"},
                {"test", m.test.name()},
                {"prompt", generates(m) ? 0 : m.test.tokens},
                {"generated", generates(m) ? m.test.tokens : 0},
                {"tokens_per_second", m.speed()},
                {"deviation", m.deviation()},
                {"samples", m.tokens_per_second}};
    row[generates(m) ? "bytes_per_token" : "multiply_adds_per_token"] = m.work_per_token;
    row[generates(m) ? "bytes_per_second" : "multiply_adds_per_second"] = m.work();
    row["limit_per_second"] = m.best();
    row["share_of_limit"] = m.share();
    row["limit_samples"] = m.best_work;
    rows.push_back(std::move(row));
  }
  return rows.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_csv(std::span<const Measurement> measurements) {
  std::string text =
      "model,size,parameters,isa,threads,fuse,test,tokens_per_second,deviation,work_per_second,"
      "limit_per_second,share_of_limit\n";
  for (const Measurement& m : measurements)
    text += fmt::format("{},{},{},{},{},{},{},{:.4f},{:.4f},{:.0f},{:.0f},{:.4f}\n",
                        quoted_field(m.subject->label), m.subject->layers.file().bytes(),
                        m.subject->parameters, kernels::kernels().name, m.threads, m.fuse,
                        m.test.name(), m.speed(), m.deviation(), m.work(), m.best(), m.share());
  return text;
}

}  // namespace weld::cli
