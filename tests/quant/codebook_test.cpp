// The codebooks: the format's own codewords, each once; the signs: an even number of minuses.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "quant/iq1_codebook.h"
#include "quant/iq2_codebooks.h"
#include "quant/iq3_codebooks.h"
#include "refs.h"

namespace weld::quant {
namespace {

template <typename Word, int n>
std::vector<std::vector<int>> codewords(const Codebook<Word, n>& book) {
  std::vector<std::vector<int>> words(n);
  for (int c = 0; c < n; ++c)
    for (size_t w = 0; w < sizeof(Word); ++w)
      words[c].push_back(static_cast<uint8_t>(book.words[c] >> 8 * w));
  return words;
}

struct Book {
  const char* name;
  std::vector<std::vector<int>> codewords;
};

std::vector<Book> books() {
  std::vector<Book> all = {{"IQ1_S", codewords(iq1)},       {"IQ2_XXS", codewords(iq2_xxs)},
                           {"IQ2_XS", codewords(iq2_xs)},   {"IQ2_S", codewords(iq2_s)},
                           {"IQ3_XXS", codewords(iq3_xxs)}, {"IQ3_S", codewords(iq3_s)}};
  // The first holds 8 times the weight plus 9.
  for (std::vector<int>& word : all[0].codewords)
    for (int& weight : word) weight = (weight - 9) / 8;
  return all;
}

TEST(Codebooks, AreTheFormats) {
  WELD_NEEDS_REFS();
  for (const Book& book : books()) {
    std::ifstream file(weld::test::refs() / "codebooks" / (std::string(book.name) + ".txt"));
    ASSERT_TRUE(file) << book.name;
    std::vector<std::vector<int>> expected;
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with('#')) continue;
      std::istringstream numbers(line);
      std::vector<int> word;
      for (int number; numbers >> number;) word.push_back(number);
      expected.push_back(word);
    }
    EXPECT_EQ(book.codewords, expected) << book.name;
  }
}

TEST(Codebooks, HaveNoCodewordTwice) {
  for (const Book& book : books()) {
    const std::set<std::vector<int>> distinct(book.codewords.begin(), book.codewords.end());
    EXPECT_EQ(distinct.size(), book.codewords.size()) << book.name;
  }
}

TEST(Signs, AreThePatternAndThenEven) {
  for (unsigned pattern = 0; pattern < 128; ++pattern) {
    unsigned minuses = 0;
    for (int w = 0; w < 8; ++w) minuses |= (is_minus(pattern, w) ? 1U : 0U) << w;
    EXPECT_EQ(minuses & 127, pattern);
    EXPECT_EQ(std::popcount(minuses) % 2, 0) << pattern;
  }
}

}  // namespace
}  // namespace weld::quant
