// Opening a model and its tokenizer, and checking that they belong together.
#include "weld/model.h"

#include <fmt/format.h>

#include "api/loaded_model.h"
#include "fail.h"

namespace weld {

const text::Tokenizer& LoadedModel::need_tokenizer() const {
  if (!tokenizer) fail("{}: tokenizer.ggml.model: is missing", model.file().path());
  return *tokenizer;
}

LoadedModel load_model(gguf::File opened) {
  LoadedModel loaded{model::Model(std::move(opened)), {}};
  const gguf::File& file = loaded.model.file();
  if (!file.find("tokenizer.ggml.model")) return loaded;
  const size_t tokens = loaded.tokenizer.emplace(file).size();
  if (tokens != static_cast<size_t>(loaded.model.vocabulary()))
    fail("{}: tokenizer.ggml.tokens: must be the {} rows of token_embd.weight, are {}", file.path(),
         loaded.model.vocabulary(), tokens);
  return loaded;
}

Model::Model(std::shared_ptr<const State> state) : state_(std::move(state)) {}

Model Model::load(const std::string& path) {
  return Model(std::make_shared<const State>(State{load_model(gguf::File::open(path))}));
}

std::string Model::description() const {
  const gguf::File& file = state_->model.file();
  double parameters = 0;
  for (const gguf::Tensor& tensor : file.tensors())
    parameters += static_cast<double>(tensor.columns()) * static_cast<double>(tensor.rows());
  const char* architecture = state_->model.config().architecture->name;
  return fmt::format("{} ({}, {:.3g} million parameters, {:.3g} MiB)",
                     file.find_string("general.name").value_or(architecture), architecture,
                     parameters / 1e6, static_cast<double>(file.bytes()) / (1 << 20));
}

int Model::vocabulary() const { return state_->model.vocabulary(); }
int Model::context() const { return state_->model.config().context; }
bool Model::has_tokenizer() const { return state_->tokenizer.has_value(); }

std::vector<Token> Model::encode(std::string_view text, EncodeOptions options) const {
  return state_->need_tokenizer().encode(text,
                                         {.bos = options.beginning, .special = options.special});
}

std::string Model::decode(std::span<const Token> tokens, bool special) const {
  return state_->need_tokenizer().decode(tokens, special);
}

std::string Model::piece(Token token, bool special) const {
  return state_->need_tokenizer().piece(token, special);
}

bool Model::adds_beginning() const { return state_->need_tokenizer().add_bos(); }
std::optional<Token> Model::beginning() const { return state_->need_tokenizer().bos(); }

bool Model::ends_generation(Token token) const {
  return state_->need_tokenizer().ends_generation(token);
}

}  // namespace weld
