// A conversation with a model: messages, the prompt that the chat template makes of them, and the
// tokens that the session has read already.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "jinja/template.h"
#include "weld/weld.h"

namespace weld::cli {

class Conversation {
 public:
  /// What a template is told of a model.
  struct Names {
    std::string beginning;  ///< the text of the beginning-of-text token
    std::string end;
  };

  /// The model must outlive the conversation.
  Conversation(const Model& model, const SessionOptions& options, jinja::Template chat,
               Names names);

  /// Says something to the model and writes its answer to standard output as it comes. Ctrl-C ends
  /// the answer. Of a conversation that has become too long the oldest messages are forgotten. At
  /// most COUNT tokens; -1: no limit. Throws Error, and the message is not part of the
  /// conversation, where the template fails or the message is too long.
  void say(const std::string& text, Sampler& sampler, int count);

  /// From now on say() reports what was read and written, and how fast.
  void report_timings() { reports_ = true; }

  /// Sets the message of the system, which comes first; none if it is empty.
  void set_system(const std::string& text);
  /// Forgets everything but the message of the system.
  void reset();

  /// As JSON that `weld template` takes.
  std::string to_json() const;
  /// Throws Error, with NAME and place, where the text is none, and nothing is changed.
  void from_json(const std::string& name, const std::string& text);
  size_t size() const { return messages_.size(); }

 private:
  using Json = nlohmann::ordered_json;

  /// Messages at the beginning that are never forgotten.
  size_t kept() const;
  std::vector<Token> encode_prompt() const;
  std::vector<Token> fit_prompt();
  bool read(const std::vector<Token>& prompt, Sampler& sampler);
  std::string write_answer(Sampler& sampler, int count);

  const Model& model_;
  Session session_;
  jinja::Template template_;
  Names names_;
  int batch_;
  Json messages_ = Json::array();
  std::vector<Token> held_;  ///< what the session has read
  bool reports_ = false;
  Token message_mark_ = -1;  ///< what a message's text comes after; -1: there is no such token
};

}  // namespace weld::cli
