// Running models in tests, and comparing what comes out.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/session.h"
#include "kernels/cpu/kernels.h"
#include "model/model.h"

namespace weld::test {

/// Names of the kernels that this processor runs.
inline std::vector<std::string> isas() {
  std::vector<std::string> names;
  const kernels::KernelList available = kernels::available_kernels();
  for (int i = 0; i < available.count; ++i) names.emplace_back(available.list[i]->name);
  return names;
}

/// While it lives, new sessions use these kernels.
class UseKernels {
 public:
  explicit UseKernels(const std::string& isa) {
    if (const char* value = std::getenv("WELD_ISA")) before_ = value;
    setenv("WELD_ISA", isa.c_str(), 1);
  }
  UseKernels(const UseKernels&) = delete;
  UseKernels& operator=(const UseKernels&) = delete;
  ~UseKernels() {
    if (before_)
      setenv("WELD_ISA", before_->c_str(), 1);
    else
      unsetenv("WELD_ISA");
  }

 private:
  std::optional<std::string> before_;
};

/// `count` tokens of a vocabulary, in no order.
inline std::vector<int32_t> some_tokens(int count, int vocabulary) {
  std::vector<int32_t> tokens;
  for (int i = 0; i < count; ++i) tokens.push_back((i * i * 7 + i * 31 + 5) % vocabulary);
  return tokens;
}

/// The logits after each token, [tokens][vocabulary], appended to `logits`.
inline void evaluate(engine::Session& session, std::span<const int32_t> tokens,
                     std::vector<float>& logits) {
  session.evaluate(tokens, [&](const float* rows, int count) {
    const auto n = static_cast<ptrdiff_t>(count) * static_cast<ptrdiff_t>(session.logits().size());
    logits.insert(logits.end(), rows, rows + n);
  });
}

inline std::vector<float> evaluate(const model::Model& model, std::span<const int32_t> tokens,
                                   const engine::SessionOptions& options) {
  engine::Session session(model, options);
  std::vector<float> logits;
  evaluate(session, tokens, logits);
  return logits;
}

/// Whether the floats are the same bit for bit.
inline ::testing::AssertionResult same_bits(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size())
    return ::testing::AssertionFailure() << a.size() << " numbers against " << b.size();
  for (size_t i = 0; i < a.size(); ++i)
    if (std::memcmp(&a[i], &b[i], sizeof(float)) != 0)
      return ::testing::AssertionFailure()
             << "number " << i << " of " << a.size() << ": " << a[i] << " against " << b[i];
  return ::testing::AssertionSuccess();
}

/// The squared error of a row of logits over its squared norm; NaN where there are NaNs.
inline double relative_error(std::span<const float> got, std::span<const float> want) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    const double difference = static_cast<double>(got[i]) - want[i];
    error += difference * difference;
    norm += static_cast<double>(want[i]) * want[i];
  }
  return error / norm;
}

/// relative_error() of each row of `width` numbers.
inline std::vector<double> row_errors(std::span<const float> got, std::span<const float> want,
                                      size_t width) {
  std::vector<double> errors;
  for (size_t row = 0; row + width <= want.size(); row += width)
    errors.push_back(relative_error(got.subspan(row, width), want.subspan(row, width)));
  return errors;
}

}  // namespace weld::test
