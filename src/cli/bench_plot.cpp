// Horizontal bars: a section a phase, a group a test, a bar a configuration.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "cli/bench_report.h"
#include "kernels/cpu/kernels.h"

namespace weld::cli {
namespace {

constexpr int width = 800, margin = 20, line = 22, bar_height = 14;
/// A character of the 12-pixel font at most; labels are cut so that they end before the bars.
constexpr double character = 7.4;
constexpr int most_label_characters = 36;
/// Room right of the longest bar for "1234.56 ± 12.34 t/s, 100% of the limit".
constexpr int value_width = 230;

constexpr const char* style = R"(<style>
  .page { fill: #ffffff } .text { fill: #1f2328 } .quiet { fill: #59636e }
  .fuse-all { fill: #0969da } .fuse-part { fill: #6e5bc4 } .fuse-none { fill: #9a6700 }
  .limit { fill: none; stroke: #818b98; stroke-dasharray: 3 2 }
  text { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace }
  .title { font-weight: bold }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .text { fill: #f0f6fc } .quiet { fill: #9198a1 }
    .fuse-all { fill: #4493f8 } .fuse-part { fill: #ab7df8 } .fuse-none { fill: #d29922 }
    .limit { stroke: #656c76 }
  }
</style>
)";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  return out;
}

/// The text, or its beginning and its end. Labels are of ASCII nearly always; others may be cut
/// shorter.
std::string shortened(const std::string& text, size_t most) {
  if (text.size() <= most) return text;
  const auto continues = [&](size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
  };
  size_t head = (most - 1) / 2, tail = text.size() - (most - 1 - head);
  while (head > 0 && continues(head)) --head;
  while (tail < text.size() && continues(tail)) ++tail;
  return text.substr(0, head) + "…" + text.substr(tail);
}

class Plot {
 public:
  explicit Plot(std::span<const Measurement> measurements) : measurements_(measurements) {
    const auto differs = [&](const auto& get) {
      return std::any_of(measurements.begin(), measurements.end(),
                         [&](const Measurement& m) { return get(m) != get(measurements.front()); });
    };
    show_model_ = differs([](const Measurement& m) { return m.subject; });
    show_threads_ = differs([](const Measurement& m) { return m.threads; });
    show_fuse_ = differs([](const Measurement& m) { return m.fuse; });
    size_t longest = 0;
    for (const Measurement& m : measurements) longest = std::max(longest, label(m).size());
    bars_begin_ = margin + 60 + static_cast<int>(static_cast<double>(longest) * character);
  }

  std::string draw() {
    title();
    section(Phase::Prefill, "Prefill, tokens a second", "peak");
    section(Phase::Generation, "Generation, tokens a second", "bandwidth");
    return fmt::format(
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
               "viewBox=\"0 0 {0} {1}\" role=\"img\" aria-label=\"weld bench\">\n",
               width, y_ + margin) +
           style + fmt::format("<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n") + body_ +
           "</svg>\n";
  }

 private:
  /// What tells a bar from the others of its test.
  std::string label(const Measurement& m) const {
    std::string text;
    const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
    if (show_model_) add(shortened(m.subject->label, most_label_characters));
    if (show_fuse_) add("fuse " + m.fuse);
    if (show_threads_) add(fmt::format("{} thread{}", m.threads, m.threads == 1 ? "" : "s"));
    return text;
  }

  void text(int x, const char* classes, std::string_view words) {
    body_ += fmt::format("<text class=\"{}\" x=\"{}\" y=\"{}\">{}</text>\n", classes, x,
                         y_ + bar_height - 3, escaped(words));
  }

  void title() {
    const Measurement& first = measurements_.front();
    std::string words = fmt::format("weld bench, CPU {}", kernels::kernels().name);
    if (!show_model_) words += ", " + first.subject->label;
    if (!show_threads_)
      words += fmt::format(", {} thread{}", first.threads, first.threads == 1 ? "" : "s");
    if (!show_fuse_) words += ", fuse " + first.fuse;
    constexpr auto room = static_cast<size_t>((width - 2 * margin) / (character + 0.6));
    text(margin, "text title", shortened(words, room));
    y_ += line;
  }

  void section(Phase phase, const char* heading, const char* limit_name) {
    double longest = 0;
    for (const Measurement& m : measurements_)
      if (m.test.phase == phase) longest = std::max(longest, reach(m));
    if (longest == 0) return;
    y_ += line / 2;
    text(margin, "text", heading);
    if (phase == Phase::Generation) {
      const int x = width - margin - value_width;
      body_ +=
          fmt::format("<rect class=\"limit\" x=\"{}.5\" y=\"{}.5\" width=\"20\" height=\"{}\"/>\n",
                      x, y_, bar_height - 1);
      text(x + 28, "quiet", "what reading alone allows");
    }
    y_ += line;
    std::string test;
    for (const Measurement& m : sorted(phase)) {
      if (m.test.name() != test && !test.empty()) y_ += line / 3;
      if (m.test.name() != test) text(margin, "text", m.test.name());
      test = m.test.name();
      bar(m, (width - margin - value_width - bars_begin_) / longest, limit_name);
      y_ += line;
    }
  }

  /// Bars of one test together.
  std::vector<Measurement> sorted(Phase phase) const {
    std::vector<Measurement> chosen;
    std::copy_if(measurements_.begin(), measurements_.end(), std::back_inserter(chosen),
                 [&](const Measurement& m) { return m.test.phase == phase; });
    std::stable_sort(chosen.begin(), chosen.end(), [](const Measurement& a, const Measurement& b) {
      return a.test.tokens < b.test.tokens;
    });
    return chosen;
  }

  /// The end of a bar's drawing, in tokens a second: in generation the limit is drawn too.
  static double reach(const Measurement& m) {
    return m.test.phase == Phase::Generation ? std::max(m.speed(), m.best() / m.work_per_token)
                                             : m.speed();
  }

  void bar(const Measurement& m, double scale, const char* limit_name) {
    const char* kind = m.fuse == "all" ? "fuse-all" : m.fuse == "none" ? "fuse-none" : "fuse-part";
    text(margin + 60, "text", label(m));
    if (m.test.phase == Phase::Generation)
      body_ += fmt::format(
          "<rect class=\"limit\" x=\"{}.5\" y=\"{}.5\" width=\"{:.1f}\" height=\"{}\"/>\n",
          bars_begin_, y_, m.best() / m.work_per_token * scale, bar_height - 1);
    body_ += fmt::format(
        "<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\" rx=\"2\"/>\n", kind,
        bars_begin_, y_, m.speed() * scale, bar_height);
    text(bars_begin_ + static_cast<int>(reach(m) * scale) + 8, "quiet",
         fmt::format("{:.{}f} ± {:.{}f}, {:.0f}% of {}", m.speed(), digits(m), m.deviation(),
                     digits(m), 100 * m.share(), limit_name));
  }

  static int digits(const Measurement& m) { return m.speed() < 100 ? 1 : 0; }

  std::span<const Measurement> measurements_;
  bool show_model_ = false, show_threads_ = false, show_fuse_ = false;
  int bars_begin_ = 0;
  int y_ = margin;
  std::string body_;
};

}  // namespace

std::string to_svg(std::span<const Measurement> measurements) { return Plot(measurements).draw(); }

}  // namespace weld::cli
