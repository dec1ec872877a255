// Normalization form C.
#include "text/nfc.h"

#include <gtest/gtest.h>

#include <string>

namespace weld::test {
namespace {

using text::may_need_nfc;
using text::nfc;

TEST(Nfc, Composes) {
  EXPECT_EQ(nfc("e\u0301"), "\u00E9");
  EXPECT_EQ(nfc("Vie\u0323\u0302t"), "Vi\u1EC7t");
  EXPECT_EQ(nfc("\u1112\u1161\u11AB"), "\uD55C");  // Hangul by computation
  EXPECT_EQ(nfc("\u30AB\u3099"), "\u30AC");
}

TEST(Nfc, SortsMarksByTheirClass) {
  EXPECT_EQ(nfc("a\u0301\u0323"), "\u1EA1\u0301");
  EXPECT_EQ(nfc("q\u0307\u0323"), "q\u0323\u0307");
  EXPECT_EQ(nfc("q\u0301\u0300"), "q\u0301\u0300");  // of one class: as they are
}

TEST(Nfc, LeavesWhatIsNormal) {
  EXPECT_EQ(nfc(""), "");
  EXPECT_EQ(nfc("plain \u00E9 \u6211 \U0001F999 \uFB01 \u00BD"),
            "plain \u00E9 \u6211 \U0001F999 \uFB01 \u00BD");
  EXPECT_EQ(nfc(std::string("a\0b", 3)), std::string("a\0b", 3));
}

TEST(Nfc, ReplacesSingletonsAndExclusions) {
  EXPECT_EQ(nfc("\u212B"), "\u00C5");        // the Angstrom sign
  EXPECT_EQ(nfc("\u0958"), "\u0915\u093C");  // excluded from composition
  EXPECT_EQ(nfc("\U0001D15E"), "\U0001D157\U0001D165");
}

TEST(Nfc, IsSoughtOnlyWhereItMayMatter) {
  EXPECT_FALSE(may_need_nfc("plain"));
  EXPECT_FALSE(may_need_nfc("caf\u00E9 \u02FF"));
  EXPECT_TRUE(may_need_nfc("\u0300"));
  EXPECT_TRUE(may_need_nfc("\u212B"));
}

// An order that takes quadratic time to sort by exchanging neighbours.
TEST(Nfc, SortsALongRunOfMarks) {
  constexpr int count = 500'000;
  std::string text = "q";
  std::string sorted = "q";
  for (int i = 0; i < count; ++i) text += "\u0307\u0323";
  for (int i = 0; i < count; ++i) sorted += "\u0323";
  for (int i = 0; i < count; ++i) sorted += "\u0307";
  EXPECT_TRUE(nfc(text) == sorted);
}

}  // namespace
}  // namespace weld::test
