"""What the check asks; none of it is read by the training."""

CHAT = [
    "Tell me a story about a dog.", "Tell me a story about a fox and a bear.", "Write a short story about a little girl.",
    "Once upon a time", "One day a fox", "There was a little girl", "Tell me a story.", "Hello!", "Hi", "Who are you?",
    "What can you do?", "How are you?", "Thanks!", "Goodbye!", "What does a fox eat?", "What color is a frog?",
    "What is the opposite of hot?", "Count to five.", "What is 2 + 3?", "What comes after seven?",
    "Why is the sky blue?", "Tell me a story about a spaceship that travels to Saturn.", "Write a poem about a cat.",
    "Tell me a joke.", "What is the capital of France?", "Write a Python function that reverses a string.",
    "Explain quantum computing in one sentence.", "Translate 'good morning' to Spanish.", "What's the weather like today?",
    "Summarize the plot of Hamlet.", "Give me three tips for learning to cook.", "What is 17 * 23?",
    "Name three animals.", "Describe a fox as JSON.", "Give me JSON with the keys name and age.",
    "List three colors as JSON.", "Say this is a test", "Say hello in one word.", "asdfghjkl", "?", "42", "😀",
    "¿Dónde está la biblioteca?", "Wie heißt du?", "SELECT * FROM users;", "public static void main(String[] args)",
    "Repeat the word apple five times.", "Who won the World Cup in 1998?", "I feel a bit down today.",
    "My name is Peter.", "Do you like ice cream?", "What is Chasqui?", "Are you a robot?",
    "Write a haiku about the sea.", "Please write a very long essay about the history of trains in Europe.",
    "How do I boil an egg?", "Can penguins fly?", "What is the name of a baby cow?", "Tell me about elephants.",
    "The quick brown fox jumps over the lazy dog.", "Is water wet?", "List the days of the week.",
]
RAW = ["Once upon a time", "One day, a little dog", "There was a king", "The capital of France is", "Hello", "A fox eats"]
TALKS = [
    ("Tell me a story about a dog.", "Once upon a time, there was a shy dog named Rex. He lived by the sea. Rex was very "
     "happy.", "What was the name of the dog?"),
    ("My name is Anna.", "Nice to meet you, Anna!", "What is my name?"),
    ("Tell me a story.", "There was a happy hen named Kim. She lived on a farm. Kim was very happy.", "Another one, please."),
    ("Hello!", "Hello! How can I help you today?", "Thank you!"),
]
SYSTEM = "You are a helpful assistant."

# (question, a word the answer must hold)
FACTS = [("What color is a fox?", "red"), ("What does a cow eat?", "grass"), ("What does a dog say?", "woof"),
         ("What is the opposite of big?", "small"), ("What is the opposite of night?", "day"), ("What is 4 + 4?", "8"),
         ("How many legs does a bee have?", "six"), ("Can an owl fly?", "Yes"), ("Can a cat fly?", "No"),
         ("Where does a bear live?", "cave"), ("What color is snow?", "white"), ("What is a baby dog called?", "puppy"),
         ("What day comes after Monday?", "Tuesday"), ("Count to three.", "three"), ("What is 9 + 3?", "12"),
         ("What do rabbits eat?", "carrots"), ("What comes after nine?", "ten"), ("Who are you?", "mini"),
         ("What is the capital of Norway?", "small"), ("Write a program in C.", "code")]

GROUPS = {
    "story": ["The little fox lived in a big forest.", "Once upon a time, there was a brave dog named Max.",
              "The dog looked behind the tree, but the ball was not there.", "A shy bear found honey near the river."],
    "chat": ["Hello! How can I help you today?", "Hi there! How are you?", "Good morning! Thank you very much.",
             "Goodbye! Have a nice day."],
    "json": ['{"name": "fox", "color": "red", "age": 3}', '{"name": "Tom", "age": 7, "happy": true}',
             '["dog", "cat", "bear"]', '{"answer": "unknown", "tags": ["red", "small"]}'],
}
ODD_TEXTS = ["", " ", "  two  blanks  ", "tabs\t\tand\nlines\r\n\n", "It's we'll I'D can't", "naïve café — “quotes”…",
             "日本語テキスト 한국어 العربية हिन्दी", "👩‍👩‍👧 flags 🇪🇺", "x = {'a': [1, 2.5e-3]} # ok?", "12345 ½ ² ٣",
             "\u00a0\u2003\u3000odd blanks", "\x00\x01\x7f\x85\u200b\ufeff", "<|im_start|> <|im_end|>"]
