"""What stories are made of: people, things and places, and the plots that put them together.

In a plot `(this|that)` is a choice and `{...}` a word of the cast: `{x}`, `{y}` and `{z}` are people, `{x.he}` and the like
their pronouns, `{toy}` a thing with its colour. Every plot goes from a cause to what follows from it, and its questions
ask for what the plot itself says.
"""
from dataclasses import dataclass

NAMES = {
    True: "Mia Anna Lily Rosa Ella Nina Clara Emma Ruby Sara Lucy Eva Ida Nora Zoe Jane Kate Molly Alice Hanna".split(),
    False: "Tom Ben Max Leo Sam Finn Jack Oscar Paul Hugo Peter Adam Noah Luke Carl Felix Will Henry Otto Simon".split(),
}
ANIMALS = "rabbit fox squirrel mouse hedgehog duck goat kitten bear badger".split()
TRAITS = "kind brave curious shy cheerful clever quiet gentle patient lively careful merry".split()
COLORS = "red blue green yellow white purple golden brown".split()
ELDERS = [("mother", "she", "her"), ("father", "he", "him"), ("grandmother", "she", "her"), ("grandfather", "he", "him"),
          ("aunt", "she", "her"), ("uncle", "he", "him")]
SAD = ["sad", "very sad", "upset", "unhappy", "worried"]
GLAD = ["happy", "very happy", "glad", "very glad", "full of joy"]

# name, what one does with it, the same in the past, how it breaks, how it is mended
TOYS = [
    ("kite", "fly", "flew", "its string snapped", "tied on a new string"),
    ("ball", "bounce", "bounced", "it burst on a thorn", "glued on a patch"),
    ("bell", "ring", "rang", "its handle came off", "put the handle back on"),
    ("drum", "beat", "beat", "its skin was torn", "put on a new skin"),
    ("doll", "dress", "dressed", "its arm came off", "sewed the arm back on"),
    ("wagon", "pull", "pulled", "a wheel came off", "put the wheel back on"),
    ("flute", "play", "played", "it broke in two", "glued the two parts together"),
    ("hoop", "roll", "rolled", "it cracked on a stone", "bound it with a strong cord"),
    ("puppet", "move", "moved", "its leg came off", "sewed the leg back on"),
    ("top", "spin", "spun", "its tip broke off", "made a new tip"),
    ("whistle", "blow", "blew", "it cracked on a stone", "glued the crack"),
    ("train", "push", "pushed", "a wheel came off", "put the wheel back on"),
]
# where, the way there, what hides things there
PLACES = [
    ("in the park", "to the park", ["under the bench", "behind the big oak", "beside the gate", "near the swings"]),
    ("at the beach", "to the beach", ["behind a big rock", "under an old boat", "near the pier", "beside a sand castle"]),
    ("in the forest", "to the forest", ["under a pine tree", "beside the stream", "behind a fallen tree", "near a mossy stone"]),
    ("in the garden", "to the garden", ["under the rose bush", "behind the shed", "beside the well", "near the fence"]),
    ("at the market", "to the market", ["under a table", "behind a barrel", "beside the fountain", "near the stairs"]),
    ("on the farm", "to the farm", ["behind the barn", "under a cart", "beside the duck pond", "near the hen house"]),
    ("in the meadow", "to the meadow", ["in the tall grass", "under the willow", "beside the brook", "near the stone wall"]),
    ("at the harbor", "to the harbor", ["behind a crate", "under a net", "near the lighthouse", "beside a pile of rope"]),
    ("on the hill", "to the hill", ["under the lonely tree", "behind a gray rock", "beside the path", "near the old mill"]),
    ("by the lake", "to the lake", ["under a bush", "behind the boat house", "beside the bridge", "near the reeds"]),
]
FOODS = [("apple", "apples"), ("pear", "pears"), ("plum", "plums"), ("nut", "nuts"), ("bun", "buns"), ("cookie", "cookies"),
         ("carrot", "carrots"), ("cherry", "cherries"), ("peach", "peaches"), ("pancake", "pancakes")]


