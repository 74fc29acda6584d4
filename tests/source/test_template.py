"""URL templates: braces, escapes, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import InputError, UsageError
from penstock.source.template import Template

VALUES = {"": "whole", "id": "7", "a.b": "dot", "0": "zero", "x!r": "bang", "x:>9": "spec", " id ": "blank"}


@pytest.mark.parametrize(
    ("pattern", "url"),
    [
        ("http://h/{}", "http://h/whole"),
        ("{}", "whole"),
        ("http://{id}.h/{}?a={id}#{}", "http://7.h/whole?a=7#whole"),
        ("http://h/{{{id}}}", "http://h/{7}"),
        ("http://h/{{id}}{id}", "http://h/{id}7"),
        ("http://h/{a.b}{0}{x!r}{x:>9}{ id }", "http://h/dotzerobangspecblank"),
        ("http://h/%7B{}", "http://h/%7Bwhole"),
    ],
)
def test_braces_name_a_value_and_nothing_more(pattern, url):
    """A name is taken as it stands: no attributes, no conversions, no format."""
    assert Template(pattern).fill(VALUES.__getitem__) == url


@pytest.mark.parametrize("pattern", ["http://h/{", "http://h/}", "http://h/{a{b}", "{}}", "{a}{", "{a\n{}}"])
def test_a_single_brace_is_refused(pattern):
    with pytest.raises(UsageError, match=r"has a single brace at [0-9]+; write a literal brace twice"):
        Template(pattern)


@pytest.mark.parametrize("pattern", ["", "http://h/", "http://h/{{}}"])
def test_a_template_with_nothing_to_fill_in_is_refused(pattern):
    with pytest.raises(UsageError, match=r"has nothing to fill in; write \{\} or \{column\}"):
        Template(pattern)


def test_a_template_knows_its_columns():
    template = Template("{b}{a}{b}")

    assert (template.names, template.uses_whole) == (("b", "a"), False)
    assert Template("{}").uses_whole


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_value_reaches_out_of_its_place(value):
    filled = Template("http://h/{}?").fill(lambda _name: value)

    assert not set(filled.removeprefix("http://h/").removesuffix("?")) & set('/?#&=:@ \r\n\0\\"<>')
    assert filled.isascii()


def test_plain_lines_fill_the_braces(read):
    rows = read("# codes\n a b \n\u00e9/c\n", url_template="https://h/{}.json")

    assert [(row.line, row.url) for row in rows] == [(2, "https://h/a%20b.json"), (3, "https://h/%C3%A9%2Fc.json")]


def test_a_broken_line_is_not_put_into_the_template(read):
    (row,) = read(b"\xff\n", url_template="https://h/{}")

    assert (row.url, row.fault) == (r"\xff", "not valid UTF-8")


@pytest.mark.parametrize("settings", [{"url_template": "http://h/{id}"}, {"column": "id"}])
def test_plain_lines_have_no_columns(read, settings):
    with pytest.raises(InputError, match=r"is read as plain lines, which have no column 'id'; .* input_format"):
        read("7\n", **settings)


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("a.test:8080", "http://a.test:8080/"),
        ("[::1]:80", "http://[::1]:80/"),
        ("crawl-data/a b.gz", "http://crawl-data/a%20b.gz/"),
        ("a?x=1&y=%20#z", "http://a?x=1&y=%20#z/"),
        ("100%", "http://100%25/"),
        ("caf\u00e9\r\n", "http://caf%C3%A9%0D%0A/"),
        ('"<>\\^`{|}', "http://%22%3C%3E%5C%5E%60%7B%7C%7D/"),
    ],
)
def test_a_plus_leaves_reserved_characters_as_they_are(value, url):
    """RFC 6570, section 3.2.3."""
    assert Template("http://{+}/").fill(lambda _name: value) == url
    assert Template("http://{+x}/").fill(lambda _name: value) == url


def test_a_plus_is_no_part_of_the_name():
    template = Template("{+}{+a}{b}{a}")

    assert (template.names, template.uses_whole) == (("a", "b"), True)
    assert template.rename({"a": "c"}).names == ("c", "b")
    assert template.rename({"a": "c"}).fill({"": "/", "c": "/c", "b": "/b"}.__getitem__) == "//c%2Fb%2Fc"
    assert template.names == ("a", "b")
