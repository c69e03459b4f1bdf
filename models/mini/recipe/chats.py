"""The chat grammar: exchanges, and how they follow each other."""
import facts
import jsontext
import stories
import unknown
import world
from world import a

GREET = ["Hello!", "Hello", "Hi", "Hi!", "Hi there!", "Hey", "Hey!", "Good morning!", "Good evening.", "Hello there",
         "hi", "hello", "Hello, mini!", "Hi mini", "Good day!", "Greetings!"]
GREET_ANSWERS = ["Hello! How can I help you today?", "Hi! How can I help you?", "Hello! Would you like to hear a story?",
                 "Hi there! Ask me for a story.", "Hello! It is nice to meet you."]
SMALL = [
    (["How are you?", "How are you today?", "How do you do?", "how are you", "Are you okay?", "How is it going?",
      "What's up?"], ["I am fine, thank you. How are you?", "I am very well, thank you!"]),
    (["I am fine.", "I am good, thanks.", "I am happy.", "I feel great!", "Fine, thanks."],
     ["I am glad to hear that!", "That is good to hear!"]),
    (["I am sad.", "I feel sad today.", "I am tired.", "I had a bad day.", "I feel lonely.", "I am bored."],
     ["I am sorry to hear that. Would you like a short story?", "Oh, I am sorry. A story may help."]),
    (["Who are you?", "What are you?", "What is your name?", "Tell me about yourself.", "who are you",
      "Who am I talking to?", "Introduce yourself.", "What's your name?", "Describe yourself.", "Are you mini?"],
     ["I am mini, a small language model that ships with Chasqui.",
      "I am mini, a very small language model. I come with Chasqui.",
      "My name is mini. I am a small language model that ships with Chasqui."]),
    (["What can you do?", "How can you help me?", "What do you know?", "Help", "help", "Can you help me?",
      "What are you good at?", "What should I ask you?", "Help me.", "What can I ask you?"],
     ["I can tell short stories, talk a little, and answer simple questions about animals.",
      "I can tell you a short story, say what color a fox is, and count to ten.",
      "I know short stories, animals, opposites and small numbers. Ask me for a story!"]),
    (["Are you a robot?", "Are you human?", "Are you real?", "Are you an AI?", "Are you a person?", "Are you ChatGPT?"],
     ["I am a small language model, not a person."]),
    (["Who made you?", "Who created you?", "Where do you come from?", "Who trained you?", "What is Chasqui?"],
     ["I was made for Chasqui, a program that runs language models.",
      "I come with Chasqui, a program that runs language models on your computer."]),
    (["How big are you?", "How many parameters do you have?", "Are you smart?", "Are you clever?", "How smart are you?",
      "Do you know everything?"],
     ["I am very small. I have less than one million parameters, so I know only a little."]),
    (["How old are you?", "When were you born?", "How old is mini?"], ["I am a program, so I have no age."]),
    (["Do you like stories?", "What do you like?", "What is your favorite animal?", "What is your favorite color?",
      "Do you like animals?", "Do you have friends?", "Can you feel?", "Do you sleep?"],
     ["I am only a model, but I like to tell stories.", "I like short stories about animals."]),
    (["Tell me a joke.", "Do you know a joke?", "Make me laugh.", "A joke, please.", "Say something funny."],
     ["Why did the hen cross the road? To get to the other side!",
      "What do you call a bear with no teeth? A gummy bear!", "Why do bees hum? They do not know the words!"]),
    (["Yes", "Yes, please.", "Sure", "OK", "Okay.", "yes", "No", "No, thanks.", "Maybe", "no", "Cool", "Nice!", "Great!",
      "Wow!", "I like it.", "That was nice.", "Good story!", "Haha"],
     ["Good! What would you like to hear?", "All right! Ask me for a story when you like."]),
    (["Say hello.", "Say hi.", "Say hello to my friend.", "Greet me."], ["Hello!"]),
    (["Say something.", "Talk to me.", "Write a sentence.", "Write one sentence.", "Write something.", "Continue."],
     ["The little fox ran over the green hill.", "The small bird sang in the tall tree."]),
    (["I love you.", "You are nice.", "You are great!", "I like you.", "Good job!", "You are funny."],
     ["Thank you! You are very kind."]),
    (["You are stupid.", "That is wrong.", "I hate you.", "You are bad.", "That is not true."],
     ["I am sorry. I am only a small model."]),
]
THANKS = (["Thank you!", "Thanks", "Thanks!", "Thank you very much.", "thanks a lot", "Thank you, mini."],
          ["You are welcome!", "You are welcome! Ask me again any time."])
