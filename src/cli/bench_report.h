// Measurements as a table, as JSON, as CSV and as a plot.
#pragma once

#include <span>
#include <string>

#include "cli/benchmark.h"

namespace weld::cli {

std::string to_markdown(std::span<const Measurement> measurements);
std::string to_json(std::span<const Measurement> measurements, const SessionOptions& options);
std::string to_csv(std::span<const Measurement> measurements);

/// Bars of prefill and of generation, a bar a measurement, as an SVG picture that is legible on
/// light and on dark pages.
std::string to_svg(std::span<const Measurement> measurements);

}  // namespace weld::cli
