// A parsed template: a tree of nodes.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <variant>
#include <vector>

namespace weld::jinja {

struct Node;

struct Keyword {
  int name;
  const Node* value;
};

struct Node {
  enum class Kind {
    // Expressions.
    Constant,   ///< id
    Name,       ///< id
    Tuple,      ///< items
    List,       ///< items
    Dict,       ///< items: key, value, key, value, ...
    Attribute,  ///< left.id
    Item,       ///< left[right]
    Slice,      ///< left[items]: start, stop, step, each of which may be null
    Call,       ///< left(items, keywords, *star, **stars)
    Filter,     ///< left | id(items, keywords, *star, **stars); no left: the text of a block
    Test,       ///< left is id(...)
    Not,        ///< left
    And,        ///< left, right
    Or,         ///< left, right
    Negate,     ///< left
    Plus,       ///< left
    Calculate,  ///< left, right, id: an Operator
    Concat,     ///< items
    Compare,    ///< items, operators: one less than items
    Choice,     ///< left if right else third, which may be null
    // Targets of assignments, besides Name and Tuple.
    NamespaceItem,  ///< left (a Name).id
    // Statements.
    Data,         ///< id: a constant
    Print,        ///< left
    For,          ///< left (target) in right if third: body, otherwise; flag: recursive
    If,           ///< items: conditions; bodies: one a condition; otherwise
    Set,          ///< left = right
    SetBlock,     ///< left = body, through the filter right if there is one
    Macro,        ///< id(items, keywords: defaults of the last): body
    CallBlock,    ///< left (a Call) with the body as its caller
    FilterBlock,  ///< right (a Filter) of body
    With,         ///< items: targets and values: body
    Scope,        ///< body
    Break,
    Continue,
  };

  Kind kind{};
  int line = 0;
  int id = -1;
  bool flag = false;
  const Node* left = nullptr;
  const Node* right = nullptr;
  const Node* third = nullptr;
  const Node* star = nullptr;
  const Node* stars = nullptr;
  std::vector<const Node*> items;
  std::vector<Keyword> keywords;
  std::vector<const Node*> body;
  std::vector<const Node*> otherwise;
  std::vector<std::vector<const Node*>> bodies;
  std::vector<std::string> operators;
  // Of a macro and of the body of a call: which of these names it reads.
  bool reads_caller = false;
  bool reads_varargs = false;
  bool reads_kwargs = false;
};

using Literal = std::variant<std::monostate, bool, int64_t, double, std::string>;

struct Program {
  std::deque<Node> nodes;  ///< owns the tree
  std::vector<const Node*> body;
  std::vector<std::string> names;
  std::vector<Literal> constants;
};

}  // namespace weld::jinja