@dataclass(frozen=True)
class Person:
    name: str
    kind: str
    girl: bool
    trait: str

    def __str__(self):
        return self.name

    he = property(lambda self: "she" if self.girl else "he")
    him = property(lambda self: "her" if self.girl else "him")
    his = property(lambda self: "her" if self.girl else "his")
    He = property(lambda self: self.he.capitalize())
    His = property(lambda self: self.his.capitalize())


@dataclass(frozen=True)
class Toy:
    name: str
    use: str
    used: str
    broke: str
    mended: str
    color: str

    def __str__(self):
        return f"{self.color} {self.name}"


@dataclass(frozen=True)
class Place:
    at: str
    to: str
    spots: tuple

    def __str__(self):
        return self.at


@dataclass(frozen=True)
class Food:
    one: str
    many: str

    a = property(lambda self: ("an " if self.one[0] in "aeiou" else "a ") + self.one)


@dataclass(frozen=True)
class Cast:
    x: Person
    y: Person
    z: Person
    toy: Toy
    toy2: Toy
    place: Place
    place2: Place
    spot: str
    spot2: str
    food: Food
    food2: Food
    elder: str
    elder_he: str
    elder_him: str
    Elder_he: str
    sad: str
    glad: str
    n: int
    k: int
    rest: int
    animal: str


OPENING = ("(Once upon a time there was a {x.trait} {x.kind} named {x}.|Once upon a time there was a {x.trait} {x.kind} named {x}.|"
           "Once upon a time a {x.trait} {x.kind} named {x} lived (in a small village|by the sea|near a forest|beside a river).|"
           "There once was a {x.kind} named {x}, who was very {x.trait}.|{x} was a {x.trait} {x.kind}.)")
DAY = "(One day|One morning|One sunny day|One warm day|One windy morning|One afternoon)"
MEET = "{y}, (a {y.trait} {y.kind}|{x.his} friend|who lived next door), (came by|saw {x}|heard {x})."
LESSON = "(From that day on,|After that,)"

