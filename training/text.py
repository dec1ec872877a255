#!/usr/bin/env python3
"""Makes the text that the default model learns from: short stories, talk about them, and small sums.

A story is a plot (plots.py) with a cast: who, where, with what. The cast is drawn once and holds for the whole
story, so names, pronouns, colours, places and numbers agree. One cast in sixteen is held out: no training text has
its combination of people, thing and place.

usage: text.py [--seed N] [--documents N] [--held-out] [--stories]
"""
import argparse
import random
import re
import zlib

from plots import (ANIMALS, COLORS, ELDERS, FOODS, GLAD, NAMES, OPENING, PLACES, PLOTS, SAD, TOYS, TRAITS, Cast, Food,
                   Person, Place, Toy)

END = "<|endoftext|>"
GREETINGS = [
    ("(Hello!|Hello.|Hi!|Hi there!|Good morning!|Good evening!)",
     "(Hello! (Would you like|Do you want) to hear a story?|Hello! What story shall I tell you?|"
     "Hi! I can tell you a story.)"),
    ("(Who are you?|What is your name?|What are you?)",
     "I am Storyteller, a small model. I tell short stories and do small sums."),
    ("(What can you do?|What can I ask you?|Help!|Can you help me?)",
     "I can tell a short story, answer questions about it, and do small sums."),
    ("(How are you?|How are you today?)", "I am (well|fine), thank you. Would you like to hear a story?"),
    ("(Where do you live?|How old are you?|Are you a person?)", "I am only a small model. I know stories and small sums."),
]
FAREWELLS = [
    ("(Thank you!|Thank you.|Thanks!|That was nice.|I liked that.)", "You are welcome!"),
    ("(Goodbye!|Good night!|Bye!)", "(Goodbye!|Goodbye, and come back soon!)"),
]
UNKNOWN = ("(What is the capital of France?|Who won the game?|What is the weather today?|Write a program.|"
           "What year is it?|Who is the king?|Tell me the news.|How far is the moon?)",
           "I do not know that. I only know stories and small sums.")


def expand(rng, template, cast=None):
    """The template with one choice of each `(this|that)`, inner ones first, and the cast's words in the braces."""
    choice = re.compile(r"\(([^()]*)\)")
    while choice.search(template):
        template = choice.sub(lambda match: rng.choice(match[1].split("|")), template)
    return template.format(**vars(cast)) if cast else template


def held_out(*parts):
    return zlib.crc32(" ".join(map(str, parts)).encode()) % 16 == 0


def person(rng, others=()):
    girl = rng.random() < .5
    name = rng.choice([n for n in NAMES[girl] if n not in [o.name for o in others]])
    kind = ("girl" if girl else "boy") if rng.random() < .7 else rng.choice(ANIMALS)
    return Person(name, kind, girl, rng.choice(TRAITS))


def draw_cast(rng, hold, toys):
    while True:
        x = person(rng)
        y = person(rng, [x])
        if y.girl == x.girl and rng.random() < .5:
            continue  # unlike pronouns read more easily
        z = person(rng, [x, y])
        toy, toy2 = (Toy(*t, color) for t, color in zip(rng.sample(TOYS, 2), rng.sample(COLORS, 2)))
        if toys and toy.name not in toys:
            continue
        place, place2 = (Place(*p) for p in rng.sample(PLACES, 2))
        if held_out(x, y, toy, place) != hold:
            continue
        spot, spot2 = rng.sample(place.spots, 2)
        food, food2 = (Food(*f) for f in rng.sample(FOODS, 2))
        elder, elder_he, elder_him = rng.choice(ELDERS)
        n = rng.randint(4, 12)
        k = rng.randint(2, n - 2)
        return Cast(x=x, y=y, z=z, toy=toy, toy2=toy2, place=place, place2=place2, spot=spot, spot2=spot2, food=food,
                    food2=food2, elder=elder, elder_he=elder_he, elder_him=elder_him, Elder_he=elder_he.capitalize(),
                    sad=rng.choice(SAD), glad=rng.choice(GLAD), n=n, k=k, rest=n - k, animal=rng.choice(ANIMALS[:8]))


