// Thousands of tokens: sliding windows whose ring has gone round many times, and full attention.
#include <gtest/gtest.h>

#include <algorithm>

#include "micro_model.h"
#include "sessions.h"
#include "weld/error.h"

using namespace weld;
using namespace weld::test;
using engine::SessionOptions;

namespace {

/// gpt-oss in floats: layers 0 and 2 see a window, layer 1 sees all. Every expert is used, or a
/// router that decides by a hair would hide what is tested.
Micro windowed(int layers, int window, int context) {
  Micro micro;
  micro.architecture = "gpt-oss";
  micro.layers = layers;
  micro.window = window;
  micro.context = context;
  micro.embedding = 48;
  micro.key_size = micro.value_size = 16;
  micro.feed_forward = 40;
  micro.experts = micro.experts_used = 2;
  return micro;
}

SessionOptions in_batches(int batch) {
  SessionOptions options;
  options.batch = batch;
  options.threads = batch == 1 ? 1 : 2;
  options.cache = kernels::CacheType::F32;
  return options;
}

double worst_error(std::span<const float> got, std::span<const float> want, int vocabulary) {
  const std::vector<double> errors = row_errors(got, want, static_cast<size_t>(vocabulary));
  return *std::max_element(errors.begin(), errors.end());
}

/// What different orders of summation may make of the same sums.
constexpr double tolerance = 1e-9;

/// One batch of everything needs no ring at all: the standard for all others.
TEST(LongText, IsTheSameInAnyBatches) {
  const model::Model model = make(windowed(3, 16, 4096)).open();
  const std::vector<int32_t> tokens = some_tokens(4096, model.vocabulary());
  const std::vector<float> want = evaluate(model, tokens, in_batches(4096));
  for (const int batch : {512, 100, 7, 1})
    EXPECT_LT(worst_error(evaluate(model, tokens, in_batches(batch)), want, model.vocabulary()),
              tolerance)
        << "batches of " << batch;
}

/// One layer, so that nothing is handed on from beyond its window.
TEST(LongText, IsForgottenBeyondTheWindow) {
  const model::Model model = make(windowed(1, 16, 4096)).open();
  std::vector<int32_t> tokens = some_tokens(4096, model.vocabulary());
  const auto last = [&](std::span<const int32_t> text) {
    engine::Session session(model, in_batches(100));
    session.prefill(text);
    return std::vector<float>(session.logits().begin(), session.logits().end());
  };
  const std::vector<float> logits = last(tokens);
  // Positions are relative: what is seen looks the same at the beginning of a text.
  EXPECT_LT(relative_error(logits, last(std::span(tokens).last(16))), 1e-7);
  EXPECT_GT(relative_error(logits, last(std::span(tokens).last(15))), 1e-5);

  ++tokens[4096 - 17];
  EXPECT_TRUE(same_bits(last(tokens), logits)) << "the 17th token from the end is not seen";
  ++tokens[4096 - 16];
  EXPECT_FALSE(same_bits(last(tokens), logits)) << "the 16th is";
}

struct Ring {
  int window;
  int batch;
};

class WindowedCache : public ::testing::TestWithParam<std::tuple<std::string, Ring>> {};

/// Texts in chunks of every size up to the batch, so that the ring is entered at every offset.
TEST_P(WindowedCache, GoesRoundInAnySteps) {
  const auto& [isa, ring] = GetParam();
  const UseKernels kernels(isa);
  const model::Model model = make(windowed(2, ring.window, 400)).open();
  const std::vector<int32_t> tokens = some_tokens(397, model.vocabulary());
  const std::vector<float> want = evaluate(model, tokens, in_batches(400));

  engine::Session session(model, in_batches(ring.batch));
  std::vector<float> got;
  std::span<const int32_t> rest = tokens;
  for (size_t step = 0; !rest.empty(); ++step) {
    const size_t n = std::min(rest.size(), 1 + step * 5 % static_cast<size_t>(ring.batch + 3));
    evaluate(session, rest.first(n), got);
    rest = rest.subspan(n);
  }
  EXPECT_EQ(session.position(), 397);
  EXPECT_LT(worst_error(got, want, model.vocabulary()), tolerance);
}

constexpr Ring rings[] = {{1, 1},   {1, 40}, {5, 3},   {15, 1},   {16, 1},   {16, 7},  {16, 16},
                          {17, 33}, {31, 2}, {33, 31}, {100, 13}, {128, 47}, {399, 9}, {500, 11}};

INSTANTIATE_TEST_SUITE_P(Rings, WindowedCache,
                         ::testing::Combine(::testing::ValuesIn(isas()),
                                            ::testing::ValuesIn(rings)),
                         [](const auto& info) {
                           const Ring& ring = std::get<1>(info.param);
                           return std::get<0>(info.param) + "_window_" +
                                  std::to_string(ring.window) + "_batch_" +
                                  std::to_string(ring.batch);
                         });

TEST(LongText, FillsAContextOfAnOddSize) {
  const model::Model model = make(windowed(2, 16, 1021)).open();
  const std::vector<int32_t> tokens = some_tokens(1021, model.vocabulary());
  engine::Session session(model, in_batches(64));
  std::vector<float> logits;
  evaluate(session, std::span(tokens).first(1020), logits);
  evaluate(session, std::span(tokens).last(1), logits);
  EXPECT_THROW(session.prefill(std::span(tokens).last(1)), Error);
  EXPECT_LT(worst_error(logits, evaluate(model, tokens, in_batches(1021)), model.vocabulary()),
            tolerance);
}

/// Quantized weights and a half-precision cache: batches differ by roundings, but not by more.
TEST(LongText, OfQuantizedWeightsIsNearlyTheSameInAnyBatches) {
  Micro micro;
  micro.type = gguf::Type::Q8_0;
  micro.context = 700;
  const model::Model model = make(micro).open();
  const std::vector<int32_t> tokens = some_tokens(700, model.vocabulary());
  SessionOptions options = in_batches(512);
  options.cache = kernels::CacheType::F16;
  const std::vector<float> want = evaluate(model, tokens, options);
  for (const int batch : {7, 1}) {
    options.batch = batch;
    EXPECT_LT(worst_error(evaluate(model, tokens, options), want, model.vocabulary()), 1e-3)
        << "batches of " << batch;
  }
}

/// The kernels of each instruction set against plain loops.
TEST(LongText, IsTheSameByAnyKernels) {
  const model::Model model = make(windowed(3, 16, 600)).open();
  const std::vector<int32_t> tokens = some_tokens(600, model.vocabulary());
  std::vector<float> want;
  for (const std::string& isa : isas()) {
    const UseKernels kernels(isa);
    const std::vector<float> got = evaluate(model, tokens, in_batches(100));
    if (want.empty()) want = got;
    EXPECT_LT(worst_error(got, want, model.vocabulary()), tolerance) << isa;
  }
}

}  // namespace
