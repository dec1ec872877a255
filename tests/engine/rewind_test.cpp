// Going back in a session: what is read then is read as if nothing had come in between.
#include <gtest/gtest.h>

#include "gguf/bytes.h"
#include "micro_model.h"
#include "sessions.h"

using namespace weld;
using namespace weld::test;
using engine::Session;

namespace {

engine::SessionOptions one_by_one(int context) {
  engine::SessionOptions options;
  options.context = context;
  options.batch = 1;  // bits depend on how tokens are batched
  options.threads = 1;
  return options;
}

/// Whether tokens read after going back to a position have the logits that they have in a session
/// that never went further.
void expect_forgotten(Session& session, const model::Model& model, std::span<const int32_t> tokens,
                      int position) {
  const std::vector<int32_t> other = {3, 1, 4, 1, 5};
  Session fresh(model, one_by_one(session.context()));
  fresh.prefill(tokens.first(static_cast<size_t>(position)));
  fresh.prefill(other);
  EXPECT_EQ(session.position(), position);
  session.prefill(other);
  EXPECT_TRUE(same_bits(session.logits(), fresh.logits())) << "from " << position;
}

TEST(Rewind, ForgetsWhatCameAfter) {
  const model::Model model = make({}).open();
  const std::vector<int32_t> tokens = some_tokens(60, model.vocabulary());
  for (const int position : {59, 48, 33, 1, 0}) {
    Session session(model, one_by_one(100));
    session.prefill(tokens);
    ASSERT_TRUE(session.rewind(position));
    expect_forgotten(session, model, tokens, position);
  }
}

TEST(Rewind, IsRefusedWhereAWindowIsGone) {
  Micro micro;
  micro.architecture = "gpt-oss";
  micro.experts = 2;
  micro.window = 16;
  const model::Model model = make(micro).open();
  const std::vector<int32_t> tokens = some_tokens(150, model.vocabulary());
  int refused = 0, done = 0;
  for (int position = 149; position > 0; position -= 7) {
    Session session(model, one_by_one(200));
    session.prefill(tokens);
    if (!session.rewind(position)) {
      EXPECT_EQ(session.position(), 150);
      ++refused;
      continue;
    }
    EXPECT_EQ(refused, 0) << "what is nearer is held longer";
    ++done;
    expect_forgotten(session, model, tokens, position);
    // What the first reading overwrote stays gone.
    EXPECT_FALSE(session.rewind(10));
  }
  EXPECT_GT(done, 1);
  EXPECT_GT(refused, 10);
  Session session(model, one_by_one(200));
  session.prefill(tokens);
  ASSERT_TRUE(session.rewind(0));
  expect_forgotten(session, model, tokens, 0);
  EXPECT_TRUE(session.rewind(2)) << "after 0 everything is new";
}

TEST(Rewind, WantsAPositionThatWasRead) {
  const model::Model model = make({}).open();
  Session session(model, one_by_one(10));
  const std::vector<int32_t> tokens = {1, 2, 3};
  session.prefill(tokens);
  EXPECT_EQ(error_of([&] { session.rewind(4); }), "cannot go back to token 4: 3 are read");
  EXPECT_EQ(error_of([&] { session.rewind(-1); }), "cannot go back to token -1: 3 are read");
  EXPECT_TRUE(session.rewind(3));
}

}  // namespace