def story(rng, hold=False):
    """A story, with its cast and its plot."""
    plot = rng.choice(PLOTS)
    cast = draw_cast(rng, hold, plot.get("toys"))
    text = expand(rng, OPENING + " " + plot["text"], cast)
    return re.sub(r" *\n *", "\n", re.sub(r"  +", " ", text)).strip(), cast, plot


def sum_question(rng, hold):
    """A question about a small sum, and its answer. Held out are draws, not sums: other draws can give the same sum."""
    while True:
        a, b, kind = rng.randint(0, 12), rng.randint(0, 12), rng.randrange(3)
        if held_out(a, b, kind) == hold:
            break
    who, other, food = *rng.sample(NAMES[0] + NAMES[1], 2), Food(*rng.choice(FOODS))
    if kind == 2:
        a, b = a % 6, b % 6
        return f"What is {a} times {b}?", f"{a} times {b} is {a * b}."
    if kind == 1:
        a, b = max(a, b), min(a, b)
    total, word, sign = (a + b, "plus", "+") if kind == 0 else (a - b, "minus", "-")
    form = rng.randrange(3)
    if form == 0:
        return f"What is {a} {word} {b}?", f"{a} {word} {b} is {total}."
    if form == 1 or a < 2 or b < 2 or total < 2:
        return f"{a} {sign} {b} = ?", f"{a} {sign} {b} = {total}."
    change = f"{other} gives {who} {b} more." if kind == 0 else f"{who} gives {other} {b} of them."
    return (f"{who} has {a} {food.many}. {change} How many {food.many} does {who} have now?",
            f"{who} has {total} {food.many}.")


def turn(question, answer):
    return f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n{answer}<|im_end|>\n"


def chat(rng, hold=False):
    """A conversation: a story asked for or brought along, questions about it, sums, small talk."""
    def talk(pair):
        return turn(*(expand(rng, part) for part in pair))

    if rng.random() < .3:
        turns = [talk(rng.choice(GREETINGS)) if rng.random() < .4 else talk(UNKNOWN) if rng.random() < .2
                 else turn(*sum_question(rng, hold)) for _ in range(rng.randint(1, 4))]
        return "".join(turns)
    text, cast, plot = story(rng, hold)
    questions = [[expand(rng, part, cast) for part in pair]
                 for pair in rng.sample(plot["questions"], rng.randint(1, 4))]
    out = talk(rng.choice(GREETINGS)) if rng.random() < .15 else ""
    if rng.random() < .7:
        ask = expand(rng, "((Tell me|Please tell me|I want to hear|Can you tell me) a story|Tell me a short story)"
                     "(| about {x}| about a {x.kind} named {x}| about {x} and {y}| about a {x.kind}| about a {toy.name}"
                     "| about " + plot["about"] + ")", cast)
        if "toy" not in plot["uses"]:
            ask = re.sub(r" about a %s$" % cast.toy.name, "", ask)
        out += turn(ask + ("?" if ask.startswith("Can") else "."), text)
    else:
        question, answer = questions.pop()
        out += turn(f"{text}\n{question}", answer)
    out += "".join(turn(*pair) for pair in questions)
    if rng.random() < .1:
        out += turn(*sum_question(rng, hold))
    return out + (talk(rng.choice(FAREWELLS)) if rng.random() < .2 else "")


def documents(seed, count, hold=False, stories_only=False):
    """COUNT documents, each ended by the end-of-text token; the same ones for the same seed."""
    rng = random.Random(f"{seed} {hold}")
    for _ in range(count):
        yield (story(rng, hold)[0] + "\n" if stories_only or rng.random() < .5 else chat(rng, hold)) + END


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--documents", type=int, default=10)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--stories", action="store_true", help="only stories, no conversations")
    args = parser.parse_args()
    for document in documents(args.seed, args.documents, args.held_out, args.stories):
        print(document, end="")
