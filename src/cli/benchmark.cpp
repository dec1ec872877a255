// Rounds of all configurations; in each round the machine's own speed is measured beside them.
#include "cli/benchmark.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <tuple>

#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/session_flags.h"
#include "fail.h"
#include "kernels/cpu/limits.h"
#include "stopwatch.h"

namespace weld::cli {
namespace {

/// Tokens whose bytes are read to see how fast they can be read: several choices of experts.
constexpr uint64_t tokens_to_read = 8;

void check_interrupt() {
  if (interrupted()) fail("stopped before anything was measured to the end");
}

/// Multiply-adds of a prompt of `tokens` tokens, of which the last one's logits are computed.
model::MultiplyAdds prompt_cost(const model::Model& model, int tokens) {
  return model::layer_multiply_adds(model) * tokens + model::output_multiply_adds(model);
}

double work_per_token(const Subject& subject, Test test) {
  if (test.phase == Phase::Generation)
    return static_cast<double>(model::token_bytes(subject.layers));
  const model::MultiplyAdds cost = prompt_cost(subject.layers, test.tokens);
  return (cost.codes + cost.floats) / test.tokens;
}

/// Work a second that `pool`'s threads reach at best in a test of a model, now.
double measure_best(kernels::Pool& pool, const Subject& subject, Test test) {
  const kernels::Kernels& kernels = kernels::kernels();
  if (test.phase == Phase::Generation) {
    // One token after the other: the threads would else read the same bytes of two tokens at the
    // same time, one of them from a cache.
    double per_byte = 0;
    for (uint64_t token = 0; token < tokens_to_read; ++token)
      per_byte +=
          1 / kernels::measure_reading(pool, kernels, model::token_reads(subject.layers, token));
    return static_cast<double>(tokens_to_read) / per_byte;
  }
  const model::MultiplyAdds cost = prompt_cost(subject.layers, test.tokens);
  double seconds = 0;
  for (const auto& [count, arithmetic] : {std::pair{cost.codes, kernels::Arithmetic::Codes},
                                          std::pair{cost.floats, kernels::Arithmetic::Floats}})
    if (count > 0) seconds += count / kernels::measure_multiply_adds(pool, kernels, arithmetic);
  return (cost.codes + cost.floats) / seconds;
}

/// Seconds that a session takes for a test, from an empty context.
double run_test(Session& session, Test test, std::span<const Token> tokens) {
  session.rewind(0);
  const Stopwatch watch;
  if (test.phase == Phase::Prefill) {
    session.prefill(tokens, [](int) { return !interrupted(); });
  } else {
    for (const Token& token : tokens) {
      session.prefill({&token, 1});
      if (interrupted()) break;
    }
  }
  const double seconds = watch.seconds();
  check_interrupt();
  return seconds;
}

/// Shows how far the rounds are: a bar on a terminal, else a line a round.
class RoundProgress {
 public:
  RoundProgress(int rounds, int tokens_a_round)
      : rounds_(rounds), bar_("measuring", rounds * tokens_a_round) {}

  void begin_round(int round) const {
    if (isatty(STDERR_FILENO) != 0) return;
    print_line(round == 0 ? "warming up" : fmt::format("round {} of {}", round, rounds_ - 1));
  }
  void add(int tokens) { bar_.show(done_ += tokens); }

 private:
  int rounds_;
  int done_ = 0;
  ProgressBar bar_;
};

class Bench {
 public:
  Bench(const std::list<Subject>& subjects, const BenchmarkOptions& options) : options_(options) {
    for (const int threads : options.threads) pools_.try_emplace(threads, threads);
    for (const Subject& subject : subjects)
      for (const Test test : options.tests)
        for (const int threads : options.threads)
          groups_.push_back(make_group(subject, test, threads));
  }

