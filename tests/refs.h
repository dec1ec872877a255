// Where the tests' reference data is: beside the checkout in shared/refs, or where $WELD_REFS says.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace weld::test {

inline std::filesystem::path refs() {
  if (const char* place = std::getenv("WELD_REFS")) return place;
  return std::filesystem::path(WELD_SOURCE_DIR) / ".." / "shared" / "refs";
}

}  // namespace weld::test

/// Skips the test, saying so, where the reference data is not at hand.
#define WELD_NEEDS_REFS()                           \
  if (!std::filesystem::exists(weld::test::refs())) \
  GTEST_SKIP() << "no reference data at " << weld::test::refs() << "; set WELD_REFS to its place"
