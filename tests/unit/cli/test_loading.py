"""Help texts without imports, and paragraphs that stay as they are."""

from cli._loading import keep_blocks, summary


def test_a_summary_is_the_first_line_of_the_docstring() -> None:
    assert summary("cli.migrate") == "Bring the database's schema up to date."


def test_a_module_that_does_not_exist_has_no_summary() -> None:
    assert not summary("cli.no_such_command")


def test_a_paragraph_with_indented_lines_is_kept_as_it_is() -> None:
    text = "Do it.\n\nExample:\n    iotctl do it\n\nMore\nwords."

    assert keep_blocks(text) == keep_blocks(keep_blocks(text))
    assert keep_blocks(text) == "Do it.\n\n\b\nExample:\n    iotctl do it\n\nMore\nwords."