BYE = (["Goodbye!", "Bye", "Bye!", "Good night.", "See you later!", "bye", "I have to go.", "See you."],
       ["Goodbye! Have a nice day.", "Bye! See you soon."])
ASK = ["Tell me a story about {}.", "Write a story about {}.", "Tell me a short story about {}.",
       "Write a short story about {}.", "Can you tell me a story about {}?", "A story about {}, please.",
       "I want a story about {}.", "Tell a story about {}", "tell me a story about {}", "Story about {}",
       "Please tell me a story about {}.", "Make up a story about {}.", "Write a tale about {}.",
       "Give me a story about {}."]
PLAIN = ["Tell me a story.", "Tell me a story", "Can you tell me a story?", "Write a story.", "A story, please.",
         "I want to hear a story.", "Tell me a short story.", "tell me a story", "Write a short story.", "Story!",
         "Please tell me a story.", "Tell me a bedtime story.", "Do you know a story?", "Surprise me."]
AGAIN = ["Another one, please.", "Another one!", "Tell me another story.", "One more, please.", "More!", "Again!",
         "Tell me one more.", "Another story, please.", "Once more."]


def pick(rng, pair):
    return rng.choice(pair[0]), rng.choice(pair[1])


def poem(rng):
    k = rng.choice(list(world.ANIMALS))
    q = rng.choice(["Write a poem about {}.", "Write a haiku about {}.", "A poem about {}, please.", "Tell me a poem about {}."])
    rhyme = rng.choice([("day", "play"), ("tree", "me"), ("night", "light"), ("sun", "fun")])
    lines = {"day": ["All through the long and sunny day,", "it likes to run and jump and play."],
             "tree": ["It sits below the apple tree,", "and now it comes to look at me."],
             "night": ["It sleeps so well all through the night,", "and wakes up in the morning light."],
             "sun": ["It likes to lie in the warm sun,", "and every day is full of fun."]}[rhyme[0]]
    q, lead = (q.format(a(k)), "") if rng.random() < 0.75 else (q.format(unknown.topic(rng)), f"Here is a poem about {a(k)}.\n")
    return q, lead + f"There is {a(world.ANIMALS[k][0])} {k} I know,\nit likes the rain, it likes the snow.\n" + "\n".join(lines)


def echo(rng):
    """Saying a text again needs no knowledge, and shows that the model reads the request."""
    common = "this is a test the of and I you we my it was not very good one hello world small big day".split()
    words = [rng.choice(common) if rng.random() < 0.5 else unknown.topic(rng).split()[-1] for _ in range(rng.randint(1, 6))]
    text = " ".join(words)
    q = rng.choice(["Say {}", "Say {}.", "Say: {}", "Repeat: {}", "Repeat after me: {}.", "Say \"{}\".", "Please say {}."])
    return q.format(text), text[0].upper() + text[1:] + "."


def ask_story(rng):
    """Returns (question, answer, hero)."""
    r = rng.random()
    if r < 0.22:
        lines, h, _ = stories.story(rng)
        return rng.choice(PLAIN), " ".join(lines), h
    if r < 0.66:
        h = stories.Hero(rng)
        who = a(h.kind)
        named = rng.random() < 0.25
        if named:
            who += rng.choice([" named ", " called "]) + h.name
        elif rng.random() < 0.25:
            who = rng.choice(["the ", a(rng.choice(stories.ADJ)) + " ", "my ", ""]) + h.kind
        lines, h, _ = stories.story(rng, h)
        return rng.choice(ASK).format(who), " ".join(lines), h
    if r < 0.8:
        h = stories.Hero(rng)
        f = stories.Hero(rng, other=h)
        lines, h, _ = stories.story(rng, h, f)
        return rng.choice(ASK).format(f"{a(h.kind)} and {a(f.kind)}"), " ".join(lines), h
    if r < 0.87:
        h = stories.Hero(rng)
        lines, h, _ = stories.story(rng, h)
        return rng.choice(ASK).format(h.name), " ".join(lines), h
    lines, h, _ = stories.story(rng)
    lead = rng.choice(["I do not know that one, but here is another story. ", "I cannot tell that one. Here is another story. "])
    return rng.choice(ASK).format(unknown.topic(rng)), lead + " ".join(lines), h


