"""Reading a page of HTML strictly."""

from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "input", "link"}
ENDED_BY = {"td": {"td", "th", "tr"}, "th": {"td", "th", "tr"}, "tr": {"tr"}, "li": {"li"}}  # their ends may be missing


class Page(HTMLParser):
    """Reads a page strictly: every element that begins ends in its place, and no attribute stands twice; of those that
    HTML lets end without a word, each ends where the next begins or what holds it ends."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), (tag, attrs)
        self.end_implied(lambda name: tag in ENDED_BY[name])
        path = [name for name, _, _ in self.open]
        self.elements.append((tag, dict(attrs), path))
        if tag not in VOID:
            self.open.append((tag, dict(attrs), []))

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        self.end_implied(lambda name: name != tag)
        assert self.open, f"</{tag}> without its beginning"
        self.end(tag)

    def end_implied(self, is_over):
        """End what is open and may end without a word, as long as it ``is_over``."""
        while self.open and self.open[-1][0] in ENDED_BY and is_over(self.open[-1][0]):
            self.end(self.open[-1][0])

    def end(self, tag):
        began, attrs, texts = self.open.pop()
        assert began == tag, f"<{began}> {attrs} ended by </{tag}>"
        self.texts.append((tag, attrs, "".join(texts).rstrip("\n")))
        if self.open:
            self.open[-1][2].extend(texts)

    def handle_data(self, data):
        if self.open:
            self.open[-1][2].append(data)

    def of(self, tag: str) -> list[str]:
        return [text for name, _, text in self.texts if name == tag]
