// The templates of real models: the prompts that Jinja2 makes of conversations, and its errors.
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "jinja/render.h"
#include "refs.h"

namespace weld::test {
namespace {

using Json = nlohmann::ordered_json;

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(ModelTemplates, RenderAsExpected) {
  WELD_NEEDS_REFS();
  constexpr std::string_view ending = ".cases.json";
  size_t cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(refs() / "templates")) {
    std::string path = entry.path().string();
    if (!path.ends_with(ending)) continue;
    const std::string source = read(path.substr(0, path.size() - ending.size()) + ".jinja");
    for (const Json& item : Json::parse(read(path))) {
      ++cases;
      Json variables{{"bos_token", "<BOS>"}, {"eos_token", "<EOS>"}};
      for (const char* key : {"messages", "tools", "add_generation_prompt"})
        if (item.contains(key)) variables[key] = item.at(key);
      const std::string error = error_of(source, variables.dump());
      const auto name = path + " " + item.at("name").get<std::string>();
      if (item.contains("error"))
        EXPECT_TRUE(error.ends_with(": " + item.at("error").get<std::string>())) << name << error;
      else if (error.empty())
        EXPECT_EQ(render(source, variables.dump()), item.at("expected").get<std::string>()) << name;
      else
        ADD_FAILURE() << name << "\n" << error;
    }
  }
  EXPECT_GT(cases, 400U);
}

}  // namespace
}  // namespace weld::test