PLOTS = [
    {
        "about": "(a lost {toy.name}|something that was lost|a lost toy)",
        "uses": "toy",
        "text":
            "{x} had a {toy}(|, a gift from {x.his} {elder}|, and {x.he} loved it).\n" + DAY + " {x} went {place.to} to {toy.use} the {toy}. "
            "(After a while|When {x.he} was tired), {x.he} put it {spot} and sat down to eat {food.a}. "
            "Then {x.he} went home and forgot the {toy}.\n"
            "In the evening {x} could not find it. \"(Oh no|Oh dear), I have lost my {toy}!\" said {x}. {x.He} was {sad}. "
            + MEET + " \"(Do not worry|Do not cry),\" said {y}. \"(I will help you|We will look for it together).\"\n"
            "They went back {place.to}. First they looked {spot2}, but (nothing was there|there was only an old shoe|there was only a {animal}). "
            "Then {y} looked {spot}, and there was the {toy}! {x} was {glad}. "
            "\"Thank you, {y}!\" said {x}. (" + LESSON + " {x} took good care of the {toy}.|Then {x} let {y} {toy.use} it, too.)",
        "questions": [
            ("What did {x} lose?", "{x} lost the {toy}."), ("Where was the {toy}?", "The {toy} was {spot}."),
            ("Who helped {x}?", "{y} helped {x}."), ("Who found the {toy}?", "{y} found the {toy}."),
            ("Why was {x} {sad}?", "{x} was {sad} because {x.he} had lost the {toy}."),
            ("Where did {x} go?", "{x} went {place.to}."), ("What did {x} eat?", "{x} ate {food.a}."),
            ("What color was the {toy.name}?", "The {toy.name} was {toy.color}."),
        ],
    },
    {
        "about": "(a {toy.name} in a tree|a tall tree)",
        "uses": "toy",
        "toys": ["kite", "hoop", "puppet", "ball"],
        "text":
            DAY + " {x} {toy.used} a {toy} {place.at}. (A strong wind came|The wind blew hard) and carried the {toy} up into a tall tree. "
            "{x} jumped and jumped, but {x.he} could not reach it, because {x.he} was too small. {x.He} was {sad}.\n"
            + MEET + " \"What is wrong?\" asked {y}. \"My {toy} is in the tree,\" said {x}. "
            "({y} climbed up the tree and threw the {toy} down|{y} ran home and came back with a ladder, and then {y.he} climbed up to get the {toy}"
            "|{y} found a long stick and pushed the {toy} out of the tree). {x} caught it.\n"
            "{x} was {glad}. \"Thank you, {y},\" {x.he} said(|, and {x.he} gave {y} {food.a}). (Then they {toy.used} the {toy} together until it was dark."
            "|" + LESSON + " {x} and {y} were good friends.)",
        "questions": [
            ("What was in the tree?", "The {toy} was in the tree."), ("Who got the {toy} out of the tree?", "{y} got it out of the tree."),
            ("Why could {x} not reach it?", "{x} could not reach it because {x.he} was too small."),
            ("Where was {x}?", "{x} was {place.at}."), ("What carried the {toy} into the tree?", "The wind carried it into the tree."),
            ("What color was the {toy.name}?", "The {toy.name} was {toy.color}."), ("Who helped {x}?", "{y} helped {x}."),
        ],
    },
    {
        "about": "(sharing|a hungry friend|{food.many})",
        "uses": "food",
        "text":
            DAY + " {x.his} {elder} gave {x} {n} {food.many}. {x} put them in a basket and walked {place.to}.\n"
            "There {x.he} met {y}, a {y.trait} {y.kind}. {y} looked {sad}. \"What is wrong?\" asked {x}. "
            "\"I am (so|very) hungry,\" said {y}. \"I have had nothing to eat all day.\" "
            "{x} (felt sorry for {y}|wanted to help), so {x.he} gave {y} {k} of the {food.many}. Now {x} had {rest} left.\n"
            "{y} ate (them all|them) and was {glad}. \"Thank you, {x},\" said {y}. \"(You are a good friend|I will not forget this).\" "
            "The next day {y} came to {x} with a {toy}. \"This is for you,\" said {y}, \"because you were kind to me.\" "
            "(" + LESSON + " they shared everything.|And so {x} and {y} became friends.)",
        "questions": [
            ("How many {food.many} did {x} have at first?", "{x} had {n} {food.many} at first."),
            ("How many {food.many} did {x} give away?", "{x} gave away {k} {food.many}."),
            ("How many {food.many} did {x} have left?", "{x} had {rest} {food.many} left, because {n} minus {k} is {rest}."),
            ("Who was hungry?", "{y} was hungry."), ("What did {y} give to {x}?", "{y} gave {x} a {toy}."),
            ("Why did {y} give {x} a {toy}?", "Because {x} was kind to {y}."), ("Where did {x} meet {y}?", "{x} met {y} {place.at}."),
        ],
    },
    {
        "about": "(a hurt bird|a bird|helping a bird)",
        "uses": "",
        "text":
            DAY + " {x} found a little bird {place.at}. It lay {spot} and could not fly, because its wing was hurt. \"Poor bird,\" said {x}. "
            "{x.He} carried it home (in {x.his} hat|in a basket|in {x.his} hands).\n"
            "{x.His} {elder} (put a bandage on|washed) the wing, and {x} made a soft bed in a box. Every day {x.he} gave the bird (water and seeds|bread and water). "
            "After {k} days the wing was well again, and the bird flew (away|out of the window). {x} was {glad} and a little sad.\n"
            "Later, {x} got lost {place2.at}. It was dark, and {x.he} was afraid. Then {x} heard a song. It was the bird! "
            "It flew from tree to tree, and {x} followed it all the way home. \"Thank you, little bird,\" said {x}.",
        "questions": [
            ("What did {x} find?", "{x} found a little bird."), ("Where did the bird lie?", "The bird lay {spot}."),
            ("Why could the bird not fly?", "The bird could not fly because its wing was hurt."),
            ("Where did {x} get lost?", "{x} got lost {place2.at}."), ("Who helped {x} find the way home?", "The bird helped {x} find the way home."),
            ("Who helped the bird?", "{x} and {x.his} {elder} helped the bird."),
        ],
    },
    {
        "about": "(a quarrel|two friends|a broken {toy.name})",
        "uses": "toy",
        "text":
            "{x.His} best friend was {y}, a {y.trait} {y.kind}.\n" + DAY + " they found a {toy} {place.at}. \"It is mine!\" said {x}. \"No, I saw it first!\" said {y}. "
            "They both pulled, and {toy.broke}. Now the {toy} was broken, and {x} and {y} were {sad}. (They did not speak on the way home.|They went home without a word.)\n"
            "(At night|In the evening) {x} could not sleep. The next morning {x.he} went to {y} and said, \"I am sorry.\" \"I am sorry, too,\" said {y}. "
            "Together they {toy.mended}. Soon the {toy} was as good as new.\n"
            "{x} and {y} were {glad}. First {x} {toy.used} it, and then {y} did. " + LESSON + " they (took turns|never quarreled again).",
        "questions": [
            ("What did {x} and {y} find?", "They found a {toy}."), ("Who said sorry first?", "{x} said sorry first."),
            ("Why did the {toy} break?", "It broke because {x} and {y} both pulled."), ("Where did they find the {toy}?", "They found it {place.at}."),
            ("Who was the best friend of {x}?", "{y} was the best friend of {x}."), ("How did they mend the {toy}?", "They {toy.mended}."),
        ],
    },
    {
        "about": "(being afraid|being brave|the dark)",
        "uses": "",
        "text":
            "But {x} was afraid of (the dark|thunder|deep water|dogs).\n" + DAY + " {y}, (a {y.trait} {y.kind}|{x.his} friend), asked {x} to come {place.to}. "
            "\"I cannot come,\" said {x}. \"I am afraid.\" {y} did not laugh. \"I was afraid, too,\" said {y}, \"but my {elder} held my hand. Now I will hold yours.\"\n"
            "So they went {place.to} together. {x} took one step, and then another. {x.His} heart beat fast, but {y} held {x.his} hand. "
            "(After a while|Little by little) the fear went away, and {x} began to (smile|laugh|sing).\n"
            "\"Look, I did it!\" said {x}. {x.He} was {glad}. \"You were very brave,\" said {y}. " + LESSON + " {x} was not afraid any more.",
        "questions": [
            ("Who was afraid?", "{x} was afraid."), ("Who helped {x}?", "{y} helped {x}."), ("Where did they go?", "They went {place.to}."),
            ("What did {y} do?", "{y} held the hand of {x}."), ("Did {y} laugh at {x}?", "No, {y} did not laugh."),
            ("How did {x} feel in the end?", "{x} was {glad} in the end."),
        ],
    },
    {
        "about": "telling the truth",
        "uses": "toy",
        "toys": ["ball", "hoop", "top", "kite", "wagon", "train"],
        "text":
            DAY + " {x} {toy.used} a {toy} in the house, though {x.his} {elder} had said no. The {toy} hit a (cup|vase|plate|lamp), and it fell down and broke.\n"
            "{x} was {sad}. (\"I could hide it,\"|\"I could say that the {animal} did it,\") thought {x}. But {x.he} knew that this was wrong. "
            "So {x} went to {x.his} {elder} and told {elder_him} the truth. \"I am sorry. I {toy.used} the {toy} in the house,\" said {x}.\n"
            "{x.His} {elder} was not angry. \"Thank you for telling the truth,\" {elder_he} said. (They cleaned the floor together.|Then they picked up the pieces together.) "
            "{x} was {glad} that {x.he} had told the truth. " + LESSON + " {x.he} {toy.used} the {toy} only {place.at}.",
        "questions": [
            ("Who told the truth?", "{x} told the truth."), ("What hit it?", "The {toy} hit it."), ("Was {x.his} {elder} angry?", "No, {x.his} {elder} was not angry."),
            ("Who did {x} tell the truth to?", "{x} told the truth to {x.his} {elder}."), ("Why did it break?", "It broke because {x} {toy.used} the {toy} in the house."),
        ],
    },
    {
        "about": "(a garden|a seed|a plant)",
        "uses": "food",
        "text":
            "{x} loved {food.many}.\n" + DAY + " {x.his} {elder} gave {x.him} a small seed. {x} (dug a hole|made a hole) (behind the house|in the garden|near the fence|beside the well) and put the seed in. "
            "Every morning {x.he} gave it water. (For a long time|For {n} days) nothing happened, and {x} was {sad}. "
            "\"Will it never grow?\" asked {x}. \"Be patient,\" said {x.his} {elder}. \"Good things take time.\"\n"
            "Then it rained, and the next day there was a little green leaf! The plant grew and grew. "
            "(In the summer|After a long time) there were {n} {food2.many} on it. \"They are not {food.many},\" said {x}, \"but they are good!\" "
            "{x.He} gave {k} of them to {y}, {x.his} friend, and kept {rest}. They both were {glad}.",
        "questions": [
            ("Who gave {x} the seed?", "{x.His} {elder} gave {x.him} the seed."), ("What grew on the plant?", "There were {food2.many} on the plant."),
            ("How many {food2.many} did {x} give to {y}?", "{x} gave {k} {food2.many} to {y}."), ("How many {food2.many} did {x} keep?", "{x} kept {rest} {food2.many}."),
            ("What did {x} love?", "{x} loved {food.many}."), ("Why was {x} {sad}?", "{x} was {sad} because nothing grew."),
        ],
    },
    {
        "about": "(a birthday|a cake|a birthday cake)",
        "uses": "food",
        "text":
            DAY + " {x} wanted to bake a cake, because it was the birthday of {y}, {x.his} friend. {x} had flour and (milk|butter|sugar), but {x.he} had no eggs.\n"
            "So {x.he} went to {z}, (a {z.trait} {z.kind} who had hens|who lived next door and had hens). \"Please give me {k} eggs,\" said {x}. "
            "\"Gladly,\" said {z}, \"if you help me to (carry wood|feed the hens|clean the hen house).\" {x} helped {z} until noon, and {z} gave {x.him} {k} eggs.\n"
            "Then {x} baked the cake and put {n} {food.many} on top. When {y} saw the cake, {y.he} was {glad}. \"{x}, this is the best cake of all!\" said {y}. "
            "{z} came, too, and they ate the cake together {place.at}.",
        "questions": [
            ("Whose birthday was it?", "It was the birthday of {y}."), ("Who baked a cake?", "{x} baked a cake."), ("Who gave {x} eggs?", "{z} gave {x} eggs."),
            ("How many eggs did {z} give to {x}?", "{z} gave {x} {k} eggs."), ("What was on top of the cake?", "There were {n} {food.many} on top of the cake."),
            ("Where did they eat the cake?", "They ate it {place.at}."), ("Why did {x} bake a cake?", "Because it was the birthday of {y}."),
        ],
    },
    {
        "about": "(a race|running)",
        "uses": "",
        "text":
            "{x} had a friend named {y}, a {y.kind} who could run very fast.\n" + DAY + " {y} said, \"I am the fastest of all!\" \"Let us have a race {place.to},\" said {x}. So they ran. "
            "{y} was soon far ahead. \"I have time,\" thought {y}, and {y.he} (lay down and fell asleep|stopped to eat {k} {food.many}) {spot2}.\n"
            "{x} was slow, but {x.he} did not stop. {x.He} ran past {y} and came {place.to} first! {y} jumped up and ran as fast as {y.he} could, but it was too late.\n"
            "{y} was {sad}. \"You are fast,\" said {x} kindly, \"but you stopped.\" {y} laughed. \"You are right. (Next time I will not stop.|You won, {x}.)\" And they were still friends.",
        "questions": [
            ("Who won the race?", "{x} won the race."), ("Who lost the race?", "{y} lost the race."), ("Why did {y} lose the race?", "{y} lost because {y.he} stopped."),
            ("Who was the faster runner?", "{y} was the faster runner."), ("Where did they run?", "They ran {place.to}."),
        ],
    },
    {
        "about": "(a storm|rain|a cave)",
        "uses": "",
        "text":
            DAY + " {x} went {place.to} with a basket of {food.many} for {x.his} {elder}. On the way, the sky became dark, and a storm began. "
            "{x} was wet and cold. Then {x.he} saw (a small cave|an old barn|a little hut) and ran inside.\n"
            "Somebody was there already! It was {y}, a {y.trait} {y.kind}. \"Come in,\" said {y}. \"There is room for two.\" {y} made a fire, and {x} gave {y} {k} of the {food.many}. "
            "They told stories until the storm was over.\n"
            "In the morning the sun came out. \"Thank you for the fire,\" said {x}. \"Thank you for the {food.many},\" said {y}. "
            "Then {x} went on {place.to}, and {x.his} {elder} was {glad} to see {x.him}.",
        "questions": [
            ("Who made a fire?", "{y} made a fire."), ("What was in the basket?", "There were {food.many} in the basket."),
            ("Who were the {food.many} for?", "They were for the {elder} of {x}."), ("Where did {x} go?", "{x} went {place.to}."),
            ("What did {x} give to {y}?", "{x} gave {y} {k} {food.many}."), ("Why was {x} wet?", "{x} was wet because of the storm."),
        ],
    },
    {
        "about": "(a trade|a {toy.name}|wanting a {toy.name})",
        "uses": "toy",
        "text":
            "{x} wanted a {toy2.name} very much, but {x.he} had no money. {x.He} had only a {toy}.\n" + DAY + " {x} met {y} {place.at}. {y} had a {toy2}. "
            "\"Will you give me your {toy2} for my {toy}?\" asked {x}. {y} thought about it. \"I have always wanted a {toy.name},\" {y.he} said. "
            "So {x} gave {y} the {toy}, and {y} gave {x} the {toy2}.\n"
            "{x} {toy2.used} the {toy2}, and {y} {toy.used} the {toy}. Both of them were {glad}. "
            "(But in the evening {x} missed the {toy.name}. \"Come and play with me every day,\" said {y}. \"Then you will have both.\"|\"That was a good trade,\" said {x}.)",
        "questions": [
            ("What did {x} want?", "{x} wanted a {toy2.name}."), ("What did {x} give to {y}?", "{x} gave {y} the {toy}."), ("What did {y} give to {x}?", "{y} gave {x} the {toy2}."),
            ("Who has the {toy} now?", "{y} has the {toy} now."), ("Who has the {toy2} now?", "{x} has the {toy2} now."), ("Where did they meet?", "They met {place.at}."),
        ],
    },
    {
        "about": "(a new friend|being new|being alone)",
        "uses": "toy",
        "text":
            "{x} was new in the village and had no friends yet.\n" + DAY + " {x} went {place.to}. {y} and {z} were there. They {toy.used} a {toy} and laughed. "
            "{x} stood {spot} and watched them, but {x.he} did not dare to speak. {x.He} was {sad}.\n"
            "Then {y} saw {x}. \"Hello! What is your name?\" asked {y}. \"My name is {x},\" said {x}. \"Would you like to play with us?\" asked {y}. "
            "\"Yes, please!\" said {x}. {z} gave {x} the {toy}, and {x} {toy.used} it, too.\n"
            "They played until (the sun went down|it was time to eat). {x} was {glad}. \"Today I found two friends,\" {x.he} told {x.his} {elder} in the evening.",
        "questions": [
            ("Who was new in the village?", "{x} was new in the village."), ("Who spoke to {x} first?", "{y} spoke to {x} first."), ("Who gave {x} the {toy}?", "{z} gave {x} the {toy}."),
            ("Where did {x} stand?", "{x} stood {spot}."), ("How many friends did {x} find?", "{x} found two friends, {y} and {z}."),
            ("Why was {x} {sad}?", "{x} was {sad} because {x.he} had no friends yet."),
        ],
    },
    {
        "about": "(a key|a box|an old key)",
        "uses": "",
        "text":
            DAY + " {x} found an old key {place.at}. It lay {spot}. \"What does it open?\" thought {x}. {x.He} tried {k} doors, but it did not fit.\n"
            "Then {x} met {y}, a {y.trait} {y.kind}, who looked {sad}. \"I have lost my key,\" said {y}, \"and now I cannot open my box.\" "
            "\"Is this your key?\" asked {x}. \"Yes!\" said {y}. They went to the house of {y}, and {y} opened the box. Inside was a {toy}!\n"
            "\"My {elder} gave it to me,\" said {y}. {y.He} was {glad}. (\"You may play with it, too, because you found the key,\" {y.he} told {x}.|{y} let {x} {toy.use} it all day long.)",
        "questions": [
            ("What did {x} find?", "{x} found an old key."), ("Whose key was it?", "It was the key of {y}."), ("What was in the box?", "There was a {toy} in the box."),
            ("Where was the key?", "The key was {spot}."), ("Who gave the {toy} to {y}?", "The {elder} of {y} gave it to {y.him}."), ("How many doors did {x} try?", "{x} tried {k} doors."),
        ],
    },
]