  std::vector<Measurement> run() {
    int tokens = 0;
    for (const Group& group : groups_)
      tokens += group.measurements.front().test.tokens * static_cast<int>(options_.fuses.size());
    RoundProgress progress(options_.rounds + 1, tokens);
    for (int round = 0; round <= options_.rounds; ++round) {
      progress.begin_round(round);
      for (Group& group : groups_) run_group(group, round, progress);
    }
    std::vector<Measurement> all;
    for (Group& group : groups_)
      all.insert(all.end(), group.measurements.begin(), group.measurements.end());
    return all;
  }

 private:
  /// What is measured against the same best: a test of a model with a number of threads, a
  /// measurement for each way of fusing.
  struct Group {
    std::vector<Measurement> measurements;
    std::vector<Session*> sessions;
    std::vector<Token> tokens;
  };

  Group make_group(const Subject& subject, Test test, int threads) {
    Group group;
    for (const std::string& fuse : options_.fuses) {
      group.measurements.push_back(
          {&subject, test, threads, fuse, work_per_token(subject, test), {}, {}});
      group.sessions.push_back(&session(subject, threads, fuse));
    }
    std::mt19937 random;
    for (int i = 0; i < test.tokens; ++i)
      group.tokens.push_back(static_cast<Token>(random() % subject.model.vocabulary()));
    return group;
  }

  /// The tests of a model share a session for each configuration.
  Session& session(const Subject& subject, int threads, const std::string& fuse) {
    const auto key = std::tuple(&subject, threads, fuse);
    if (const auto found = sessions_.find(key); found != sessions_.end()) return found->second;
    SessionOptions options = options_.session;
    options.threads = threads;
    options.fuse = fuse_of(fuse);
    return sessions_.try_emplace(key, subject.model, options).first->second;
  }

  void run_group(Group& group, int round, RoundProgress& progress) {
    check_interrupt();
    const Measurement& first = group.measurements.front();
    const Test test = first.test;
    const double best = measure_best(pools_.at(first.threads), *first.subject, test);
    const size_t count = group.measurements.size();
    for (size_t i = 0; i < count; ++i) {
      // Every other round in reverse, so that nobody always comes first.
      const size_t at = round % 2 == 0 ? i : count - 1 - i;
      const double seconds = run_test(*group.sessions[at], test, group.tokens);
      progress.add(test.tokens);
      if (round == 0) continue;
      group.measurements[at].tokens_per_second.push_back(test.tokens / seconds);
      group.measurements[at].best_work.push_back(best);
    }
  }

  const BenchmarkOptions& options_;
  std::map<int, kernels::Pool> pools_;
  std::map<std::tuple<const Subject*, int, std::string>, Session> sessions_;
  std::vector<Group> groups_;
};

}  // namespace

Subject::Subject(std::string subject_label, const std::string& subject_path)
    : label(std::move(subject_label)),
      path(subject_path),
      model(Model::load(path)),
      layers(gguf::File::open(path)),
      name(layers.file().find_string("general.name").value_or("")) {
  std::map<gguf::Type, uint64_t> bytes;
  for (const gguf::Tensor& tensor : layers.file().tensors()) {
    parameters += tensor.columns() * tensor.rows();
    bytes[tensor.type] += tensor.bytes;
  }
  const auto most = std::max_element(
      bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  main_type = gguf::info(most->first).name;
}

std::string Test::name() const {
  return fmt::format("{}{}", phase == Phase::Prefill ? "pp" : "tg", tokens);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double Measurement::speed() const { return median(tokens_per_second); }
double Measurement::best() const { return median(best_work); }

double Measurement::deviation() const {
  const auto& values = tokens_per_second;
  if (values.size() < 2) return 0;
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / (count - 1));
}

double Measurement::share() const {
  std::vector<double> shares;
  for (size_t i = 0; i < best_work.size(); ++i)
    shares.push_back(tokens_per_second[i] * work_per_token / best_work[i]);
  return median(shares);
}

std::vector<Measurement> measure(const std::list<Subject>& subjects,
                                 const BenchmarkOptions& options) {
  return Bench(subjects, options).run();
}

}  // namespace weld::cli
