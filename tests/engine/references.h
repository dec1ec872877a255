// The reference models: whole files with the logits of a float64 forward pass. A few are in
// tests/data/models; all of them beside the checkout.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gguf/bytes.h"
#include "refs.h"

namespace weld::test {

struct Reference {
  std::string name;
  std::filesystem::path folder;
  std::vector<int32_t> tokens;
  double bound;  ///< of the median error, for quantized weights

  std::string file() const { return (folder / (name + ".gguf")).string(); }
  bool all_f32() const { return name.ends_with("-f32"); }
  /// After each token, [tokens][vocabulary].
  std::vector<float> logits() const {
    const std::string bytes = read_all((folder / (name + ".logits.f32")).string());
    std::vector<float> logits(bytes.size() / sizeof(float));
    std::memcpy(logits.data(), bytes.data(), logits.size() * sizeof(float));
    return logits;
  }
};

inline std::vector<Reference> references_in(const std::filesystem::path& folder) {
  std::vector<Reference> references;
  std::ifstream index(folder / "index.json");
  if (!index) return references;
  const nlohmann::json entries = nlohmann::json::parse(index);
  for (const auto& [name, entry] : entries.items())
    references.push_back({name, folder, entry.at("tokens"), entry.at("bound")});
  return references;
}

/// All there are: of a file that is in both places, the one beside the checkout.
inline std::vector<Reference> references() {
  std::vector<Reference> all = references_in(refs() / "models");
  for (Reference& reference :
       references_in(std::filesystem::path(WELD_SOURCE_DIR) / "tests" / "data" / "models"))
    if (std::none_of(all.begin(), all.end(),
                     [&](const Reference& other) { return other.name == reference.name; }))
      all.push_back(std::move(reference));
  return all;
}

/// The name as a part of a test's name.
inline std::string test_name(std::string name) {
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

}  // namespace weld::test
