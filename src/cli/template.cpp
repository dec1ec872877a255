// weld template: the prompt that a chat template makes of a conversation.
#include <optional>

#include "cli/chat_template.h"
#include "cli/commands.h"
#include "cli/output.h"

namespace weld::cli {

int render_template(const Words& words) {
  std::string model, path;
  Flags flags("template",
              "Prints the prompt that a chat template makes of the JSON object on standard input.\n"
              "Its keys are the template's variables: messages, tools, add_generation_prompt,\n"
              "bos_token, eos_token and any other. Nothing is added to the prompt.");
  flags.add_option("-m,--model", model, "a GGUF file that has a chat template")->type_name("FILE");
  flags.add_option("--template", path, "a template, in place of the model's")->type_name("FILE");
  flags.footer("WELD_DATE=YYYY-MM-DD in the environment is today's date for the template.");
  if (!flags.read(words)) return 0;
  if (model.empty() && path.empty())
    throw UsageError("give a template: -m FILE or --template FILE");

  std::optional<gguf::File> file;
  // Where --template takes the model's place too: a wrong path is told of.
  if (!model.empty()) file = gguf::File::open(model);
  const jinja::Template chat = load_template(path, file ? &*file : nullptr);
  const jinja::RenderOptions options{
      .input = "standard input", .now = template_time(), .limits = {}};
  write_output(chat.render(read_input("-"), options));
  return 0;
}

}  // namespace weld::cli