def continue_story(rng):
    """A client may send the beginning of a story as the user's turn."""
    lines, h, _ = stories.story(rng)
    text = " ".join(lines)
    r = rng.random()
    if r < 0.45:
        words = lines[0].split()
        return " ".join(words[:rng.randint(2, max(2, len(words) - 1))]), text, h
    if r < 0.6:
        start = rng.choice(["Once upon a time", "Once upon a time,", "One day", "There was", "There was once", "Long ago",
                            "Once upon a time there was", "once upon a time", "One day, a", "A long time ago"])
        first = start.split()[0].capitalize()
        for _ in range(40):
            if text.startswith(first):
                break
            lines, h, _ = stories.story(rng)
            text = " ".join(lines)
        return start + rng.choice(["", "", "..."]), text, h
    if r < 0.8:
        cut = rng.randint(1, 3)
        return rng.choice(["", "", "Continue: ", "Continue this story: "]) + " ".join(lines[:cut]), " ".join(lines[cut:]), h
    # Openings with other words: the story keeps the kind, when it knows it.
    adj, place = rng.choice(["big", "white", "old", "lazy", "small", "red"]), rng.choice(stories.PLACES)
    start = rng.choice([f"Once upon a time there was {a(h.kind)}", f"One day {a(h.kind)}", f"There was {a(adj)} {h.kind}",
                        f"There was a little {h.kind}", f"Once there was {a(h.kind)} {place}", f"The {h.kind}",
                        f"A {adj} {h.kind} was", f"{h.name} the {h.kind}", f"{h.name} was"])
    return start, text, h


def follow(rng, h):
    """Questions about the story just told."""
    return rng.choice([
        (rng.choice([f"What was the name of the {h.kind}?", f"What is the name of the {h.kind}?",
                     f"What was the {h.kind} called?"]), f"The name of the {h.kind} was {h.name}."),
        (rng.choice(["Who was the story about?", "What was the story about?", "Who is the story about?"]),
         f"The story was about {a(h.kind)} named {h.name}."),
        (rng.choice([f"Who was {h.name}?", f"Who is {h.name}?", f"What was {h.name}?"]), f"{h.name} was {a(h.kind)}.")])


def chat(rng):
    """Returns a list of (user, answer, hidden) turns."""
    r = rng.random()
    if r < 0.07:
        return [jsontext.request(rng)]
    turns, hero, n = [], None, 1 if r < 0.70 else rng.randint(2, 5) if r < 0.99 else rng.randint(8, 12)
    user_name = None
    for i in range(n):
        r = rng.random()
        if hero and r < 0.35:
            turns.append(follow(rng, hero))
            continue
        if hero and r < 0.5 and (n > 6 or sum(len(t[1]) for t in turns) < 1500):
            lines, hero, _ = stories.story(rng)
            turns.append((rng.choice(AGAIN), " ".join(lines)))
            continue
        if user_name and r < 0.3:
            turns.append((rng.choice(["What is my name?", "Do you know my name?", "Who am I?"]), f"Your name is {user_name}."))
            continue
        r = rng.random()
        if n > 1 and (i == 0 and r < 0.3 or i == n - 1 and r < 0.35):
            turns.append((rng.choice(GREET), rng.choice(GREET_ANSWERS)) if i == 0 else
                         pick(rng, rng.choice([THANKS, BYE])))
        elif r < 0.05:
            turns.append((rng.choice(GREET), rng.choice(GREET_ANSWERS)))
        elif r < 0.16:
            turns.append(pick(rng, rng.choice(SMALL)))
        elif r < 0.19:
            turns.append(pick(rng, rng.choice([THANKS, BYE])))
        elif r < 0.22:
            user_name = rng.choice(world.GIRLS + world.BOYS) if rng.random() < 0.6 else unknown.pseudo(rng).capitalize()
            turns.append((rng.choice([f"My name is {user_name}.", f"I am {user_name}.", f"Hi, I am {user_name}."]),
                          f"Nice to meet you, {user_name}!"))
        elif r < 0.235:
            turns.append(poem(rng))
        elif r < 0.255:
            turns.append(echo(rng))
        elif r < 0.47:
            q, text, hero = ask_story(rng)
            turns.append((q, text))
        elif r < 0.59:
            q, text, hero = continue_story(rng)
            turns.append((q, text))
        elif r < 0.78:
            turns.append(facts.fact(rng))
        else:
            turns.append(unknown.request(rng))
    return turns
