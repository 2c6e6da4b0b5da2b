"""Lines of conversation from templates, since dictionary sentences hold little of it."""

import random
import re

from recipes.mini.number_words import number_words

_SLOTS: dict[str, tuple[str, ...]] = {
    "name": (
        *("Anna", "Clara", "Henry", "Oscar", "Maria", "James", "Linda", "Robert", "Susan", "David"),
        *("Sarah", "Thomas", "Emma", "Daniel", "Laura", "Peter", "Helen", "Frank", "Julia"),
        *("Martin", "Grace", "Simon", "Alice", "George", "Nina", "Paul", "Ruth", "Victor", "Alex"),
        *("Kate", "Michael", "John", "Mary", "Sam", "Ben", "Lucy", "Jack", "Oliver", "Sophie"),
    ),
    "topic": (
        *(
            "the weather",
            "music",
            "the history of bread",
            "space travel",
            "small talk",
            "gardening",
        ),
        *("artificial intelligence", "climate change", "the deep sea", "old computers", "chess"),
        *("cooking at home", "learning languages", "speech synthesis", "public transport", "sleep"),
        *("science fiction", "the price of coffee", "remote work", "city planning", "bicycles"),
        *("open source software", "radio", "wild animals", "photography", "money", "good habits"),
        *("neural networks", "podcasts", "trains", "mathematics", "the ocean", "mountains", "tea"),
    ),
    "thing": (
        *("idea", "question", "story", "book", "answer", "problem", "machine", "voice", "model"),
        *("plan", "song", "picture", "project", "experiment", "city", "garden", "letter", "recipe"),
        *("meeting", "computer", "program", "journey", "window", "river", "planet", "dog", "cat"),
        *("phone", "car", "house", "game", "team", "friend", "garden", "word", "number", "day"),
    ),
    "adj": (
        *("good", "great", "interesting", "strange", "simple", "difficult", "beautiful", "useful"),
        *("funny", "important", "wonderful", "terrible", "quick", "slow", "clear", "surprising"),
        *("new", "old", "small", "big", "different", "easy", "hard", "nice", "real", "perfect"),
    ),
    "verb": (
        *("talk about", "think about", "look at", "listen to", "learn", "understand", "explain"),
        *("try", "remember", "forget", "change", "build", "read about", "start with", "return to"),
    ),
    "time": (
        *("today", "tomorrow", "yesterday", "this morning", "tonight", "last week", "next year"),
        *("every day", "in a minute", "right now", "on Monday", "on Friday", "in the summer"),
        *("a long time ago", "in the evening", "after lunch", "this weekend", "once a month"),
    ),
    "open": (
        *("Well", "So", "Right", "Okay", "Yes", "No", "Oh", "Now", "Sure", "Actually", "Honestly"),
        *("Of course", "Exactly", "I see", "You know", "By the way", "To be honest", "In fact"),
    ),
    "who": ("I", "you", "we", "they", "people", "most of us", "my friends", "the listeners"),
}
_LINES = (
    "Hello and welcome to the show.",
    "Hello, {name}. How are you {time}?",
    "Welcome back to our podcast. I'm {name}, and with me is {name}.",
    "My name is {name}, and {time} we {verb} {topic}.",
    "Today we want to talk about {topic}.",
    "Thank you for having me, {name}.",
    "Thanks, {name}. It's great to be here.",
    "Hi everyone, this is {name}.",
    "{open}, that is a {adj} {thing}.",
    "{open}, that's {adj}.",
    "{open}, what do you think about {topic}?",
    "{open}, I think {topic} is really {adj}.",
    "I'm not sure about that, {name}.",
    "I don't know. It sounds {adj} to me.",
    "Can you {verb} the {thing} again?",
    "Can you tell us more about {topic}?",
    "What is the most {adj} thing about {topic}?",
    "Why is {topic} so {adj}?",
    "How does it work?",
    "How long does it take? About {number} minutes.",
    "There are {number} of them, and every {thing} is {adj}.",
    "It costs {number} dollars {time}.",
    "{who} should {verb} the {thing} {time}.",
    "{who} never {verb} {topic}, and that's a {adj} {thing}.",
    "{open}, let's {verb} {topic}.",
    "Let me {verb} the {adj} {thing} first.",
    "Let's take a short break and come back to {topic}.",
    "That's a {adj} question, {name}.",
    "That reminds me of a {adj} {thing}.",
    "I agree with you, but the {thing} is {adj}.",
    "I've never heard such a {adj} {thing}.",
    "You're right, {name}. The {thing} was {adj} {time}.",
    "It was {time}, and the {thing} was very {adj}.",
    "Do you remember the {adj} {thing} we saw {time}?",
    "Have you ever tried to {verb} {topic}?",
    "Did you know that {topic} can be {adj}?",
    "If you like {topic}, you'll love this {thing}.",
    "Don't worry, we can {verb} it {time}.",
    "I can't believe it's already {time}.",
    "Wow, {number}! That's a lot.",
    "Really? Tell me more.",
    "Absolutely.",
    "{open}.",
    "That's all for {time}. Thanks for listening.",
    "See you next time, and goodbye.",
    "Goodbye, {name}.",
    "We'll be back {time} with more about {topic}.",
    "{open}, {name}, where should we start?",
    "First, the {thing}. Second, the {thing}. And third, {topic}.",
    "Some say it's {adj}, others say it's {adj}.",
    "The {thing} and the {thing} are both {adj}.",
    "Every {thing} has a {adj} side.",
    "I'd like to {verb} {topic} {time}, if that's okay with you.",
    "This {thing} was made by a {adj} {thing} that runs on your own computer.",
    "Is it {adj} or {adj}?",
    "Please {verb} the {thing}, {name}.",
    "{name} told me that {topic} is {adj}.",
    "And what happened then?",
    "Then the {thing} was {adj} again.",
    "Haha, that's {adj}!",
)
_SLOT = re.compile(r"\{(\w+)\}")


def chat_line(rng: random.Random) -> str:
    """Draw a line."""

    def fill(slot: re.Match[str]) -> str:
        if slot[1] == "number":
            return number_words(int(10 ** rng.uniform(0.4, 4)))
        return rng.choice(_SLOTS[slot[1]])

    line = _SLOT.sub(fill, rng.choice(_LINES))
    return line[:1].upper() + line[1:]
