"""Read small XML documents of devices, without what XML can be made to explode with."""

from xml.etree import ElementTree as ET

from weir.errors import DecodeError


def parse_xml(document: bytes) -> ET.Element:
    """Give the root of a document in UTF-8 or ASCII.

    Entities of its own are refused: they are how a small document becomes a huge one.

    Raises:
        DecodeError: not XML, another encoding, or entities.
    """
    if b"\0" in document[:200]:
        raise DecodeError("XML in another encoding than UTF-8")
    if b"<!ENTITY" in document:
        raise DecodeError("XML with entities of its own")
    try:
        return ET.fromstring(document)  # noqa: S314 - bounded, and without entities
    except ET.ParseError as error:
        raise DecodeError(f"not XML: {error}") from error
    except (ValueError, LookupError) as error:
        # An encoding that is unknown or of several bytes.
        raise DecodeError(f"not XML in UTF-8: {error}") from error


def local_name(element: ET.Element) -> str:
    """Give an element's name without its namespace."""
    return element.tag.rpartition("}")[2]
