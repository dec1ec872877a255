// Measuring prefill and generation, and what the machine reaches at best in the same minutes.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include "model/cost.h"
#include "model/model.h"
#include "weld/weld.h"

namespace weld::cli {

/// A model to measure.
struct Subject {
  /// Opens a model; `label` is its name in results. Throws Error.
  Subject(std::string label, const std::string& path);

  std::string label;
  std::string path;
  Model model;
  model::Model layers;  ///< the same file, for what it costs at least
  std::string name;     ///< of the metadata, or empty
  uint64_t parameters = 0;
  std::string main_type;  ///< the type with the most bytes
};

enum class Phase { Prefill, Generation };

struct Test {
  Phase phase;
  int tokens;

  /// "pp512", "tg64", as in other benchmarks.
  std::string name() const;
};

struct BenchmarkOptions {
  std::vector<Test> tests;
  std::vector<int> threads;
  std::vector<std::string> fuses;  ///< "all", "none", "qkv", "gate-up"
  int rounds = 5;                  ///< after one that does not count
  SessionOptions session;          ///< context, batch and cache
};

/// What one configuration reached, a number a round in each vector.
struct Measurement {
  const Subject* subject = nullptr;
  Test test{};
  int threads = 0;
  std::string fuse;
  double work_per_token = 0;  ///< multiply-adds in prefill, bytes in generation
  std::vector<double> tokens_per_second;
  /// Work a second at best: multiply-adds with operands in registers, or bytes of the same file
  /// with nothing done to them.
  std::vector<double> best_work;

  double speed() const;      ///< median tokens a second
  double deviation() const;  ///< standard deviation of tokens a second
  double work() const { return speed() * work_per_token; }
  double best() const;   ///< median of best_work
  double share() const;  ///< median over rounds of what was reached of the best of its round
};

/// Measures every test with every configuration, round by round, so that all of them see the same
/// ups and downs of the machine. Shows progress. Throws Error, also where a signal asks to end.
std::vector<Measurement> measure(const std::list<Subject>& subjects,
                                 const BenchmarkOptions& options);

double median(std::vector<double> values);

}  // namespace weld::cli
