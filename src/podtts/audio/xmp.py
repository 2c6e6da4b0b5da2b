"""XMP with one property: the digital source type of IPTC, which says what made a recording.

Source: Adobe, XMP specification, parts 1 and 3; IPTC photo metadata standard, Digital Source Type.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

_PACKET = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
<Iptc4xmpExt:DigitalSourceType>{source_type}</Iptc4xmpExt:DigitalSourceType>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def xmp_packet(source_type: str) -> bytes:
    """Return a packet in UTF-8. source_type: a URI of IPTC's vocabulary."""
    return _PACKET.format(source_type=escape(source_type)).encode()
