// Sessions: the context's last token, refusals that change nothing, progress, empty texts.
#include "engine/session.h"

#include <gmock/gmock.h>

#include "gguf/bytes.h"
#include "micro_model.h"
#include "sessions.h"

using namespace weld;
using namespace weld::test;
using engine::Session;
using engine::SessionOptions;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

namespace {

std::vector<float> copy(std::span<const float> logits) { return {logits.begin(), logits.end()}; }

class SessionTest : public ::testing::Test {
 protected:
  static SessionOptions options(int context, int batch = 512) {
    SessionOptions options;
    options.context = context;
    options.batch = batch;
    options.threads = 2;
    return options;
  }

  const model::Model model_ = make({}).open();
  const std::vector<int32_t> tokens_ = some_tokens(40, model_.vocabulary());
  std::span<const int32_t> first(size_t n) const { return std::span(tokens_).first(n); }
};

TEST_F(SessionTest, FillsItsContextToTheLastToken) {
  Session session(model_, options(37, 8));
  EXPECT_EQ(session.prefill(first(36)), 36);
  EXPECT_EQ(session.prefill(std::span(tokens_).subspan(36, 1)), 1);
  EXPECT_EQ(session.position(), 37);
  const std::vector<float> logits = copy(session.logits());

  EXPECT_EQ(error_of([&] { session.prefill(first(1)); }),
            "the context of 37 tokens is full: 37 are read and 1 more do not fit; try a larger -c");
  EXPECT_EQ(error_of([&] { session.evaluate(first(3), [](const float*, int) { FAIL(); }); }),
            "the context of 37 tokens is full: 37 are read and 3 more do not fit; try a larger -c");
  EXPECT_EQ(session.position(), 37);
  EXPECT_TRUE(same_bits(session.logits(), logits));
}

TEST_F(SessionTest, GoesOnAfterARefusal) {
  Session spared(model_, options(30)), refused(model_, options(30));
  spared.prefill(first(20));
  refused.prefill(first(20));
  const std::vector<float> logits = copy(refused.logits());

  EXPECT_THAT(error_of([&] { refused.prefill(first(11)); }), HasSubstr("20 are read and 11 more"));
  const std::vector<int32_t> unknown = {1, 2, 80};
  EXPECT_THAT(error_of([&] { refused.prefill(unknown); }),
              EndsWith("model.gguf: token 80: is not in the vocabulary of 80"));
  EXPECT_EQ(refused.position(), 20);
  EXPECT_TRUE(same_bits(refused.logits(), logits));

  spared.prefill(first(10));
  EXPECT_EQ(refused.prefill(first(10)), 10);
  EXPECT_TRUE(same_bits(refused.logits(), spared.logits()));
}

TEST_F(SessionTest, RefusesTokensOutsideTheVocabulary) {
  Session session(model_, options(30));
  for (const int32_t token : {-1, 80, INT32_MAX, INT32_MIN})
    EXPECT_THAT(error_of([&] {
                  session.prefill({&token, 1});
                }),
                EndsWith("token " + std::to_string(token) + ": is not in the vocabulary of 80"));
  for (const int32_t token : {0, 79}) EXPECT_EQ(session.prefill({&token, 1}), 1);
}

TEST_F(SessionTest, ReadsNothingFromNothing) {
  Session session(model_, options(30));
  EXPECT_EQ(session.prefill({}), 0);
  EXPECT_EQ(session.position(), 0);
  EXPECT_EQ(session.logits().size(), 80U);
  session.prefill(first(5));
  const std::vector<float> logits = copy(session.logits());
  EXPECT_EQ(session.prefill({}, [](int) -> bool { throw std::logic_error("nothing was read"); }),
            0);
  session.evaluate({}, [](const float*, int) { FAIL() << "there are no rows"; });
  EXPECT_EQ(session.position(), 5);
  EXPECT_TRUE(same_bits(session.logits(), logits));
}

TEST_F(SessionTest, ReportsEachBatch) {
  Session session(model_, options(64, 16));
  std::vector<int> reports;
  session.prefill(tokens_, [&](int done) {
    reports.push_back(done);
    return true;
  });
  EXPECT_THAT(reports, ElementsAre(16, 32, 40));
}

TEST_F(SessionTest, StopsWhereItIsAskedToAndGoesOnFromThere) {
  Session straight(model_, options(64, 16)), stopped(model_, options(64, 16));
  straight.prefill(tokens_);
  stopped.prefill(first(0));
  const std::vector<float> before = copy(stopped.logits());
  EXPECT_EQ(stopped.prefill(tokens_, [](int done) { return done < 32; }), 32);
  EXPECT_EQ(stopped.position(), 32);
  EXPECT_TRUE(same_bits(stopped.logits(), before)) << "logits() is what it was";
  EXPECT_EQ(stopped.prefill(std::span(tokens_).subspan(32)), 8);
  EXPECT_TRUE(same_bits(stopped.logits(), straight.logits()));
}

TEST_F(SessionTest, IsDoneWhenItIsStoppedAfterTheLastBatch) {
  Session straight(model_, options(64)), stopped(model_, options(64));
  straight.prefill(tokens_);
  EXPECT_EQ(stopped.prefill(tokens_, [](int) { return false; }), 40);
  EXPECT_TRUE(same_bits(stopped.logits(), straight.logits()));
}

TEST_F(SessionTest, EvaluatesEveryTokenInOrder) {
  Session one_by_one(model_, options(64, 1)), together(model_, options(64, 16));
  std::vector<float> single, batched;
  evaluate(one_by_one, tokens_, single);
  evaluate(together, tokens_, batched);
  ASSERT_EQ(batched.size(), size_t{40} * 80);
  for (const double error : row_errors(batched, single, 80)) EXPECT_LT(error, 1e-6);
  EXPECT_TRUE(same_bits(together.logits(), std::span(batched).last(80)));

  Session prefilled(model_, options(64, 1));
  for (size_t i = 0; i < tokens_.size(); ++i) {
    prefilled.prefill(std::span(tokens_).subspan(i, 1));
    ASSERT_TRUE(same_bits(prefilled.logits(), std::span(single).subspan(i * 80, 80))) << i;
  }
}

TEST_F(SessionTest, TakesTheModelsContextAndTheMachinesThreadsByDefault) {
  const Session session(model_, {});
  EXPECT_EQ(session.context(), 256);
  EXPECT_EQ(session.threads(), engine::default_threads());
}

TEST_F(SessionTest, RefusesOptionsOutOfRange) {
  const auto refusal = [&](auto set) {
    SessionOptions options;
    set(options);
    return error_of([&] { const Session session(model_, options); });
  };
  EXPECT_EQ(refusal([](SessionOptions& o) { o.context = -1; }),
            "context: must be from 1 to 1073741824, is -1");
  EXPECT_EQ(refusal([](SessionOptions& o) { o.context = (1 << 30) + 1; }),
            "context: must be from 1 to 1073741824, is 1073741825");
  EXPECT_EQ(refusal([](SessionOptions& o) { o.batch = 0; }),
            "batch: must be from 1 to 65536, is 0");
  EXPECT_EQ(refusal([](SessionOptions& o) { o.batch = 65537; }),
            "batch: must be from 1 to 65536, is 65537");
  EXPECT_EQ(refusal([](SessionOptions& o) { o.threads = -2; }),
            "threads: must be from 1 to 1024, is -2");
  EXPECT_EQ(refusal([](SessionOptions& o) { o.threads = 1025; }),
            "threads: must be from 1 to 1024, is 1025");
}

TEST_F(SessionTest, RefusesKernelsThatThereAreNot) {
  const UseKernels kernels("mmx");
  EXPECT_EQ(error_of([&] { const Session session(model_, {}); }),
            "WELD_ISA: must be portable, avx2, avxvnni, avx512, avx512vbmi, avx512zen or avx512amx "
            "and run on this processor, is \"mmx\"");
}

TEST_F(SessionTest, CountsTheBytesOfItsCache) {
  Session session(model_, options(64));
  EXPECT_EQ(session.cache_bytes(), 0U);
  // 2 layers of 2 heads with 32 + 32 half-precision numbers a position, 16 positions to a block.
  constexpr size_t block = size_t{2} * 2 * 64 * 2 * 16;
  session.prefill(first(1));
  EXPECT_EQ(session.cache_bytes(), block);
  session.prefill(first(16));
  EXPECT_EQ(session.cache_bytes(), 2 * block);
}

/// 3 layers times 16 heads times 2 times 512 floats, for 2^30 positions: more than any processor
/// can address.
TEST(Cache, RefusesAContextThatNoMemoryHolds) {
  Micro micro;
  micro.layers = 3;
  micro.embedding = 8;
  micro.heads = micro.key_value_heads = 16;
  micro.key_size = micro.value_size = 512;
  micro.feed_forward = 8;
  const model::Model model = make(micro).open();
  SessionOptions options;
  options.cache = kernels::CacheType::F32;
  options.context = 1 << 30;
  EXPECT_THAT(error_of([&] { const Session session(model, options); }),
              EndsWith("model.gguf: a context of 1073741824 tokens needs 201326595 MiB of address "
                       "space, which cannot be had; try a smaller -c"));
  options.context = 64;
  Session session(model, options);
  const int32_t token = 1;
  EXPECT_EQ(session.prefill({&token, 1}), 1);
}

}  // namespace
