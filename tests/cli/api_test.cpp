// The public interface, as a program would use it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "cli/process.h"
#include "weld/weld.h"

namespace weld::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string path = model("qwen3-salad");

std::vector<float> copy(std::span<const float> logits) { return {logits.begin(), logits.end()}; }

/// The same but for rounding, which is another for batches of another size.
void expect_near(std::span<const float> found, std::span<const float> wanted) {
  ASSERT_EQ(found.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 0.05) << i;
}

TEST(Api, TellsOfTheModel) {
  const Model model = Model::load(path);
  EXPECT_EQ(model.vocabulary(), 320);
  EXPECT_EQ(model.context(), 4096);
  EXPECT_TRUE(model.has_tokenizer());
  EXPECT_THAT(model.encode("abc"), ElementsAre(97, 98, 99));
  EXPECT_EQ(model.decode(model.encode("abc")), "abc");
  EXPECT_EQ(model.piece(97), "a");
  EXPECT_FALSE(model.adds_beginning());
  EXPECT_TRUE(model.ends_generation(319));
  EXPECT_FALSE(model.ends_generation(97));
  EXPECT_THAT(model.description(), HasSubstr("(qwen3, "));
  EXPECT_THROW(Model::load("no-such-file"), Error);
}

TEST(Api, ASessionKeepsItsModelOpen) {
  Session session = [] { return Session(Model::load(path)); }();
  const std::vector<Token> tokens{1, 2, 3};
  EXPECT_EQ(session.prefill(tokens), 3);
  EXPECT_EQ(session.position(), 3);
  EXPECT_EQ(session.logits().size(), 320U);
}

TEST(Api, LogitsAreThoseOfTheLastToken) {
  const Model model = Model::load(path);
  const std::vector<Token> tokens{1, 2, 3, 4};
  Session one(model), other(model);
  one.prefill(tokens);
  std::vector<float> last;
  int rows = 0;
  other.evaluate(tokens, [&](std::span<const float> logits, int count) {
    rows += count;
    last = copy(logits.last(320));
  });
  EXPECT_EQ(rows, 4);
  EXPECT_EQ(copy(other.logits()), last);
  expect_near(one.logits(), last);
}

TEST(Api, GenerationGoesOnWhereItStopped) {
  const Model model = Model::load(path);
  const std::vector<Token> prompt = model.encode("To be continued");
  const auto generate = [&](const std::vector<int>& counts) {
    Session session(model);
    session.prefill(prompt);
    Sampler sampler({.seed = 3});
    std::vector<Token> tokens;
    for (const int count : counts)
      EXPECT_EQ(session.generate(sampler, count,
                                 [&](Token token) {
                                   tokens.push_back(token);
                                   return true;
                                 }),
                Stop::Count);
    return tokens;
  };
  const std::vector<Token> at_once = generate({12});
  EXPECT_EQ(at_once.size(), 12U);
  EXPECT_EQ(generate({1, 0, 4, 7}), at_once);
}

TEST(Api, WhatWasGeneratedIsReadBeforeWhatFollows) {
  const Model model = Model::load(path);
  std::vector<Token> tokens = model.encode("Question");
  const std::vector<Token> more = model.encode("Answer");
  Session session(model);
  session.prefill(tokens);
  Sampler sampler({.temperature = 0});
  session.generate(sampler, 3, [&](Token token) {
    tokens.push_back(token);
    return true;
  });
  EXPECT_EQ(session.position() + 1, static_cast<int>(tokens.size()));
  EXPECT_EQ(session.prefill(more), static_cast<int>(more.size()));
  tokens.insert(tokens.end(), more.begin(), more.end());
  EXPECT_EQ(session.position(), static_cast<int>(tokens.size()));

  std::vector<float> first_row;
  int rows = 0;
  session.generate(sampler, 1, [&](Token token) {
    tokens.push_back(token);
    return false;
  });
  session.evaluate(more, [&](std::span<const float> logits, int count) {
    if (rows == 0) first_row = copy(logits.first(320));
    rows += count;
  });
  EXPECT_EQ(rows, static_cast<int>(more.size()));
  Session whole(model);
  tokens.push_back(more.front());
  for (const Token& token : tokens) whole.prefill({&token, 1});
  expect_near(whole.logits(), first_row);
}

TEST(Api, GenerationStopsForAReason) {
  const Model model = Model::load(path);
  const std::vector<Token> prompt{1, 2, 3};
  Sampler sampler;
  int count = 0;
  const auto on_token = [&](Token) { return ++count < 5; };
  Session session(model);
  EXPECT_THROW(session.generate(sampler, 1, on_token), Error);
  session.prefill(prompt);
  EXPECT_EQ(session.generate(sampler, 0, on_token), Stop::Count);
  EXPECT_EQ(session.generate(sampler, -1, on_token), Stop::Caller);
  EXPECT_EQ(count, 5);

  Session small(model, {.context = 5});
  small.prefill(prompt);
  count = -100;
  EXPECT_EQ(small.generate(sampler, -1, on_token), Stop::Context);
  EXPECT_EQ(small.position(), 5);
  EXPECT_EQ(count, -100 + 3) << "two that were read, and one that has no room";
}

TEST(Api, AnEndOfTextTokenIsNotHandedOver) {
  const Model model = Model::load(path);
  Session session(model);
  const std::vector<Token> prompt{1, 2, 3};
  session.prefill(prompt);
  // With everything as likely as everything else, an end comes sooner or later.
  Sampler sampler({.temperature = 1000, .top_k = 0, .top_p = 1, .min_p = 0});
  const Stop stop = session.generate(sampler, -1, [&](Token token) {
    EXPECT_FALSE(model.ends_generation(token));
    return true;
  });
  EXPECT_EQ(stop, Stop::EndOfText);
}

TEST(Api, PrefillCanBeStopped) {
  const Model model = Model::load(path);
  Session session(model, {.batch = 4});
  const std::vector<Token> tokens(12, 7);
  EXPECT_EQ(session.prefill(tokens, [](int done) { return done < 8; }), 8);
  EXPECT_EQ(session.position(), 8);
}

TEST(Api, BadRequestsChangeNothing) {
  const Model model = Model::load(path);
  Session session(model, {.context = 4});
  const std::vector<Token> outside{1, 320}, negative{-1}, too_many(5, 1);
  EXPECT_THROW(session.prefill(outside), Error);
  EXPECT_THROW(session.prefill(negative), Error);
  EXPECT_THROW(session.prefill(too_many), Error);
  EXPECT_EQ(session.position(), 0);
  EXPECT_THROW(Session(model, {.threads = -1}), Error);
  EXPECT_THROW(Session(model, {.batch = 0}), Error);
  EXPECT_THROW(Sampler({.top_p = 2}), Error);
}

TEST(Api, TheExampleSpeaks) {
  const Result result = Process(WELD_HELLO, {path, "Hello"}).wait();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_GT(result.out.size(), 1U);
  EXPECT_EQ(Process(WELD_HELLO, {"no-such-file", "Hello"}).wait().status, 1);
}

}  // namespace
}  // namespace weld::test
