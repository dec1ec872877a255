// The shortest useful program with weld: load a model, read a prompt, print what follows.
#include <cstdio>
#include <exception>
#include <string>

#include "weld/weld.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: hello MODEL.gguf PROMPT\n");
    return 2;
  }
  try {
    const weld::Model model = weld::Model::load(argv[1]);
    std::fprintf(stderr, "%s\n", model.description().c_str());

    weld::Session session(model);
    session.prefill(model.encode(argv[2], {.beginning = model.adds_beginning()}));

    weld::Sampler sampler({.temperature = 0});
    session.generate(sampler, 64, [&](weld::Token token) {
      const std::string bytes = model.piece(token);
      return std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size();
    });
    std::printf("\n");
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "hello: %s\n", error.what());
    return 1;
  }
}
